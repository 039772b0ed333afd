#!/usr/bin/env python3
"""Compares the languages: the same workloads in C++, C# and Python, in turns, in one run; prints ratios to C++.

C++ is measured by `zerobuffer bench`; C# and Python by two processes each, which stay alive and are told what to do
(benchmarks/csharp, python_side.py). A figure counts only while the two CPUs are near each other. docs/benchmarks.md has the
method and the format. Owns the turns and the ratios; must not know what a workload does.
"""

import argparse
import json
import os
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence, Tuple

HERE = Path(__file__).resolve().parent
BUILD = HERE.parent / "build"

WORKLOADS = ("rtt64", "stream64", "stream64_batch16", "frame6m_read", "call64", "call64_in_place")
LANGUAGES = ("csharp", "python")  # compared with C++
READ_COST = "read_release"  # in one process, compared with nothing
TARGETS = {"csharp_rtt64_over_cpp": ("at_most", 2.0), "csharp_frame6m_read_over_cpp": ("at_least", 0.9)}

NEAR_NS = 250  # as in cpp/cli/bench/placement.hpp
HALF_MS = 60
HALVES = 7  # for one figure, as in the shortest full run of `zerobuffer bench`
WARM_UP_S = 2.0  # the time in which .NET compiles what runs often a second time, well, and more
PATIENCE_S = 60.0  # how long all in all is waited for near CPUs
LIMIT_S = 120.0  # for one answer of a side

Json = Dict[str, Any]


class BenchError(Exception):
    """What went wrong, for people."""


@dataclass
class Effort:
    """How long and how often. A short run shows that everything works; its figures are worth nothing."""

    repetitions: int
    short: bool = False

    @property
    def half_ms(self) -> int:
        return 10 if self.short else HALF_MS

    @property
    def halves(self) -> int:
        return 1 if self.short else HALVES

    @property
    def warm_up_s(self) -> float:
        return 0.0 if self.short else WARM_UP_S


def prefix() -> str:
    """How the names of this run's buffers begin."""
    return f"bench-{os.getpid()}-"


def remove_left_buffers(bench: Path) -> None:
    """Those of sides that were killed: they could not close them."""
    names = {file for file in os.listdir("/dev/shm") if file.startswith(prefix())}
    for name in names:
        subprocess.run([bench, "clean", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Side:
    """One process, that is told line by line what to do. Its main thread, which measures, runs on one CPU."""

    def __init__(self, command: Sequence[str], library: Path, cpu: int) -> None:
        self.command = " ".join(command)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "ZEROBUFFER_LIBRARY": str(library)},
            text=True,
        )
        os.sched_setaffinity(self.process.pid, {cpu})

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(line + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer that does not come says it

    def answer(self) -> Optional[float]:
        """Of a side whose output has something."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            raise BenchError(f"no answer from {self.command}")
        value: Optional[float] = json.loads(text).get("value")
        return value

    def end(self) -> None:
        """At the end of its input it ends by itself; one that is in the middle of something is killed."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()


class Pair:
    """The two sides in one language."""

    def __init__(self, command: Sequence[str], library: Path, cpus: Tuple[int, int], stack: ExitStack) -> None:
        self.sides: List[Side] = []
        self.runs = 0
        for cpu in cpus:
            self.sides.append(Side(command, library, cpu))
            stack.callback(self.sides[-1].end)

    def measure(self, workload: str, half_ms: int, name: str = "") -> float:
        self.runs += 1
        name = name or f"{prefix()}{id(self)}-{self.runs}"
        sides = self.sides[:1] if workload == READ_COST else self.sides
        for side, role in zip(sides, ("first", "second")):
            side.tell(f"{workload} {role} {name} {half_ms}")
        asked = {side.process.stdout: side for side in sides}
        figures: List[float] = []
        while asked:  # whoever is first: one that died must not be waited for by way of the other
            ready, _, _ = select.select(list(asked), [], [], LIMIT_S)
            if not ready:
                raise BenchError(f"{sides[0].command} did not end {workload} within {LIMIT_S:.0f} s")
            for output in ready:
                value = asked.pop(output).answer()
                figures += [] if value is None else [value]
        if len(figures) != 1:
            raise BenchError(f"{len(figures)} sides reported a figure of {workload}")
        return figures[0]


@dataclass
class Placement:
    """Whether the two CPUs are near each other, and how long that was waited for. See docs/benchmarks.md."""

    probes: Pair
    line: Path
    best_ns: float = 1e9
    waited_s: float = 0.0
    far: bool = False

    def near(self) -> bool:
        self.line.write_bytes(bytes(4096))
        now = self.probes.measure("probe", 0, str(self.line))
        self.best_ns = min(self.best_ns, now)
        return now < NEAR_NS

    def waste(self, begin: float) -> None:
        """What was done since `begin` did not count."""
        self.waited_s += time.monotonic() - begin
        self.far = self.far or self.waited_s > PATIENCE_S


@dataclass
class Languages:
    """Everything that measures, and what it is measured with."""

    bench: Path
    pairs: Dict[str, Pair]
    placement: Placement
    effort: Effort
    cpp_records: Dict[str, Json] = field(default_factory=dict)

    def figure(self, language: str, workload: str) -> float:
        return self.cpp_figure(workload) if language == "cpp" else self.pair_figure(language, workload)

    def cpp_figure(self, workload: str) -> float:
        """The median of a run of `zerobuffer bench`, which itself counts only what near CPUs did."""
        how = ["--short"] if self.effort.short else ["--repetitions", str(self.effort.halves)]
        while True:
            begin = time.monotonic()
            lines = run_bench(self.bench, ["--only", workload, *how])
            if lines[-1]["placement"] == "near" or self.effort.short or self.placement.far:
                break
            self.placement.waste(begin)
        self.cpp_records[workload] = next(line for line in lines if line.get("workload") == workload)
        return float(self.cpp_records[workload]["median"])

    def pair_figure(self, language: str, workload: str) -> float:
        """The median of as many halves, each with near CPUs before and after."""
        values: List[float] = []
        while len(values) < self.effort.halves:
            begin = time.monotonic()
            near = self.placement.near()
            value = self.pairs[language].measure(workload, self.effort.half_ms)
            near = self.placement.near() and near
            if near or self.effort.short or self.placement.far or workload == READ_COST:
                values.append(value)
            else:
                self.placement.waste(begin)
        return statistics.median(values)

    def warm_up(self, workload: str) -> None:
        for language, pair in self.pairs.items():
            end = time.monotonic() + self.effort.warm_up_s
            while True:
                pair.measure(workload, self.effort.half_ms)
                if time.monotonic() >= end:
                    break


def run_bench(bench: Path, arguments: Sequence[str]) -> List[Json]:
    done = subprocess.run([bench, "bench", "--json", *arguments], stdout=subprocess.PIPE, text=True, timeout=LIMIT_S)
    if done.returncode != 0:
        raise BenchError(f"zerobuffer bench {' '.join(arguments)} failed")
    return [json.loads(line) for line in done.stdout.splitlines()]


def five_numbers(values: Sequence[float]) -> Json:
    quartiles = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
    return {"min": min(values), "q1": quartiles[0], "q3": quartiles[2], "max": max(values)}


def measure(run: Languages, workloads: Sequence[str], languages: Sequence[str]) -> Tuple[List[Json], Json]:
    """One record for each language and workload, and the ratios."""
    records: List[Json] = []
    ratios: Dict[str, List[float]] = {}
    for workload in workloads:
        run.warm_up(workload)
        values: Dict[str, List[float]] = {}
        order = [*languages] if workload == READ_COST else ["cpp", *languages]
        for repetition in range(run.effort.repetitions):
            # Who goes first changes from one repetition to the next.
            for language in order if repetition % 2 == 0 else reversed(order):
                values.setdefault(language, []).append(run.figure(language, workload))
            for language in languages if workload != READ_COST else ():
                ratio = values[language][-1] / values["cpp"][-1]
                ratios.setdefault(f"{language}_{workload}_over_cpp", []).append(ratio)
        like = run.cpp_records.get(workload, {"unit": "ns", "parameters": {"message_bytes": 64}})
        for language, figures in values.items():
            records.append({
                "system": "zerobuffer", "language": language, "workload": workload,
                "unit": like["unit"], "parameters": like["parameters"], "repetitions": len(figures),
                "median": statistics.median(figures), "spread": five_numbers(figures),
            })
    machine = [record["machine"] for record in run.cpp_records.values()][:1]
    for record in records:
        record["machine"] = machine[0] if machine else {"cpus": os.cpu_count(), "kernel": os.uname().release}
    medians = {name: statistics.median(sample) for name, sample in ratios.items()}
    verdict = not (run.effort.short or run.placement.far)
    return records, {
        "ratios": medians,
        "spread": {name: five_numbers(sample) for name, sample in ratios.items()},
        "placement": "far" if run.placement.far or run.placement.best_ns >= NEAR_NS else "near",
        "one_line_ns": run.placement.best_ns,
        "targets": {name: dict([target]) for name, target in TARGETS.items()},
        "reached": {
            name: (medians[name] <= limit if kind == "at_most" else medians[name] >= limit) if verdict else None
            for name, (kind, limit) in TARGETS.items()
            if name in medians
        },
        "short": run.effort.short,
    }


def print_table(records: Sequence[Json], closing: Json) -> None:
    print("workload           language unit       median         min         max")
    for record in records:
        spread = record["spread"]
        print(f"{record['workload']:<19}{record['language']:<9}{record['unit']:<6}"
              f"{record['median']:>11.2f} {spread['min']:>11.2f} {spread['max']:>11.2f}")
    print("\nratio                                  median   (min … max)       target")
    for name, ratio in closing["ratios"].items():
        spread, (kind, limit) = closing["spread"][name], TARGETS.get(name, ("", 0))
        reached = closing["reached"].get(name)
        sign = {"at_most": "≤", "at_least": "≥"}.get(kind)
        print(f"{name:<39}{ratio:>6.2f}   ({spread['min']:.2f} … {spread['max']:.2f})"
              + (f"   {sign} {limit}" if sign else "")
              + ("" if reached is None else "  reached" if reached else "  missed"))
    print(f"\nplacement: {closing['placement']} (one cache line there and back: {closing['one_line_ns']:.0f} ns at best); "
          f"{closing['seconds']:.1f} s")


def run_all(arguments: Any) -> Tuple[List[Json], Json]:
    if shutil.which("dotnet") is None:
        raise BenchError("dotnet is not installed")
    for file in (arguments.bench, arguments.library, arguments.csharp):
        if not file.is_file():
            raise BenchError(f"there is no file {file}; docs/benchmarks.md says how it is built")
    begin = time.monotonic()
    effort = Effort(2 if arguments.short else arguments.repetitions, arguments.short)
    languages = [arguments.language] if arguments.language else [*LANGUAGES]
    workloads = [arguments.only] if arguments.only else [*WORKLOADS, READ_COST]
    cpus = tuple(run_bench(arguments.bench, ["--only", "pingpong_one_line", "--short"])[-1]["cpus"])
    os.sched_setaffinity(0, cpus)
    commands = {"csharp": ["dotnet", str(arguments.csharp)], "python": [sys.executable, str(HERE / "python_side.py")]}
    with tempfile.TemporaryDirectory(prefix="zerobuffer-bench-") as scratch, ExitStack() as stack:
        stack.callback(remove_left_buffers, arguments.bench)
        pairs = {
            language: Pair(commands[language], arguments.library, (cpus[0], cpus[1]), stack)
            for language in {"csharp": None, **dict.fromkeys(languages)}  # the C# sides also look at the CPUs
        }
        placement = Placement(pairs["csharp"], Path(scratch) / "line")
        compared = {language: pairs[language] for language in languages}
        records, closing = measure(Languages(arguments.bench, compared, placement, effort), workloads, languages)
    return records, {**closing, "cpus": cpus, "seconds": time.monotonic() - begin}


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Compares C# and Python with C++: medians of ratios, each of two figures taken one after the other."
    )
    parser.add_argument("--only", choices=(*WORKLOADS, READ_COST), metavar="WORKLOAD", help="one of %(choices)s")
    parser.add_argument("--language", choices=LANGUAGES, help="only this one beside C++")
    parser.add_argument("--repetitions", type=int, default=7, help="of each ratio (default 7)")
    parser.add_argument("--short", action="store_true", help="show that everything works; the figures are worth nothing")
    parser.add_argument("--json", action="store_true", help="a line for each figure and a closing object with the ratios")
    parser.add_argument("--bench", type=Path, default=BUILD / "release/bin/zerobuffer", help="the program zerobuffer")
    parser.add_argument("--library", type=Path, default=BUILD / "release/lib/libzerobuffer.so.2", help="what C# loads")
    parser.add_argument("--csharp", type=Path, help="ZeroBuffer.Benchmarks.dll",
                        default=BUILD / "dotnet/bin/ZeroBuffer.Benchmarks/release/ZeroBuffer.Benchmarks.dll")
    arguments: Any = parser.parse_args()
    if arguments.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    try:
        records, closing = run_all(arguments)
    except BenchError as error:
        print(f"languages: {error}", file=sys.stderr)
        return 1
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
