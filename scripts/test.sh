#!/usr/bin/env bash
# Everything that must hold. Its last line counts the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

log=$(mktemp)
say() { printf '\n== %s\n' "$*"; }

# Whatever was printed last, a failure is named at the end.
finish() {
  local status=$?
  if ((status != 0)); then
    say 'FAILED'
    grep -aE '^ *(✖|✘|×|FAIL) |^test .* FAILED$|panicked at|^(FAIL|ERROR): ' "$log" | tail -n 20 || true
  fi
  rm -f "$log"
}
trap finish EXIT

say 'format'
cargo fmt --all --check

say 'lints'
cargo clippy --workspace --all-targets --all-features -- -D warnings

# The worlds run in a profile in which thousands take seconds; what is built without them is what the other tests want.
without_worlds=(--workspace --exclude callboard-simulation --all-features)

say 'build'
cargo build "${without_worlds[@]}" --bins --examples

say 'the client: lints, types, reference, unit tests, size, against the server'
scripts/client.sh lint
scripts/client.sh types
scripts/client.sh build
scripts/client.sh docs
scripts/client.sh test 2>&1 | tee -a "$log"
scripts/client.sh size -w @callboard/client
scripts/client.sh generate -w @callboard/client -- --check
scripts/client.sh test:server -w @callboard/client 2>&1 | tee -a "$log"

say 'unit, conformance and integration tests'
cargo test "${without_worlds[@]}" 2>&1 | tee -a "$log"

say 'simulation'
cargo test --profile simulation -p callboard-simulation 2>&1 | tee -a "$log"

say 'interoperability: callboard dev'
interop/run.sh 2>&1 | tee -a "$log"

say 'interoperability: a fleet'
CALLBOARD_TARGET=fleet target/debug/with-postgres interop/run.sh 2>&1 | tee -a "$log"

say 'the page, in a browser'
scripts/client.sh e2e 2>&1 | tee -a "$log"

say 'faults'
target/debug/chaos --short 2>&1 | tee -a "$log"

# Each runner has its own way to say how many.
passed=$(
  {
    sed -nE 's/^test result: .* ([0-9]+) passed.*/\1/p' "$log"
    sed -nE 's/^. all: ([0-9]+) passed.*/\1/p' "$log"
    sed -E 's/\x1b\[[0-9;]*m//g' "$log" | sed -nE 's/^ +(Tests +)?([0-9]+) passed.*/\2/p'
    sed -nE 's/^Ran ([0-9]+) tests? in .*/\1/p' "$log"
    grep -cE '^\| [^|]+ \| [0-9]+ \|' "$log" || true
  } | awk '{ sum += $1 } END { print sum + 0 }'
)
say 'done'
# Any failure has ended this script before.
echo "$passed passed, 0 failed"
