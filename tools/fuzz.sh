#!/usr/bin/env bash
# Fuzzes each target for SECONDS, one after the other, starting with its seeds. Inputs that make a target fail are stored in fuzz/artifacts/.
# Usage: tools/fuzz.sh SECONDS [TARGET...]
#        tools/fuzz.sh pack [TARGET...]: minimises what was found in fuzz/corpus/ and packs it into fuzz/seeds/
set -euo pipefail
cd "$(dirname "$0")/../fuzz"

what=$1
shift
cargo fuzz build -s none
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets < <(cargo fuzz list)
for target in "${targets[@]}"; do
  mkdir -p "corpus/$target" "artifacts/$target"
  if [ "$what" = pack ]; then
    # One seed per edge. For the engine, whose state matters, each loop count is a separate feature.
    counters=0
    [ "$target" != engine ] || counters=1
    cargo fuzz cmin -s none "$target" "corpus/$target" -- -use_counters="$counters"
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "corpus/$target" -c . | gzip -9n >"seeds/$target.tar.gz"
    continue
  fi
  tar -xzf "seeds/$target.tar.gz" -C "corpus/$target"
  options=(-max_total_time="$what" -max_len=4096 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 -verbosity=0)
  [ ! -e "$target.dict" ] || options+=(-dict="$target.dict")
  printf 'fuzz: %s, %s s\n' "$target" "$what"
  cargo fuzz run -s none "$target" "corpus/$target" -- "${options[@]}"
done
