#!/usr/bin/env bash
# Runs every interoperability test: stock JavaScript clients, then the Python client.
#
#   CALLBOARD_BIN, CONFORMANCE_BIN   the binaries, relative to this folder
#                                    (../target/debug/callboard, ../target/debug/examples/conformance)
#   CALLBOARD_TARGET                 dev (default) or fleet; a fleet needs redis-server and haproxy,
#                                    and in POSTGRES_URL a PostgreSQL server to make databases on
#   ./run.sh [test/file.test.js …]   only these files, without the Python client
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf '== %s\n' "$*"; }

for binary in "${CALLBOARD_BIN:-../target/debug/callboard}" "${CONFORMANCE_BIN:-../target/debug/examples/conformance}"; do
  if [[ ! -x "$binary" ]]; then
    echo "$binary is missing: cargo build && cargo build -p callboard-gateway --example conformance" >&2
    exit 1
  fi
done

# A copy of the lock file tells what the installed packages were made from.
fresh() { cmp -s "$1" "$2"; }

for folder in . ../examples; do
  if ! fresh "$folder/package-lock.json" "$folder/node_modules/.made-from"; then
    say "npm ci in $folder"
    npm ci --prefix "$folder" --no-audit --no-fund --loglevel=error
    cp "$folder/package-lock.json" "$folder/node_modules/.made-from"
  fi
done

everything=false
if [[ $# -eq 0 ]]; then
  everything=true
  set -- test/*.test.js
  if [[ "${CALLBOARD_TARGET:-dev}" == fleet ]]; then
    # The others are about the protocols alone, or about `callboard dev`.
    set -- $(printf '%s\n' "$@" | grep -vE '/(engine|socketio|command-line)\.')
  fi
  if ! fresh requirements.txt .venv/.made-from; then
    say 'pip install in .venv'
    python3 -m venv --clear .venv
    .venv/bin/pip install --quiet --disable-pip-version-check -r requirements.txt
    cp requirements.txt .venv/.made-from
  fi
fi

mkdir -p results
status=0

say "JavaScript clients: $# files"
# A file may take ten minutes: what hangs is to fail, and say where.
node --test --test-concurrency=2 --test-timeout=600000 \
  --test-reporter=./lib/reporter.js --test-reporter-destination=stdout \
  --test-reporter=junit --test-reporter-destination=results/javascript.xml \
  "$@" || status=1

if $everything; then
  say 'Python client'
  node lib/with-server.js .venv/bin/python -B python/test_python_client.py || status=1
fi

if ((status == 0)); then say 'all passed'; else say 'FAILED'; fi
exit "$status"
