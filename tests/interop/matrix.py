#!/usr/bin/env python3
"""Runs the matrix of languages, prints it as tables and writes an HTML page of it.

    tests/interop/matrix.py                     everything
    tests/interop/matrix.py --short             the most telling rows
    tests/interop/matrix.py --only 'sizes-*'    cells whose name fits

Owns choosing, progress, tables and exit code (0: every cell passed, 1: one failed, 2: wrong arguments). The cells stand in cells/.
The programs are those of relay/: ZEROBUFFER_RELAY_CPP and ZEROBUFFER_RELAY_CSHARP name other ones than this tree's builds.
"""

import argparse
import fnmatch
import signal
import sys
import time
from concurrent.futures import as_completed
from pathlib import Path
from types import FrameType
from typing import Any, Dict, List, Optional, Sequence

from cells.catalogue import GROUPS, all_cells
from cells.cell import Cell, Group
from cells.programs import ROOT
from cells.runner import JOBS, Outcome, Runner
from page import render

SHORT_NAMES = {"cpp": "C++", "python": "Py", "csharp": "C#"}


def chosen_cells(short: bool, only: Sequence[str]) -> List[Cell]:
    """Those whose name, scenario or table fits one of the patterns; all, where there is none."""
    return [
        cell
        for cell in all_cells(short)
        if not only
        or any(
            fnmatch.fnmatch(name, pattern) for pattern in only for name in (str(cell), cell.scenario.key, cell.scenario.group.key)
        )
    ]


def table(group: Group, outcomes: Dict[Cell, Outcome]) -> str:
    """A group as text; empty where nothing of it was run."""
    rows = [scenario for scenario in group.scenarios if any(cell in outcomes for cell in scenario.cells)]
    if not rows:
        return ""
    heads = ["→".join(SHORT_NAMES[language.value] for language in languages) for languages in group.columns]
    width = max(9, *(len(head) + 2 for head in heads))
    first = max(len(scenario.key) for scenario in rows) + 2
    lines = [group.title, " " * first + "".join(f"{head:>{width}}" for head in heads)]
    for scenario in rows:
        line = f"{scenario.key:<{first}}"
        for cell in scenario.cells:
            outcome = outcomes.get(cell)
            text = "·" if outcome is None else f"{'✓' if outcome.passed else '✗'} {outcome.seconds:.1f} s"
            line += f"{text:>{width}}"
        lines.append(line)
    return "\n".join(lines) + "\n"


def stop(number: int, _frame: Optional[FrameType]) -> None:
    sys.exit(128 + number)


def run(cells: List[Cell], jobs: int) -> List[Outcome]:
    outcomes: List[Outcome] = []
    with Runner(jobs) as runner:
        for future in as_completed(runner.submit(cells)):
            outcome = future.result()
            outcomes.append(outcome)
            if not outcome.passed:
                print(f"✗ {outcome.cell}: {outcome.problem}\n{outcome.transcript}\n", file=sys.stderr, flush=True)
            elif sys.stderr.isatty():
                print(f"\r{len(outcomes)} of {len(cells)} ", end="", file=sys.stderr, flush=True)
    return outcomes


def main() -> int:
    parser = argparse.ArgumentParser(description="C++, Python and C# in every combination: runs the matrix, prints it, writes a page of it.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--short", action="store_true", help="only the most telling rows")
    size.add_argument("--full", action="store_true", help="every row (this is the default)")
    parser.add_argument("--only", action="append", default=[], metavar="PATTERN",
                        help="cells whose name, scenario or table fits (* and ? stand for anything); may be repeated")
    parser.add_argument("--list", action="store_true", help="print the names of the cells and run none")
    parser.add_argument("--jobs", type=int, default=JOBS, metavar="N", help=f"cells at once (default {JOBS})")
    parser.add_argument("--output", type=Path, default=ROOT / "build/interop.html", metavar="FILE",
                        help="the page (default build/interop.html)")
    arguments: Any = parser.parse_args()
    cells = chosen_cells(arguments.short, arguments.only)
    if not cells:
        parser.error("no cell fits")
    if arguments.jobs < 1:
        parser.error("--jobs must be at least 1")
    if arguments.list:
        print("\n".join(f"{str(cell):<48}{cell.scenario.title}: {cell.column}" for cell in cells))
        return 0

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    began = time.monotonic()
    outcomes = run(cells, arguments.jobs)
    seconds = time.monotonic() - began
    by_cell = {outcome.cell: outcome for outcome in outcomes}
    print("\n" + "\n".join(text for text in (table(group, by_cell) for group in GROUPS) if text))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(render(GROUPS, outcomes, seconds), encoding="utf-8")
    failed = [outcome.cell for outcome in outcomes if not outcome.passed]
    print(f"page: {arguments.output}\n{len(outcomes) - len(failed)} passed, {len(failed)} failed in {seconds:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
