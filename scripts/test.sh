#!/usr/bin/env bash
# Everything that must hold. Its last line counts the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT
say() { printf '\n== %s\n' "$*"; }

say 'format'
cargo fmt --all --check

say 'lints'
cargo clippy --workspace --all-targets --all-features -- -D warnings

say 'unit, conformance and integration tests'
cargo test --workspace --all-features 2>&1 | tee -a "$log"

say 'interoperability'
cargo build --workspace --bins
cargo build -p callboard-gateway --example conformance
interop/run.sh 2>&1 | tee -a "$log"

# Three runners, three ways to say how many.
passed=$(
  {
    sed -nE 's/^test result: .* ([0-9]+) passed.*/\1/p' "$log"
    sed -nE 's/^. all: ([0-9]+) passed.*/\1/p' "$log"
    sed -nE 's/^Ran ([0-9]+) tests? in .*/\1/p' "$log"
  } | awk '{ sum += $1 } END { print sum + 0 }'
)
say 'done'
# Any failure has ended this script before.
echo "$passed passed, 0 failed"
