#!/usr/bin/env python3
"""Compares two result files row by row and ratio by ratio, and says honestly what is only noise. Owns the comparison; measures
nothing and judges nobody: it ends with 0 whatever it finds, unless a file cannot be read."""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, List, Optional

from reporting.names import digits, figure
from reporting.results import FASTER_IS_LESS, FASTER_IS_MORE, Ratio, Result, ResultError, Row, Spread, read
from reporting.tables import machine_text

ENOUGH = 5  # repetitions, below which a spread says nothing


@dataclass(frozen=True)
class Change:
    """One figure before and after."""

    name: str
    unit: str
    before: float
    after: float
    change: Optional[float]  # in per cent of what it was
    verdict: str
    target: Optional[str] = None
    reached: Optional[List[Optional[bool]]] = None


def direction(change: float, unit: str) -> str:
    if unit in FASTER_IS_LESS:
        return "better" if change < 0 else "worse"
    if unit in FASTER_IS_MORE:
        return "better" if change > 0 else "worse"
    return "more" if change > 0 else "less"


def verdict(before: Spread, after: Spread, repetitions: int, change: Optional[float], unit: str) -> str:
    """Where the middle halves overlap, nothing can be said; where not even the extremes do, it is certain."""
    if repetitions < ENOUGH:
        return "too few repetitions"
    if change is None or change == 0:
        return "same" if change == 0 else "from nothing"
    if before.q1 <= after.q3 and after.q1 <= before.q3:
        return "within noise"
    apart = before.max < after.min or after.max < before.min
    return direction(change, unit) + ("" if apart else ", perhaps")


def percent(before: float, after: float) -> Optional[float]:
    return 100 * (after - before) / abs(before) if before else (0.0 if after == 0 else None)


def row_change(before: Row, after: Row) -> Change:
    change = percent(before.median, after.median)
    return Change(after.name, after.unit, before.median, after.median, change,
                  verdict(before.spread, after.spread, min(before.repetitions, after.repetitions), change, after.unit))


def ratio_change(before: Ratio, after: Ratio) -> Change:
    change = percent(before.median, after.median)
    unit = {"at_most": "ns", "at_least": "M/s"}.get(after.kind or "", "")  # only for what is better
    counted = min(len(before.values) or ENOUGH, len(after.values) or ENOUGH)
    sign = {"at_most": "≤", "at_least": "≥"}.get(after.kind or "")
    return Change(after.name, "", before.median, after.median, change, verdict(before.spread, after.spread, counted, change, unit),
                  f"{sign} {after.limit:g}" if sign else None, [before.reached, after.reached] if sign else None)


def cautions(before: Result, after: Result) -> List[str]:
    """Why the figures may not be comparable."""
    found: List[str] = []
    machines = [{key: result.run["machine"].get(key) for key in ("processor", "cpus", "architecture")} for result in (before, after)]
    if machines[0] != machines[1]:
        found.append("they were made on different machines: only ratios can be compared")
    for name, result in (("the first", before), ("the second", after)):
        if result.short:
            found.append(f"{name} is a short run: its figures are worth nothing")
        elif result.placement == "far":
            found.append(f"in {name} the CPUs were far from each other")
        if result.run.get("failed"):
            found.append(f"{name} is incomplete: {', '.join(result.run['failed'])} failed")
    return found


def compare(before: Result, after: Result) -> Any:
    rows = [(before.row(row.name), row) for row in after.rows]
    ratios = {ratio.name: ratio for ratio in before.ratios}
    names = ([{row.name for row in result.rows} for result in (before, after)])
    return {
        "cautions": cautions(before, after),
        "rows": [asdict(row_change(old, new)) for old, new in rows if old is not None and old.unit == new.unit],
        "ratios": [asdict(ratio_change(ratios[ratio.name], ratio)) for ratio in after.ratios if ratio.name in ratios],
        "only_before": sorted(names[0] - names[1]), "only_after": sorted(names[1] - names[0]),
    }


def change_text(change: Optional[float]) -> str:
    return "" if change is None else f"{change:+.1f} %"


def reached_text(states: Optional[List[Optional[bool]]]) -> str:
    if states is None:
        return ""
    words = [{True: "reached", False: "missed", None: "not judged"}[state] for state in states]
    return words[0] if words[0] == words[1] else f"{words[0]} → {words[1]}"


def print_text(found: Any, before: Result, after: Result) -> None:
    for label, result in (("before", before), ("after", after)):
        words = [machine_text(result.run), str(result.run.get("command", "")), str(result.run.get("date", "")), str(result.run.get("commit", ""))]
        print(f"{label + ':':<9}{'; '.join(word for word in words if word)}")
    for caution in found["cautions"]:
        print(f"careful: {caution}")
    if found["rows"]:
        print(f"\n{'workload':<42}{'before':>13}{'after':>13}{'change':>11}")
        for row in found["rows"]:
            old, new = figure(row["before"], row["unit"]), figure(row["after"], row["unit"])
            print(f"{row['name']:<42}{old:>13}{new:>13}{change_text(row['change']):>11}  {row['verdict']}")
    if found["ratios"]:
        print(f"\n{'ratio':<42}{'before':>13}{'after':>13}{'change':>11}")
        for row in found["ratios"]:
            print(f"{row['name']:<42}{digits(row['before']):>13}{digits(row['after']):>13}{change_text(row['change']):>11}  {row['verdict']:<20}"
                  f"{row['target'] or '':<8}{reached_text(row['reached'])}".rstrip())
    for label in ("before", "after"):
        if found[f"only_{label}"]:
            print(f"\nonly {label}: {', '.join(found[f'only_{label}'])}")
    print("\nwithin noise: the middle halves of the repetitions overlap. perhaps: only their extremes do. Absolute figures of a virtual machine"
          "\ndrift by tens of per cent within minutes, in all rows at once; a ratio was measured side by side and holds.")


def main() -> int:
    parser = argparse.ArgumentParser(description="Compares two result files of run.py, or of one driver with --json.")
    parser.add_argument("before", type=Path, metavar="A")
    parser.add_argument("after", type=Path, metavar="B")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments: Any = parser.parse_args()
    try:
        before, after = read(arguments.before), read(arguments.after)
    except ResultError as error:
        print(f"compare: {error}", file=sys.stderr)
        return 1
    found = compare(before, after)
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        print_text(found, before, after)
    return 0


if __name__ == "__main__":
    sys.exit(main())
