"""The processes that measure for languages.py: sides that obey lines, pairs of them, and whether their two CPUs are near each
other. Owns the processes and what they leave; must not know what a workload does or what is compared."""

import json
import os
import select
import subprocess
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

NEAR_NS = 250  # as in cpp/cli/bench/placement.hpp
PATIENCE_S = 60.0  # how long all in all is waited for near CPUs
LIMIT_S = 120.0  # for one answer of a side

Json = Dict[str, Any]


class BenchError(Exception):
    """What went wrong, for people."""


def prefix() -> str:
    """How the names of this run's buffers, and of all that lies beside them, begin."""
    return f"bench-{os.getpid()}-"


def remove_what_is_left(bench: Path) -> None:
    """By sides that were killed: they could not close their buffers, nor unlink the peers' shared memory."""
    for name in {file for file in os.listdir("/dev/shm") if file.startswith(prefix())}:
        subprocess.run([bench, "clean", name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        Path("/dev/shm", name).unlink(missing_ok=True)


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

    def answer(self) -> Optional[Json]:
        """Of a side whose output has something; None where the other side measured."""
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            raise BenchError(f"no answer from {self.command}")
        answer: Json = json.loads(text)
        return answer if "value" in answer else None

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


class Team:
    """The sides in one language: two, or one where that is alone or has its other side as a child."""

    def __init__(self, command: Sequence[str], library: Path, cpus: Sequence[int], stack: ExitStack) -> None:
        self.sides: List[Side] = []
        for cpu in cpus:
            self.sides.append(Side(command, library, cpu))
            stack.callback(self.sides[-1].end)

    def measure(self, workload: str, name: str, half_ms: int, alone: bool = False) -> Json:
        sides = self.sides[:1] if alone else self.sides
        for side, role in zip(sides, ("first", "second")):
            side.tell(f"{workload} {role} {name} {half_ms}")
        asked = {side.process.stdout: side for side in sides}
        answers: List[Json] = []
        while asked:  # whoever is first: one that died must not be waited for by way of the other
            ready, _, _ = select.select(list(asked), [], [], LIMIT_S)
            if not ready:
                raise BenchError(f"{sides[0].command} did not end {workload} within {LIMIT_S:.0f} s")
            for output in ready:
                answer = asked.pop(output).answer()
                answers += [] if answer is None else [answer]
        if len(answers) != 1:
            raise BenchError(f"{len(answers)} sides reported a figure of {workload}")
        return answers[0]


@dataclass
class Placement:
    """Whether the two CPUs are near each other, and how long that was waited for. See docs/benchmarks.md."""

    probes: Team
    line: Path
    best_ns: float = 1e9
    waited_s: float = 0.0
    far: bool = False

    def near(self) -> bool:
        self.line.write_bytes(bytes(4096))
        now = float(self.probes.measure("probe", str(self.line), 0)["value"])
        self.best_ns = min(self.best_ns, now)
        return now < NEAR_NS

    def waste(self, begin: float) -> None:
        """What was done since `begin` did not count."""
        self.waited_s += time.monotonic() - begin
        self.far = self.far or self.waited_s > PATIENCE_S


def run_bench(bench: Path, arguments: Sequence[str]) -> List[Json]:
    """The lines of a run of `zerobuffer bench`."""
    done = subprocess.run([bench, "bench", "--json", *arguments], stdout=subprocess.PIPE, text=True, timeout=LIMIT_S)
    if done.returncode != 0:
        raise BenchError(f"zerobuffer bench {' '.join(arguments)} failed")
    return [json.loads(line) for line in done.stdout.splitlines()]
