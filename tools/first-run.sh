#!/usr/bin/env bash
# What a newcomer waits for: a fresh clone with empty homes of Cargo and npm, `make demo` until it serves, then `make test`. Prints seconds,
# and what they leave on the disk. rustup's toolchain, Node.js and the browser are those of this machine. Run it alone: it takes all cores.
# Usage: tools/first-run.sh [demo|test]   (both without an argument; `demo` ends before the tests)
set -euo pipefail
cd "$(dirname "$0")/.."

WHAT=${1:-test}
PLACE=$(mktemp -d)
LOG=$PLACE/log
trap 'rm -rf "$PLACE"' EXIT
RUSTUP=$(command -v rustup)

# Only rustup's own commands of the Cargo home that is on PATH: no tool that it has installed.
mkdir "$PLACE/bin"
for name in cargo rustc rustdoc rustup; do ln -s "$RUSTUP" "$PLACE/bin/$name"; done
export PATH="$PLACE/bin:/usr/local/bin:/usr/bin:/usr/sbin:/bin" CARGO_HOME="$PLACE/cargo" npm_config_cache="$PLACE/npm"
export RUSTUP_HOME=${RUSTUP_HOME:-$HOME/.rustup}
unset CARGO_TARGET_DIR

git clone --quiet . "$PLACE/clone"
cd "$PLACE/clone"

# Prints what make and its tools say that they begin, with the seconds until then.
watch() {
  local since=$SECONDS line
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$LOG"
    case $line in "==> "* | "setup: "*) printf '%5d s  %s\n' $((SECONDS - since)) "$line" ;; esac
  done
}

step() { # name command...
  local name=$1 since=$SECONDS
  shift
  "$@" || { tail -n 40 "$LOG"; exit 1; }
  printf '%5d s for %s\n' $((SECONDS - since)) "$name"
}

demo() {
  setsid make demo > >(watch) 2>&1 &
  local group=$!
  until grep -q 'listening on http' "$LOG"; do
    kill -0 "$group" 2>/dev/null || return 1
    sleep 1
  done
  kill -- "-$group"
  wait "$group" 2>/dev/null || true
}

tests() { make test > >(watch) 2>&1; }

: >"$LOG"
step "make demo" demo
du -sh target node_modules "$CARGO_HOME" "$npm_config_cache"
[ "$WHAT" = demo ] && exit
step "make test" tests
grep -E '^(test result:|[0-9]+ passed)' "$LOG" | tail -n 20
du -sh target
