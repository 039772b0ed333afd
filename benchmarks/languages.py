#!/usr/bin/env python3
"""Compares the languages, in turns, in one run: ours in C++, C, C# and Python beside each other, and ours in Python and C# beside
what their programs use otherwise. Prints medians of paired ratios.

C++ is measured by `zerobuffer bench`; the others by processes that stay alive and are told what to do (c, csharp, python_side.py,
python_peers.py). A figure counts only while the two CPUs are near each other. docs/benchmarks.md has the method and the format.
Owns the turns and the figures; language_plan.py says what is compared, language_sides.py runs the processes.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Sequence

from language_plan import Comparison, Json, Step, Subject, all_steps, reduced
from language_sides import BenchError, Placement, Team, prefix, remove_what_is_left, run_bench

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build"
LANGUAGES = ("c", "csharp", "python")
HALF_MS = 60
HALVES = 7  # for one figure beside one of `zerobuffer bench`, as many as that takes at least
WARM_UP_S = 2.0  # the time in which .NET compiles what runs often a second time, well, and more


class UsageError(BenchError):
    """There is nothing of what was asked for."""


@dataclass
class Effort:
    """How long and how often. A short run shows that everything works; its figures are worth nothing."""

    repetitions: int
    short: bool
    limit_s: float

    @property
    def half_ms(self) -> int:
        return 10 if self.short else HALF_MS

    def halves(self, step: Step) -> int:
        return HALVES if step.with_bench and not self.short else 1

    def repetitions_of(self, step: Step) -> int:
        """Single halves beside each other are quick: more of them."""
        return self.repetitions if step.with_bench or self.short else 2 * self.repetitions + 1

    def warm_up_s(self, subject: Subject) -> float:
        return 0.0 if self.short or subject.language != "csharp" else WARM_UP_S


@dataclass
class Languages:
    """Everything that measures, and what it has measured."""

    bench: Path
    teams: Dict[str, Team]
    placement: Placement
    effort: Effort
    scratch: Path
    runs: int = 0
    figures: Dict[Subject, List[Json]] = field(default_factory=dict)
    quotients: Dict[Comparison, List[float]] = field(default_factory=dict)

    def take(self, step: Step, repetition: int) -> None:
        """One repetition of a step. Who goes first changes from one to the next."""
        halves = self.effort.halves(step)
        values: Dict[Subject, float] = {}
        for subject in step.subjects if repetition % 2 == 0 else reversed(step.subjects):
            self.warm_up(subject)
            figure = self.of_bench(subject) if subject.team == "bench" else self.of_team(subject, halves)
            self.figures.setdefault(subject, []).append(figure)
            values[subject] = figure["value"]
        for comparison in step.comparisons:
            ours, other = values[comparison.ours], values[comparison.other]
            self.quotients.setdefault(comparison, []).append(ours - other if comparison.difference else ours / other)

    def warm_up(self, subject: Subject) -> None:
        if subject in self.figures or subject.team == "bench":
            return
        end = time.monotonic() + self.effort.warm_up_s(subject)
        while True:
            self.half(subject)
            if time.monotonic() >= end:
                return

    def half(self, subject: Subject) -> Json:
        self.runs += 1
        name = f"{prefix()}{self.runs}"
        if subject.system != "zerobuffer":
            name = str(self.scratch / name)
        return self.teams[subject.team].measure(subject.workload, name, self.effort.half_ms, subject.alone)

    def of_bench(self, subject: Subject) -> Json:
        """The median of a run of `zerobuffer bench`, which itself counts only what near CPUs did."""
        how = ["--short"] if self.effort.short else ["--repetitions", str(HALVES)]
        while True:
            begin = time.monotonic()
            lines = run_bench(self.bench, ["--only", subject.workload, *how])
            if lines[-1]["placement"] == "near" or self.effort.short or self.placement.far:
                break
            self.placement.waste(begin)
        record = next(line for line in lines if line.get("workload") == subject.workload)
        return {**record, "value": float(record["median"])}

    def of_team(self, subject: Subject, halves: int) -> Json:
        """The median of as many halves, each with near CPUs before and after."""
        taken: List[Json] = []
        while len(taken) < halves:
            begin = time.monotonic()
            near = subject.alone or self.placement.near()
            half = self.half(subject)
            near = near and (subject.alone or self.placement.near())
            if near or self.effort.short or self.placement.far:
                taken.append(half)
            else:
                self.placement.waste(begin)
        return {"value": statistics.median(half["value"] for half in taken), **latency_of(taken)}


def latency_of(figures: Sequence[Json]) -> Json:
    """The medians of what the figures say of single operations, where they do; nothing otherwise."""
    latencies = [figure["latency"] for figure in figures if "latency" in figure]
    if not latencies:
        return {}
    fields: Json = {
        name: statistics.median(latency[name] for latency in latencies) for name in ("mean", "p50", "p99", "p999")
        if all(name in latency for latency in latencies)
    }
    curves = [latency["curve"] for latency in latencies if "curve" in latency]
    if curves:
        fields["curve"] = [[points[0][0], statistics.median(point[1] for point in points)] for points in zip(*curves)]
    return {"latency": fields}


def five_numbers(values: Sequence[float]) -> Json:
    quartiles = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return {"min": min(values), "q1": quartiles[0], "q3": quartiles[2], "max": max(values)}


def records_of(run: Languages, machine: Json) -> List[Json]:
    records = []
    for subject, figures in run.figures.items():
        values = [figure["value"] for figure in figures]
        records.append({
            "system": subject.system, "language": subject.language, "family": subject.family, "workload": subject.name,
            "unit": figures[0].get("unit", subject.unit), "parameters": figures[0].get("parameters", subject.parameters),
            "repetitions": len(values), "median": statistics.median(values), "spread": five_numbers(values), "values": values,
            **latency_of(figures), "machine": machine,
        })
    return records


def closing_of(run: Languages, steps: Sequence[Step]) -> Json:
    comparisons = [comparison for step in steps for comparison in step.comparisons]
    values = {comparison.ratio: run.quotients.get(comparison) for comparison in comparisons}
    medians = {name: statistics.median(sample) if sample else None for name, sample in values.items()}
    verdict = not (run.effort.short or run.placement.far)

    def reached(comparison: Comparison) -> Optional[bool]:
        ratio = medians[comparison.ratio]
        if comparison.target is None or ratio is None or not verdict:
            return None
        kind, limit = comparison.target
        return ratio <= limit if kind == "at_most" else ratio >= limit

    return {
        "ratios": medians,
        "medians": {subject.name: statistics.median(figure["value"] for figure in figures) for subject, figures in run.figures.items()},
        "spread": {name: five_numbers(sample) if sample else None for name, sample in values.items()},
        "ratio_values": values,
        "placement": "far" if run.placement.far else "near",
        "one_line_ns": run.placement.best_ns,
        "targets": {
            comparison.ratio: dict([comparison.target]) if comparison.target else None for comparison in comparisons
        },
        "reached": {comparison.ratio: reached(comparison) for comparison in comparisons},
        "short": run.effort.short,
    }


def print_table(records: Sequence[Json], closing: Json) -> None:
    print(f"{'workload':<38}{'language':<9}{'unit':<6}{'median':>11} {'min':>11} {'max':>11}")
    for record in records:
        spread = record["spread"]
        print(f"{record['workload']:<38}{record['language']:<9}{record['unit']:<6}"
              f"{record['median']:>11.2f} {spread['min']:>11.2f} {spread['max']:>11.2f}")
    print(f"\n{'ratio':<56}{'median':>8}   (min … max)       target")
    for name, ratio in closing["ratios"].items():
        if ratio is None:
            continue
        spread, target, reached = closing["spread"][name], closing["targets"][name], closing["reached"][name]
        line = f"{name:<56}{ratio:>8.2f}   ({spread['min']:.2f} … {spread['max']:.2f})"
        for kind, limit in (target or {}).items():
            line += f"   {'≤' if kind == 'at_most' else '≥'} {limit}"
        print(line + ("" if reached is None else "  reached" if reached else "  missed"))
    print(f"\nplacement: {closing['placement']} (one cache line there and back: {closing['one_line_ns']:.0f} ns at best); "
          f"{closing['seconds']:.1f} s")


def run_all(arguments: Any) -> "tuple[List[Json], Json]":
    begin = time.monotonic()
    languages = [arguments.language] if arguments.language else [*LANGUAGES]
    steps = [step for step in (reduced(step, languages, arguments.only, arguments.group) for step in all_steps()) if step]
    if not steps:
        raise UsageError("nothing is called so; docs/benchmarks.md has the names")
    teams = {subject.team for step in steps for subject in step.subjects} - {"bench"} | {"c"}  # C also looks at the CPUs
    files = {"c": arguments.c, "costs": arguments.costs, "csharp": arguments.csharp}
    if "csharp" in teams and shutil.which("dotnet") is None:
        raise BenchError("dotnet is not installed")
    for file in (arguments.bench, arguments.library, *(files[team] for team in teams if team in files)):
        if not file.is_file():
            raise BenchError(f"there is no file {file}; docs/benchmarks.md says how it is built")
    effort = Effort(1 if arguments.short else arguments.repetitions, arguments.short, arguments.limit_s)
    first, *_, closing = run_bench(arguments.bench, ["--only", "pingpong_one_line", "--short"])
    cpus = closing["cpus"]
    os.sched_setaffinity(0, cpus)
    commands: Dict[str, Callable[[], List[str]]] = {
        "c": lambda: [str(arguments.c)],
        "costs": lambda: [str(arguments.costs)],
        "csharp": lambda: ["dotnet", str(arguments.csharp)],
        "python": lambda: [sys.executable, str(HERE / "python_side.py")],
        "python_peers": lambda: [sys.executable, str(HERE / "python_peers.py"), str(cpus[1])],
    }
    with tempfile.TemporaryDirectory(prefix="zerobuffer-bench-") as scratch, ExitStack() as stack:
        stack.callback(remove_what_is_left, arguments.bench)
        alone = {"costs", "python_peers"}
        running = {
            team: Team(commands[team](), arguments.library, cpus[:1] if team in alone else cpus, stack) for team in sorted(teams)
        }
        run = Languages(arguments.bench, running, Placement(running["c"], Path(scratch) / "line"), effort, Path(scratch))
        run.placement.near()  # also where nothing else asks, so that the closing object has it
        for repetition in range(max(effort.repetitions_of(step) for step in steps)):
            for step in steps:
                if repetition < effort.repetitions_of(step) and time.monotonic() - begin < effort.limit_s:
                    show_progress(step, repetition)
                    run.take(step, repetition)
        if sys.stderr.isatty():
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
    return records_of(run, first["machine"]), {**closing_of(run, steps), "cpus": cpus, "seconds": time.monotonic() - begin}


def show_progress(step: Step, repetition: int) -> None:
    if sys.stderr.isatty():
        print(f"\rlanguages: repetition {repetition + 1}: {step.subjects[-1].name}\x1b[K", end="", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Compares C, C# and Python with C++, and with what their programs use otherwise: medians of paired ratios."
    )
    parser.add_argument("--group", nargs="+", action="extend", default=[], metavar="FAMILY",
                        choices=("rtt", "one_way", "frames", "calls", "cost"), help="only these: %(choices)s")
    parser.add_argument("--only", nargs="+", action="extend", default=[], metavar="NAME",
                        help="only these workloads, rows or ratios, with what they are compared with")
    parser.add_argument("--language", choices=LANGUAGES, help="only this one beside C++ and beside its peers")
    parser.add_argument("--repetitions", type=int, default=7, help="of each ratio to C++ (default 7); of the others 2 n + 1")
    parser.add_argument("--limit-s", type=float, default=600, help="begin nothing new after so many seconds (default 600)")
    parser.add_argument("--short", action="store_true", help="show that everything works; the figures are worth nothing")
    parser.add_argument("--json", action="store_true", help="a line for each figure and a closing object with the ratios")
    parser.add_argument("--bench", type=Path, default=BUILD / "release/bin/zerobuffer", help="the program zerobuffer")
    parser.add_argument("--c", type=Path, help="the sides in C; beside --bench by default")
    parser.add_argument("--costs", type=Path, help="the single costs in C++; beside --bench by default")
    parser.add_argument("--library", type=Path, default=BUILD / "release/lib/libzerobuffer.so.2", help="what C# loads")
    parser.add_argument("--csharp", type=Path, help="ZeroBuffer.Benchmarks.dll",
                        default=BUILD / "dotnet/bin/ZeroBuffer.Benchmarks/release/ZeroBuffer.Benchmarks.dll")
    arguments: Any = parser.parse_args()
    if arguments.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    arguments.c = arguments.c or arguments.bench.parent / "zerobuffer_bench_c"
    arguments.costs = arguments.costs or arguments.bench.parent / "zerobuffer_bench_costs"
    try:
        records, closing = run_all(arguments)
    except BenchError as error:
        print(f"languages: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130
    if arguments.json:
        for line in (*records, closing):
            print(json.dumps(line))
    else:
        print_table(records, closing)
    return 0


if __name__ == "__main__":
    sys.exit(main())
