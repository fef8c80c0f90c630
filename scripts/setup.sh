#!/usr/bin/env bash
# Installs what a fresh Debian machine with Rust and Node.js lacks. Does nothing where nothing is
# missing.
set -euo pipefail

need() {
  echo "$1 is needed: $2" >&2
  exit 1
}

command -v cargo >/dev/null || need cargo 'install Rust (rustup.rs)'
command -v node >/dev/null || need node 'install Node.js 20 or later'

packages=()
command -v cc >/dev/null || packages+=(build-essential)
command -v python3 >/dev/null || packages+=(python3)
python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)

if ((${#packages[@]} > 0)); then
  echo "== installing ${packages[*]}"
  ((EUID == 0)) || need "${packages[*]}" "sudo apt-get install ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -qq -y --no-install-recommends "${packages[@]}"
fi
