#!/usr/bin/env bash
# Brings what building, testing and the demo need: Debian packages, a virtual environment .venv in the checkout and the NuGet
# packages of the C# projects. The .NET SDK, which Debian does not have, must be there.
# Quick and offline where everything is there already; may be run as often as one likes. Needs Debian 12 (or a relative of
# it) and, where a package is missing, root or sudo.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

packages=(
  # build
  build-essential cmake ninja-build ccache pkg-config libboost-dev libcli11-dev nlohmann-json3-dev zlib1g-dev
  # Python package
  python3-dev python3-pip python3-venv python3-setuptools python3-wheel python3-pybind11 pybind11-dev python3-numpy
  # tests
  clang clang-format clang-tidy libclang-rt-14-dev llvm-14 libboost-context-dev libgtest-dev libgmock-dev
  python3-pytest python3-pytest-timeout python3-hypothesis mypy spin strace procps util-linux
  # other systems, measured beside ours
  libzmq3-dev libnng-dev libiceoryx-posh-dev iceoryx libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
  gstreamer1.0-plugins-base gstreamer1.0-plugins-bad
  # benchmarks in Python and C
  python3-zmq valgrind
  # demo
  ffmpeg forensics-samples-files python3-pil
)

missing=()
for package in "${packages[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
  as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "setup: as root, run: apt-get install ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "setup: installing ${missing[*]}"
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 "$@" </dev/null >"$log" 2>&1; }
  if ! { apt update && apt install --no-install-recommends "${missing[@]}"; }; then
    cat "$log" >&2
    echo "setup: apt-get failed, see above" >&2
    exit 1
  fi
fi

# The system's Python, because Debian's numpy, pytest and mypy belong to it and to no other that may stand first in PATH.
if ! .venv/bin/python -c 'import sys, pip, numpy; sys.exit(sys.prefix == sys.base_prefix)' 2>/dev/null; then
  echo "setup: making the virtual environment .venv"
  rm -rf .venv
  /usr/bin/python3 -m venv --system-site-packages .venv
fi

if ! dotnet --list-sdks 2>/dev/null | grep -qE '^1[0-9]\.'; then
  echo "setup: the .NET SDK 10 or later is missing: apt-get install dotnet-sdk-10.0 where your distribution has it," \
    "else see https://learn.microsoft.com/dotnet/core/install/linux" >&2
  exit 1
fi
log=$(mktemp)
if ! dotnet restore csharp/ZeroBuffer.slnx -nodeReuse:false >"$log" 2>&1 </dev/null; then
  cat "$log" >&2
  echo "setup: the packages of the C# projects could not be restored, see above" >&2
  rm -f "$log"
  exit 1
fi
rm -f "$log"
