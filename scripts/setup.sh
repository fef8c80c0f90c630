#!/usr/bin/env bash
# Installs what a fresh Debian machine with Rust and Node.js lacks to build, and for each name given:
# `services` (PostgreSQL, Redis, haproxy), `tests` (Python, Chromium). Does nothing where nothing is
# missing.
set -euo pipefail

wants() { [[ " $wanted " == *" $1 "* ]]; }
wanted=$*

need() {
  echo "$1 is needed: $2" >&2
  exit 1
}

command -v cargo >/dev/null || need cargo 'install Rust (rustup.rs)'
command -v node >/dev/null || need node 'install Node.js 20.19 or later'

# Debian keeps servers where a user's PATH does not lead.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

packages=()
services=()
command -v cc >/dev/null || packages+=(build-essential)
if wants tests; then
  command -v python3 >/dev/null || packages+=(python3)
  python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
  # With a typeface: without one, nothing that is written has a size.
  command -v chromium >/dev/null || packages+=(chromium fonts-liberation)
fi
if wants services; then
  compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null || services+=(postgresql)
  command -v redis-server >/dev/null || services+=(redis-server)
  command -v haproxy >/dev/null || services+=(haproxy)
fi
packages+=(${services[@]+"${services[@]}"})

if ((${#packages[@]} > 0)); then
  echo "== installing ${packages[*]}"
  ((EUID == 0)) || need "${packages[*]}" "sudo apt-get install ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  # Only the programs are wanted: no service starts now, or with the machine.
  policy=/usr/sbin/policy-rc.d
  if ((${#services[@]} > 0)) && [[ ! -e $policy ]]; then
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends "${packages[@]}"
  for service in ${services[@]+"${services[@]}"}; do
    update-rc.d "$service" disable >/dev/null 2>&1 || true
  done
fi
