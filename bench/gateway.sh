#!/usr/bin/env bash
# Measures the gateway beside nginx serving files of the same bytes, in one run: requests per second, p99, memory, time to the first
# answer. What is compared is measured in turns, and medians are given, so that a busy machine disturbs both alike. Everything listens
# on loopback. Timings are printed, never judged.
# Usage: ROUNDS=7 SECONDS_EACH=3 STARTS=9 bench/gateway.sh
set -euo pipefail
cd "$(dirname "$0")/.."

GATEWAY=${GATEWAY:-target/gateway/zulip-presence-gateway}
NGINX=$(command -v nginx || echo /usr/sbin/nginx)
ROUNDS=${ROUNDS:-7}
EACH=${SECONDS_EACH:-3}
STARTS=${STARTS:-9}
PEOPLE=10000
ZULIP=127.0.0.1:18650 DEMO=127.0.0.1:18651 LISTEN=127.0.0.1:18652 FILES=127.0.0.1:18653

work=$(mktemp -d)
started=()
gateway=
# Whatever happens, nothing of this stays.
trap 'kill "${started[@]}" $gateway 2>/dev/null || true; wait; rm -rf "$work"' EXIT

await() { # host:port
  for _ in $(seq 400); do
    (: <"/dev/tcp/${1/://}") 2>/dev/null && return
    sleep 0.05
  done
  echo "nothing listens on $1" >&2
  exit 1
}

median() { # of the lines of standard input
  sort -g | awk '{ all[NR] = $1 } END { print (all[int((NR + 1) / 2)] + all[int(NR / 2) + 1]) / 2 }'
}

start_gateway() {
  env -i ZULIP_SITE=http://$ZULIP ZULIP_EMAIL=presence-bot@example.com ZULIP_API_KEY=simulated \
    "$GATEWAY" --listen $LISTEN >"$work/gateway.log" 2>&1 &
  gateway=$!
  await $LISTEN
  until curl -fsS "http://$LISTEN/metrics" | grep -q 'kind="users",outcome="ok"'; do sleep 0.05; done
}
stop_gateway() {
  kill "$gateway"
  wait "$gateway" || true
}

env -i "$GATEWAY" --demo --demo-people $PEOPLE --demo-listen $ZULIP --listen $DEMO >"$work/zulip.log" 2>&1 &
started+=($!)
await $ZULIP

batch() { # first last
  printf 'http://%s/api/v1/realm/presence?users=%%5B%s%%5D' "$LISTEN" "$(seq -s, "$1" "$2")"
}
single=http://$LISTEN/api/v1/users/12/presence
seconds() { curl -fsS -o /dev/null -w '%{time_total}\n' "$@"; }

# A page asks, the gateway asks Zulip, Zulip answers with everybody: what is beyond Zulip's own time is ours.
for _ in $(seq "$STARTS"); do
  start_gateway
  zulip=$(seconds -u presence-bot@example.com:simulated "http://$ZULIP/api/v1/realm/presence")
  page=$(seconds "$single")
  echo "$zulip" >>"$work/zulip.s"
  awk -v a="$page" -v b="$zulip" 'BEGIN { print a - b }' >>"$work/ours.s"
  stop_gateway
done
echo "first answer to a page after a start, $STARTS starts, ms beyond Zulip's own reply with $PEOPLE people:" \
  "median $(median <"$work/ours.s" | awk '{ printf "%.0f", $1 * 1000 }')," \
  "most $(sort -g "$work/ours.s" | tail -n 1 | awk '{ printf "%.0f", $1 * 1000 }')" \
  "(Zulip's own: median $(median <"$work/zulip.s" | awk '{ printf "%.0f", $1 * 1000 }'))"

start_gateway
resident() { awk '/^VmRSS/ { printf "%.1f MB", $2 / 1024 }' "/proc/$gateway/status"; }
curl -fsS "$single" -o "$work/single"
curl -fsS "$(batch 10001 10050)" -o "$work/batch"
curl -fsS -H 'Accept-Encoding: br' "$(batch 10001 10050)" -o "$work/packed"

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

load() { # name url header...: appends requests/s and p99 in ms
  local name=$1 url=$2
  shift 2
  wrk -t1 -c32 -d"${EACH}s" --latency "$@" "$url" >"$work/wrk.out"
  grep Non-2xx "$work/wrk.out" >&2 && exit 1
  awk '/Requests\/sec/ { print $2 }' "$work/wrk.out" >>"$work/$name.rate"
  awk '/99%/ { v = $2; print /us$/ ? v / 1000 : /[0-9]s$/ && !/ms$/ ? v * 1000 : v + 0 }' "$work/wrk.out" >>"$work/$name.p99"
}

for _ in $(seq "$ROUNDS"); do
  load single.ours "$single"
  load single.nginx "http://$FILES/single"
  load batch.ours "$(batch 10001 10050)"
  load batch.nginx "http://$FILES/batch"
  load packed.ours "$(batch 10001 10050)" -H 'Accept-Encoding: br'
  load packed.nginx "http://$FILES/packed"
done

printf '\nmedians of %d rounds of %s s, in turns\n' "$ROUNDS" "$EACH"
printf '%-28s %6s %10s %8s %10s %8s %6s %14s\n' reply bytes gateway/s 'p99 ms' nginx/s 'p99 ms' ratio 'ratios'
for reply in single batch packed; do
  paste "$work/$reply.ours.rate" "$work/$reply.nginx.rate" | awk '{ print $1 / $2 }' >"$work/$reply.ratio"
  case $reply in
    single) name='one person' ;;
    batch) name='50 people' ;;
    packed) name='50 people, brotli' ;;
  esac
  printf '%-28s %6d %10.0f %8.1f %10.0f %8.1f %6.2f %14s\n' "$name" "$(stat -c %s "$work/$reply")" \
    "$(median <"$work/$reply.ours.rate")" "$(median <"$work/$reply.ours.p99")" \
    "$(median <"$work/$reply.nginx.rate")" "$(median <"$work/$reply.nginx.p99")" \
    "$(median <"$work/$reply.ratio")" "$(sort -g "$work/$reply.ratio" | awk '{ v = sprintf("%.2f", $1); if (NR == 1) first = v } END { print first "-" v }')"
done

echo
echo "memory before anybody of the $PEOPLE is watched (51 of them are): $(resident)"
for first in $(seq 10001 50 $((10000 + PEOPLE))); do
  curl -fsS "$(batch "$first" $((first + 49)))" -o /dev/null
done
curl -fsS "http://$LISTEN/metrics" | grep -E '^zulip_presence_(watched_users|upstream_requests_total)'
echo "memory with them: $(resident)"
echo "waiting 75 s for two refreshes"
sleep 75
echo "memory after that: $(resident)"
curl -fsS "http://$LISTEN/metrics" | grep '^zulip_presence_upstream_requests_total'
