#!/usr/bin/env bash
# The long soak: builds the release preset's helper and streams, kills, stops and restarts for 24 hours, or as many
# seconds as the first argument says. What it does stands in cpp/tests/helpers/soak.cpp.
#
#   tests/soak/soak.sh [SECONDS [READERS [SEED]]]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cmake --preset release > /dev/null
cmake --build --preset release --target helper_soak > /dev/null
exec build/release/helpers/soak "$@"
