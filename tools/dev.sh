#!/usr/bin/env bash
# The demo gateway, and in front of it `trunk serve`, which rebuilds the page and hands /api on (Trunk.toml).
set -euo pipefail
cd "$(dirname "$0")/.."

target/debug/zulip-presence-gateway --demo --listen 127.0.0.1:8640 &
gateway=$!
trap 'kill "$gateway" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  kill -0 "$gateway" 2>/dev/null || exit 1 # it has said why
  (: </dev/tcp/127.0.0.1/8640) 2>/dev/null && break
  sleep 0.1
done
env -u NO_COLOR trunk --skip-version-check serve --dist target/dev
