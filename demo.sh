#!/usr/bin/env bash
# Sets up, builds what the demo needs, and plays a real video: ffmpeg → C++ → Python → C#, in shared memory.
#
#   ./demo.sh                a phone recording in 1080p, 25 times
#   ./demo.sh --input FILE   any other video
#   ./demo.sh --loop 1       quick
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
caller=$PWD
cd "$here"
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1

# quietly STEP COMMAND…: shows what a command printed only where it fails.
quietly() {
  local step=$1 log
  shift
  log=$(mktemp)
  printf '%s … ' "$step"
  if "$@" >"$log" 2>&1 </dev/null; then
    echo done
    rm -f "$log"
  else
    echo failed
    cat "$log" >&2
    rm -f "$log"
    exit 1
  fi
}

build() {
  cmake --preset release &&
    cmake --build --preset release --parallel "$(nproc)" --target example_video_feeder zerobuffer_c
}

# No build server of .NET outlives the build.
build_viewer() { dotnet build demo/csharp --configuration Release -nodeReuse:false -p:UseSharedCompilation=false; }

install_package() {
  rm -rf build/lib* && .venv/bin/pip install --quiet --no-index --no-deps --no-build-isolation --force-reinstall .
}

case " $* " in
  *" --help "* | *" -h "*) sed -n '2,6s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
esac
scripts/setup.sh
quietly "Building the C++ side" build
quietly "Building the C# side" build_viewer
quietly "Installing the Python package into .venv" install_package
# In place of this shell, so that a signal reaches the one program that owns the processes and cleans up after them.
cd "$caller"
exec "$here/.venv/bin/python" "$here/demo/play.py" "$@"
