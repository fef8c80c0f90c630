#!/usr/bin/env bash
# Installs what the packages under client/ need, if that has changed, and runs one of their scripts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../client"

if [[ ! node_modules/.package-lock.json -nt package-lock.json ]]; then
  echo '== npm packages of the client'
  npm ci --no-audit --no-fund --loglevel=error
fi
exec npm run --silent "$@"
