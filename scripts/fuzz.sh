#!/usr/bin/env bash
# Fuzzes each target for FUZZ_SECONDS (default 300), guided by coverage. What it finds interesting
# stays in target/fuzz-corpus; what crashes is printed and kept in fuzz/artifacts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

command -v cargo-fuzz >/dev/null || cargo install --locked cargo-fuzz
# cargo-fuzz needs compiler flags that stable Rust keeps to itself.
export RUSTC_BOOTSTRAP=1
for target in engine_packets socketio_packets session; do
  echo "== $target"
  mkdir -p "target/fuzz-corpus/$target"
  cargo fuzz run --sanitizer none "$target" "target/fuzz-corpus/$target" "fuzz/corpus/$target" -- \
    -max_total_time="${FUZZ_SECONDS:-300}" -print_final_stats=1
done
