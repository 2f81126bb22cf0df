#!/usr/bin/env bash
# Runs the demo gateway, and `trunk serve` in front of it, which rebuilds the page and forwards /api (Trunk.toml).
set -euo pipefail
cd "$(dirname "$0")/.."

target/debug/zulip-presence-gateway --demo --status-messages show --listen 127.0.0.1:8640 &
gateway=$!
trap 'kill "$gateway" 2>/dev/null || true' EXIT
for _ in $(seq 100); do
  kill -0 "$gateway" 2>/dev/null || exit 1 # it has said why
  (: </dev/tcp/127.0.0.1/8640) 2>/dev/null && break
  sleep 0.1
done
env -u NO_COLOR trunk --skip-version-check serve --dist target/dev
