#!/usr/bin/env bash
# Measures open streams of one gateway on loopback: memory, the time from an event of the simulated Zulip to every page, and the
# processor's time while nobody comes or goes. Pages, gateway and Zulip share this machine. Timings are printed, never judged.
# Usage: STREAMS="1000 10000" bench/streams.sh
set -euo pipefail
cd "$(dirname "$0")/.."

GATEWAY=${GATEWAY:-target/gateway/zulip-presence-gateway}
# One file for each stream, here and in the gateway, and the gateway's 4,096 connections for requests.
ulimit -n 16000
cargo run --quiet --profile gateway -p zulip-presence-gateway --example streams -- "$GATEWAY" ${STREAMS:-1000 10000}
