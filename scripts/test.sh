#!/usr/bin/env bash
# Everything that must hold. Its last line counts the tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

log=$(mktemp)
times=()
current=

say() { printf '\n== %s\n' "$*"; }

# A part of it: its name, and the command that does it.
stage() {
  local start=$SECONDS
  current=$1
  say "$current"
  "${@:2}" 2>&1 | tee -a "$log"
  times+=("$(printf '%4d s  %s' $((SECONDS - start)) "$current")")
  current=
}

# Whatever was printed last, how long each part took and what has failed stand at the end.
finish() {
  local status=$?
  if ((status != 0)); then
    say 'times'
    printf '%s\n' ${times[@]+"${times[@]}"}
    say "FAILED after $SECONDS s: $current"
    grep -aE '^ *(✖|✘|×|FAIL) |^test .* FAILED$|panicked at|^(FAIL|ERROR|error(\[E[0-9]+\])?): ' "$log" | tail -n 20 || true
  fi
  rm -f "$log"
}
trap finish EXIT

client() {
  scripts/client.sh lint
  scripts/client.sh types
  scripts/client.sh build
  scripts/client.sh docs
  scripts/client.sh test
  scripts/client.sh size -w @callboard/client
  scripts/client.sh generate -w @callboard/client -- --check
  scripts/client.sh test:server -w @callboard/client
}

everything=(--workspace --all-features)

stage 'format' cargo fmt --all --check
stage 'lints' cargo clippy "${everything[@]}" --all-targets -- -D warnings
stage 'build' cargo build "${everything[@]}" --bins --examples
stage 'the client: lints, types, reference, unit tests, size, against the server' client
stage 'unit, conformance and integration tests, simulation' cargo test "${everything[@]}"
stage 'interoperability: callboard dev' interop/run.sh
stage 'interoperability: a fleet' env CALLBOARD_TARGET=fleet target/debug/with-postgres interop/run.sh
stage 'the page, in a browser' scripts/client.sh e2e
stage 'faults' target/debug/chaos --short

say 'times'
printf '%s\n' "${times[@]}"

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
say "done in $SECONDS s"
# Any failure has ended this script before.
echo "$passed passed, 0 failed"
