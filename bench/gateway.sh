#!/usr/bin/env bash
# Measures the gateway beside nginx serving files of the same bytes, in one run: requests per second, p99, memory, time to the first
# answer. Everything listens on loopback. Timings are printed, never judged.
# Usage: SECONDS_EACH=8 bench/gateway.sh
set -euo pipefail
cd "$(dirname "$0")/.."

GATEWAY=target/gateway/zulip-presence-gateway
NGINX=$(command -v nginx || echo /usr/sbin/nginx)
EACH=${SECONDS_EACH:-8}
PEOPLE=10000
ZULIP=127.0.0.1:18650 DEMO=127.0.0.1:18651 LISTEN=127.0.0.1:18652 FILES=127.0.0.1:18653

work=$(mktemp -d)
started=()
# Whatever happens, nothing of this stays.
trap 'kill "${started[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT

await() { # host:port
  for _ in $(seq 200); do
    (: <"/dev/tcp/${1/://}") 2>/dev/null && return
    sleep 0.05
  done
  echo "nothing listens on $1" >&2
  exit 1
}

env -i "$GATEWAY" --demo --demo-people $PEOPLE --demo-listen $ZULIP --listen $DEMO >"$work/zulip.log" 2>&1 &
started+=($!)
await $ZULIP
env -i ZULIP_SITE=http://$ZULIP ZULIP_EMAIL=presence-bot@example.com ZULIP_API_KEY=simulated \
  "$GATEWAY" --listen $LISTEN >"$work/gateway.log" 2>&1 &
gateway=$!
started+=("$gateway")
await $LISTEN
until curl -fsS "http://$LISTEN/metrics" | grep -q 'kind="users",outcome="ok"'; do sleep 0.05; done

batch() { # first last
  printf 'http://%s/api/v1/realm/presence?users=%%5B%s%%5D' "$LISTEN" "$(seq -s, "$1" "$2")"
}
resident() { awk '/^VmRSS/ { printf "%.1f MB", $2 / 1024 }' "/proc/$gateway/status"; }

single=http://$LISTEN/api/v1/users/12/presence
zulip() { curl -fsS -u presence-bot@example.com:simulated -o /dev/null -w '%{time_total}' "http://$ZULIP/api/v1/$1"; }
echo "first answer to a page: $(curl -fsS -o /dev/null -w '%{time_total}' "$single") s; Zulip's own reply with $PEOPLE people: $(zulip realm/presence) s"
curl -fsS "$single" -o "$work/single"
curl -fsS "$(batch 10001 10050)" -o "$work/batch"

cat >"$work/nginx.conf" <<CONF
daemon off; worker_processes auto; pid $work/pid; error_log $work/error.log;
events { worker_connections 1024; }
http {
  access_log off; default_type application/json; open_file_cache max=10; sendfile on; keepalive_requests 10000000;
  client_body_temp_path $work/t1; proxy_temp_path $work/t2; fastcgi_temp_path $work/t3; uwsgi_temp_path $work/t4; scgi_temp_path $work/t5;
  server { listen $FILES; root $work; }
}
CONF
chmod 755 "$work"
"$NGINX" -c "$work/nginx.conf" -e "$work/error.log" &
started+=($!)
await $FILES

load() { # url
  wrk -t1 -c32 -d"${EACH}s" --latency "$1" |
    awk '/99%/ { p99 = $2 } /Requests\/sec/ { rate = $2 } /Non-2xx/ { bad = " (" $0 " )" } END { printf "%s %s%s\n", rate, p99, bad }'
}

printf '\n%-22s %8s %12s %8s %12s %8s %6s\n' reply bytes gateway/s p99 nginx/s p99 ratio
for reply in single batch; do
  [ $reply = single ] && url=$single || url=$(batch 10001 10050)
  read -r ours ours_p99 <<<"$(load "$url")"
  read -r theirs theirs_p99 <<<"$(load "http://$FILES/$reply")"
  printf '%-22s %8d %12.0f %8s %12.0f %8s %6.2f\n' "$reply" "$(stat -c %s "$work/$reply")" "$ours" "$ours_p99" "$theirs" "$theirs_p99" \
    "$(awk -v a="$ours" -v b="$theirs" 'BEGIN { print a / b }')"
done

echo
echo "memory before anybody of the $PEOPLE is watched (12 and 50 of them are): $(resident)"
for first in $(seq 10001 50 $((10000 + PEOPLE))); do
  curl -fsS "$(batch "$first" $((first + 49)))" -o /dev/null
done
curl -fsS "http://$LISTEN/metrics" | grep -E '^zulip_presence_(watched_users|upstream_requests_total)'
echo "memory with them: $(resident)"
echo "waiting 75 s for two refreshes"
sleep 75
echo "memory after that: $(resident)"
curl -fsS "http://$LISTEN/metrics" | grep '^zulip_presence_upstream_requests_total'
