#!/bin/bash
# Checks the variants in variants.txt: the design must pass (exhaustively for its bound), every seeded error must be found.
# usage: run.sh [--short] [word]    --short: only the lines that begin with *; word: only the lines that contain it
# Needs: spin, gcc.  One thread, at most 4 GB.  Prints a table, ends with "N passed, N failed".
set -u
here=$(cd "$(dirname "$0")" && pwd)
short=no
if [ "${1:-}" = --short ]; then short=yes; shift; fi
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
for tool in spin gcc; do
  command -v "$tool" >/dev/null || { echo "run.sh: needs $tool (Debian package: $tool)" >&2; exit 1; }
done

one() {  # model, macros: prints "states|verdict|hundredths of a second"
  local dir=$work/v rc t0 t1 states verdict
  rm -rf "$dir"; mkdir "$dir"; cd "$dir" || exit 1
  cp "$here/$1.pml" .
  # shellcheck disable=SC2086  # the macros are several words
  spin -a $2 "$1.pml" >spin.log 2>&1 || { echo "0|spin: $(tail -1 spin.log)|0"; return; }
  gcc -O1 -w -DSAFETY -DCOLLAPSE -DNOFAIR -DMEMLIM=3800 -DVECTORSZ=1024 -o pan pan.c || { echo "0|gcc failed|0"; return; }
  t0=$(date +%s%N)
  timeout 240 ./pan -m3000000 -w20 >pan.log 2>&1
  rc=$?; t1=$(date +%s%N)
  states=$(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' pan.log | head -1)
  if [ $rc -eq 124 ]; then verdict="too long"
  elif grep -q "max search depth too small\|out of memory\|hash table full\|Search not completed" pan.log &&
       ! grep -q "errors: 1" pan.log; then verdict="incomplete"
  elif grep -q "errors: 0" pan.log; then verdict=pass
  elif grep -q "^pan:1: invalid end state" pan.log; then verdict="fail: stuck for ever"
  elif grep -q "^pan:1: assertion violated" pan.log; then verdict="fail: assertion"
  else verdict="unclear: $(head -1 pan.log)"; fi
  echo "${states:-0}|$verdict|$(((t1 - t0) / 10000000))"
}

good=0; bad=0
while IFS='|' read -r model want macros what; do
  case $model in '' | '#'*) continue ;; esac
  if [ $short = yes ] && [ "${model#\*}" = "$model" ]; then continue; fi
  model=${model#\*}
  if [ $# -gt 0 ] && [[ "$model|$want|$macros|$what" != *"$1"* ]]; then continue; fi
  out=$(one "$model" "$macros")
  IFS='|' read -r states verdict cs <<<"$out"
  if [ "${verdict%%:*}" = "$want" ]; then good=$((good + 1)); mark=ok; else bad=$((bad + 1)); mark=WRONG; fi
  printf '%-5s %-12s | %-44s | %10s | %-20s | %6.2f s | %s\n' "$mark" "$model" "$macros" "$states" "$verdict" \
    "$((cs / 100)).$(printf '%02d' $((cs % 100)))" "$what"
done <"$here/variants.txt"
echo "$good passed, $bad failed"
[ $bad -eq 0 ] && [ $good -gt 0 ]
