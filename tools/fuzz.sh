#!/usr/bin/env bash
# Fuzzes each target for a stated time, one after the other, beginning with its seeds. What makes one fail is left in fuzz/artifacts/.
# Usage: tools/fuzz.sh SECONDS [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

seconds=$1
shift
cargo fuzz build -s none
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target" "artifacts/$target"
  options=(-max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0)
  [ ! -e "$target.dict" ] || options+=(-dict="$target.dict")
  printf 'fuzz: %s, %s s\n' "$target" "$seconds"
  cargo fuzz run -s none "$target" "corpus/$target" "seeds/$target" -- "${options[@]}"
done
