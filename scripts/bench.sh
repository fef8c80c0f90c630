#!/usr/bin/env bash
# Memory per connection and CPU per delivery; see docs/PERFORMANCE.md. CONNECTIONS=N for fewer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

ulimit -n "$(ulimit -Hn)"
cargo bench --bench footprint
