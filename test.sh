#!/usr/bin/env bash
# Sets up, builds and runs every test; prints totals per suite, then one line "N passed, N failed". Owns which suites there
# are and how their results are counted, not what they test. A suite whose files are missing fails.
#
#   ./test.sh               everything
#   ./test.sh cpp python    only these suites (the table at the end names them all)
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 1

# Two lanes run beside each other: tests that mostly wait for each other's processes, and, behind them in priority, what
# compiles and computes.
waiting_suites=(cpp c python dotnet across interop reference house scenarios format)
computing_suites=(tsan asan packaging models tidy explorer fuzz mypy)
suites=("${waiting_suites[@]}" "${computing_suites[@]}" leftovers)
chosen=("$@")
[ $# -gt 0 ] || chosen=("${suites[@]}")
for name in "${chosen[@]}"; do
  [[ " ${suites[*]} " == *" $name "* ]] || { echo "test.sh: no suite '$name'; there are: ${suites[*]}" >&2; exit 2; }
done

root=$PWD
release=$root/build/release
logs=$root/build/logs
python=$root/.venv/bin/python
fuzz_seconds=60
# Every process that this run starts carries the mark in its environment, so that one left over is recognised.
export ZEROBUFFER_TEST_RUN=$$-$(date +%s%N)
# For tests that start the command line program or the helper programs of the C++ tests.
export ZEROBUFFER_BIN_DIR=$release/bin ZEROBUFFER_HELPER_DIR=$release/helpers
# Where .NET programs find the C library. No build server of .NET outlives its suite.
export ZEROBUFFER_LIBRARY=$release/lib/libzerobuffer.so.2
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 MSBUILDDISABLENODEREUSE=1
export PYTHONDONTWRITEBYTECODE=1 PYTHONFAULTHANDLER=1
mkdir -p "$logs"

# --- the suites: each prints what it does; count() reads how many tests passed from that ---------------

# build PRESET [TARGET…]: only what is asked for, all by default. Goes on after an error, so that the log names every one.
build() { cmake --preset "$1" && cmake --build --preset "$1" --parallel "$(nproc)" ${2:+--target "${@:2}"} -- -k 0; }

# pytest with a watchdog for each test. A shell's background jobs ignore SIGINT, and so would all that the tests start.
pytest_in() { env --default-signal=INT,QUIT "$python" -m pytest --timeout=300 -p no:cacheprovider "$@"; }

run_cpp() { ctest --preset release --no-tests=error --parallel 2 --timeout 300 --label-regex '^zerobuffer_tests$'; }
run_c() { ctest --preset release --no-tests=error --parallel 2 --timeout 300 --label-regex '^c$'; }
run_explorer() { "$release/tests/zerobuffer_explorer_tests"; }
run_python() { pytest_in python/tests; }
# Every test of the build for the newest framework; that for the oldest one runs on the same runtime, without the slow ones.
run_dotnet() {
  local bad=0
  test_dotnet net10.0 || bad=1
  DOTNET_ROLL_FORWARD=Major test_dotnet net8.0 --filter 'Framework!=newest' || bad=1
  return $bad
}
test_dotnet() {
  env --default-signal=INT,QUIT dotnet test csharp/ZeroBuffer.Tests --no-build --configuration Release --results-directory "$logs/dotnet" --framework "$@"
}
run_across() { pytest_in tests --ignore=tests/packaging --ignore=tests/relay --ignore=tests/interop; }
run_interop() { pytest_in tests/relay tests/interop; }
run_reference() { pytest_in protocol/reference/tests; }
run_mypy() { "$python" -m mypy; }
run_models() { protocol/model/run.sh; }
# ThreadSanitizer sees both ends only where they share one mapping. Without address randomisation, because its shadow
# memory does not fit every layout of newer kernels; where a container forbids that, it is tried with.
run_tsan() {
  build tsan zerobuffer_tests zerobuffer_c_tests || return
  local plain=(); setarch -R true 2>/dev/null && plain=(setarch -R)
  export TSAN_OPTIONS=halt_on_error=1
  "${plain[@]}" build/tsan/tests/zerobuffer_tests --gtest_filter='SharedMapping*:Ring*:WhenReady.*' &&
    "${plain[@]}" build/tsan/tests/zerobuffer_c_tests
}
# Not the streams' tests that kill or stop processes, nor full counts: they say nothing more here and take ten times as
# long.
run_asan() {
  build asan zerobuffer_tests zerobuffer_c_tests || return
  export UBSAN_OPTIONS=print_stacktrace=1
  build/asan/tests/zerobuffer_tests --gtest_filter='-Process*:Full*:*killed*:*stopped*' && build/asan/tests/zerobuffer_c_tests
}
run_fuzz() {
  local sources=(cpp/fuzz/fuzz_*.cpp) program bad=0 good=0
  [ -f "${sources[0]}" ] || { echo "there is no fuzzer"; return 1; }
  local programs=("${sources[@]##*/}")
  programs=("${programs[@]%.cpp}")
  build fuzz "${programs[@]}" || return
  mkdir -p build/fuzz/found
  for program in "${programs[@]}"; do
    # what was learned is kept; the parser of segments begins with the golden ones
    local corpus=("build/fuzz/corpus/$program")
    [ "$program" != fuzz_segment ] || corpus+=(protocol/vectors)
    mkdir -p "${corpus[0]}"
    if "build/fuzz/fuzz/$program" "${corpus[@]}" -max_len=65536 -max_total_time=$((fuzz_seconds / ${#programs[@]})) -timeout=20 -rss_limit_mb=4096 -print_final_stats=1 \
        -artifact_prefix=build/fuzz/found/; then good=$((good + 1)); else bad=$((bad + 1)); fi
  done
  echo "$good passed, $bad failed"
  [ $bad -eq 0 ]
}
run_packaging() { pytest_in tests/packaging; }
run_house() { scripts/check_house.py; }
run_scenarios() { scripts/check_scenarios.py; }
cpp_files() { git ls-files --cached --others --exclude-standard -- "$@"; }
run_format() { cpp_files '*.cpp' '*.hpp' '*.c' '*.h' | xargs clang-format --dry-run --Werror; }
# The core only: the program's header libraries alone would take longer than all of it.
run_tidy() { cpp_files 'cpp/src/*.cpp' | xargs -P "$(nproc)" -n 1 clang-tidy --quiet -p "$release"; }
run_leftovers() {
  local bad=0 process left
  left=$(LC_ALL=C comm -13 "$logs/shm-before" <(list_shared_memory))
  if [ -n "$left" ]; then
    printf 'left in /dev/shm:\n%s\n' "$left"
    bad=1
  fi
  for process in $(grep -lzsx "ZEROBUFFER_TEST_RUN=$ZEROBUFFER_TEST_RUN" /proc/[0-9]*/environ | cut -d/ -f3); do
    if kill -0 "$process" 2>/dev/null && ! is_mine "$process"; then
      echo "still running: $process $(tr '\0' ' ' 2>/dev/null <"/proc/$process/cmdline")"
      kill -KILL "$process" 2>/dev/null
      bad=1
    fi
  done
  return $bad
}
list_shared_memory() { find /dev/shm -mindepth 1 -printf '%f\n' | LC_ALL=C sort; }
# This shell's own children (the subshell that asks, a pipe's ends) are no leftovers; what outlived its suite is.
is_mine() {
  local process=$1
  while [ "${process:-0}" -gt 1 ]; do
    [ "$process" = $BASHPID ] && return 0
    [ "$process" = $$ ] && return 0
    process=$(awk '/^PPid:/ {print $2}' "/proc/$process/status" 2>/dev/null)
  done
  return 1
}

# Reads a suite's log and prints "passed failed skipped"; nothing where the log holds no result.
count() {
  case $1 in
    cpp | c)
      awk '/tests passed, [0-9]+ tests? failed out of/ {for (i = 1; i < NF; i++) {if ($(i+1) ~ /^tests?$/ && $(i+2) == "failed") bad = $i; if ($(i-1) == "of") all = $i}; all = $NF; seen = 1}
           /\*\*\*Skipped/ {skipped++}
           END {if (seen) print all - bad - skipped, bad, skipped + 0}' "$2" ;;
    explorer | tsan | asan)
      awk '/^\[       OK \] / {ok++; seen = 1} /^\[  PASSED  \] [0-9]+ test/ {good = $4; seen = whole = 1} /^\[  FAILED  \] [0-9]+ test/ {bad = $4; seen = 1}
           /^\[  SKIPPED \] [0-9]+ test/ {skipped = $4} /^[0-9]+ passed, [0-9]+ failed/ {good += $1; bad += $3; seen = 1}
           END {if (seen) print good + (whole ? 0 : ok), bad + 0, skipped + 0}' "$2" ;;
    dotnet)
      awk '/^(Passed|Failed)! / {for (i = 1; i < NF; i++) {n = $(i+1) + 0; if ($i == "Failed:") bad += n; else if ($i == "Passed:") good += n; else if ($i == "Skipped:") skipped += n}; seen = 1}
           END {if (seen) print good + 0, bad + 0, skipped + 0}' "$2" ;;
    python | across | interop | reference | packaging)
      awk '/^=+ .* in [0-9.]+s/ {good = bad = skipped = 0; seen = 1
             for (i = 2; i <= NF; i++) {word = $i; sub(/,$/, "", word)
               if (word == "passed" || word == "xfailed") good += $(i-1); else if (word == "failed" || word ~ /^errors?$/) bad += $(i-1)
               else if (word == "skipped") skipped += $(i-1)}}
           END {if (seen) print good, bad, skipped}' "$2" ;;
    models | fuzz)
      awk '/^[0-9]+ passed, [0-9]+ failed/ {good = $1; bad = $3; seen = 1} END {if (seen) print good, bad, 0}' "$2" ;;
  esac
}

# --- running them -------------------------------------------------------------------------------------------------------------

# run NAME SECONDS COMMAND…: one row of the table, left in a file of its own. A command that failed without a failed test
# counts as one failure.
run() {
  local name=$1 seconds=$2 log=$logs/$1.log began=$SECONDS code passed failed skipped
  shift 2
  : >"$log"
  ( set +e; "$@" ) >>"$log" 2>&1 </dev/null &
  local child=$!
  ( exec >/dev/null 2>&1; sleep "$seconds"; echo "test.sh: stopped after $seconds s" >>"$log"; kill_tree "$child" ) &
  local watchdog=$!
  wait "$child" 2>/dev/null; code=$?
  kill_tree "$watchdog" 2>/dev/null; wait "$watchdog" 2>/dev/null
  read -r passed failed skipped <<<"$(count "$name" "$log")"
  # Preparing is no test: it counts only where it fails. A check without a count of its own is one test.
  local prepares=0
  case $name in setup | build | install | dotnet-build) prepares=1 passed=0 failed=$((code != 0)) skipped=0 ;; esac
  : "${passed:=$((code == 0))}" "${failed:=$((code != 0))}" "${skipped:=0}"
  if [ $code -ne 0 ] && [ "$failed" -eq 0 ]; then failed=1; fi
  if [ $prepares -eq 0 ] && [ $code -eq 0 ] && [ $((passed + failed)) -eq 0 ]; then failed=1; echo "test.sh: no test ran" >>"$log"; fi
  echo "$passed $failed $skipped $((SECONDS - began))" >"$logs/$name.row"
  # in one piece, since two lanes speak
  local text
  text=$(printf '== %-12s%6d passed %4d failed %4d skipped %5d s' "$name" "$passed" "$failed" "$skipped" $((SECONDS - began))
    if [ "$failed" -ne 0 ]; then
      echo
      what_failed "$log" | head -40
      echo "-- the end of $log:"
      tail -40 "$log"
    elif [ "$skipped" -ne 0 ]; then
      echo
      grep -E '^SKIPPED|\*\*\*Skipped|^\[  SKIPPED \] [^0-9]|\[SKIP\]' "$log" | sort -u | head -20
    fi)
  echo "$text"
}

# The lines of a log that name what failed; of one that names nothing, its end, where whatever broke off stands.
what_failed() {
  grep -nE '^FAILED|^ERROR |\*\*\*(Failed|Timeout|Exception)|Subprocess aborted|^\[  FAILED  \]|\[FAIL\]|: Failure$|(error|warning)( [A-Z]+[0-9]+)?:|WARNING: ThreadSanitizer|ERROR: AddressSanitizer|runtime error:|^watchdog:|^test\.sh:' "$1" ||
    tail -12 "$1"
}

# Ends a process and all that it started, by their numbers.
kill_tree() {
  local child
  for child in $(ps -o pid= --ppid "$1"); do kill_tree "$child"; done
  kill -KILL "$1" 2>/dev/null
}

install_package() {
  rm -rf build/lib* && "$root/.venv/bin/pip" install --quiet --no-index --no-deps --no-build-isolation --force-reinstall .
}
build_dotnet() { dotnet build csharp/ZeroBuffer.slnx --no-restore --configuration Release; }
wanted() { [[ " ${chosen[*]} " == *" $1 "* ]]; }
run_lane() {
  local name
  for name in "$@"; do
    if wanted "$name"; then run "$name" 1500 "run_$name"; fi
  done
}

rm -f "$logs"/*.row
list_shared_memory >"$logs/shm-before"
run setup 900 scripts/setup.sh
run build 1500 build release
run install 900 install_package
run dotnet-build 600 build_dotnet
( renice -n 10 -p $BASHPID >/dev/null; run_lane "${computing_suites[@]}" ) &
computing=$!
run_lane "${waiting_suites[@]}"
wait "$computing"
run_lane leftovers

echo
printf '%-12s %7s %7s %8s %9s\n' suite passed failed skipped time
total_passed=0 total_failed=0 total_skipped=0
for name in setup build install dotnet-build "${suites[@]}"; do
  [ -f "$logs/$name.row" ] || continue
  read -r passed failed skipped seconds <"$logs/$name.row"
  printf '%-12s %7d %7d %8d %7d s\n' "$name" "$passed" "$failed" "$skipped" "$seconds"
  total_passed=$((total_passed + passed)) total_failed=$((total_failed + failed)) total_skipped=$((total_skipped + skipped))
done
# again at the end, since many lines may stand between
for name in setup build install dotnet-build "${suites[@]}"; do
  [ -f "$logs/$name.row" ] || continue
  read -r passed failed skipped seconds <"$logs/$name.row"
  [ "$failed" -eq 0 ] || { echo "-- $name:"; { what_failed "$logs/$name.log" | tail -12; tail -4 "$logs/$name.log"; } | cut -c1-300; }
done
echo "whole run: $SECONDS s; logs: $logs"
if [ $total_skipped -gt 0 ]; then
  echo "$total_passed passed, $total_failed failed, $total_skipped skipped"
else
  echo "$total_passed passed, $total_failed failed"
fi
[ $total_failed -eq 0 ]
