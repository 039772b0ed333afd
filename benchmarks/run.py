#!/usr/bin/env python3
"""Builds and runs every benchmark there is, and writes one result file: what it was made on, every row, every ratio. Owns who
runs in which order and what becomes of a failure; must not know a single workload. A benchmark that cannot run fails the whole
run, a slow one never does."""

import argparse
import datetime
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Sequence

from reporting import machine
from reporting.results import Json, ResultError, is_closing, row_of

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
USAGE = 2  # how a driver ends that does not know the groups or names that were asked for
STOPPED = 130


class RunError(Exception):
    """What went wrong, for people."""


@dataclass(frozen=True)
class Places:
    """Where what was built lies."""

    bin: Path
    library: Path
    csharp: Path

    def script(self, name: str) -> List[str]:
        """The command of a driver in Python, with the places that it needs."""
        return [sys.executable, str(HERE / name), "--bench", str(self.bin / "zerobuffer"), "--library", str(self.library), "--csharp", str(self.csharp)]


@dataclass(frozen=True)
class Driver:
    """A program that measures and prints a JSON line for each row and a closing one."""

    name: str
    part_of: str  # the folder or file of the checkout that makes it part of the run
    targets: Sequence[str]  # what is built for it
    command: Callable[[Places], List[str]]
    everything: Sequence[str] = ()  # the options with which it leaves nothing out


DRIVERS = (
    Driver("bench", "cpp/cli/bench", ("zerobuffer_cli",), lambda at: [str(at.bin / "zerobuffer"), "bench"], ("--all",)),
    Driver("peers", "benchmarks/peers", ("zerobuffer_bench_peers",), lambda at: [str(at.bin / "zerobuffer-bench-peers")], ("--all",)),
    Driver("languages", "benchmarks/languages.py", ("zerobuffer_cli", "zerobuffer_c", "zerobuffer_bench_c", "zerobuffer_bench_costs"),
           lambda at: at.script("languages.py")),
    Driver("instructions", "benchmarks/instructions.py", ("zerobuffer_bench_c", "zerobuffer_bench_costs"),
           lambda at: at.script("instructions.py")),
)


def say(text: str) -> None:
    print(f"run: {text}", file=sys.stderr, flush=True)


def build_step(*command: str) -> None:
    say(shlex.join(command))
    if subprocess.run(command, cwd=ROOT, stdout=sys.stderr, stdin=subprocess.DEVNULL).returncode != 0:
        raise RunError(f"this failed: {shlex.join(command)}")


def build(drivers: Sequence[Driver]) -> None:
    targets = list(dict.fromkeys(target for driver in drivers for target in driver.targets))
    build_step("cmake", "--preset", "release")
    build_step("cmake", "--build", "--preset", "release", "--parallel", str(os.cpu_count() or 1), "--target", *targets)
    if any(driver.name not in ("bench", "peers") for driver in drivers):
        if sys.prefix == sys.base_prefix:
            raise RunError("the Python package is installed where it is measured: start this with .venv/bin/python, which scripts/setup.sh makes")
        build_step("dotnet", "build", "benchmarks/csharp", "--configuration", "Release", "-nodeReuse:false")
        for left in (ROOT / "build").glob("lib*"):  # of an earlier build: setuptools would install what lies there
            shutil.rmtree(left)
        build_step(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--force-reinstall", ".")


def stop(process: "subprocess.Popen[str]") -> None:
    """Lets a driver tidy up."""
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def run_driver(driver: Driver, command: Sequence[str], patience_s: float, narrowed: bool) -> List[Json]:
    """The lines of a driver, each checked. None where it says that it has nothing of what was asked for."""
    if not Path(command[0]).is_file():
        raise RunError(f"{command[0]} is not there; it was not built")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True) as process:
        try:
            output, _ = process.communicate(timeout=patience_s)
        except subprocess.TimeoutExpired as error:
            stop(process)
            raise RunError(f"no end after {patience_s:.0f} s") from error
        except KeyboardInterrupt:
            stop(process)
            raise
    if process.returncode == STOPPED:
        raise KeyboardInterrupt
    if process.returncode == USAGE and narrowed and not output.strip():
        return []
    if process.returncode != 0:
        raise RunError(f"exit code {process.returncode}; what it said stands above")
    lines: List[Json] = []
    for text in output.splitlines():
        try:
            line = json.loads(text)
            if not is_closing(line):
                row_of(line, driver.name)
        except (ValueError, TypeError, AttributeError, ResultError) as error:
            raise RunError(f"{error}: {text[:200]}") from error
        line.pop("machine", None)  # said once, for the whole run
        lines.append({**line, "driver": driver.name})
    if len(lines) < 2 or not is_closing(lines[-1]):
        raise RunError("it ended without a row and a closing line")
    return lines


def measuring_options(arguments: Any) -> List[str]:
    """Those that say what is measured, as every driver understands them."""
    options: List[str] = []
    for name in arguments.group:
        options += ["--group", name]
    for name in arguments.only:
        options += ["--only", name]
    if arguments.short:
        options.append("--short")
    if arguments.repetitions is not None:
        options += ["--repetitions", str(arguments.repetitions)]
    if arguments.limit_s is not None:
        options += ["--limit-s", f"{arguments.limit_s:g}"]
    return options


def patience(arguments: Any) -> float:
    """After how long a driver must be stuck, however busy the machine is."""
    if arguments.limit_s is not None:
        return 600.0 + 4.0 * float(arguments.limit_s)
    return 900.0 if arguments.short else 4 * 3600.0


def write(path: Path, lines: Sequence[Json]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text("".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines), encoding="utf-8")
    partial.replace(path)


def run_all(arguments: Any, drivers: Sequence[Driver]) -> int:
    options, failed, lines = measuring_options(arguments), [], []
    narrowed = bool(arguments.group or arguments.only)
    places = Places(arguments.bin_dir.absolute(), (arguments.library or arguments.bin_dir.parent / "lib/libzerobuffer.so.2").absolute(),
                    arguments.csharp.absolute())
    if not arguments.no_build:
        build(drivers)
    begun, before, seconds = datetime.datetime.now(datetime.timezone.utc), machine.CpuTime.now(), {}
    for driver in drivers:
        command = [*driver.command(places), *([] if narrowed else driver.everything), *options, "--json"]
        say(f"{driver.name}: {shlex.join(command)}")
        start = time.monotonic()
        try:
            measured = run_driver(driver, command, patience(arguments), narrowed)
        except RunError as error:
            say(f"{driver.name} failed: {error}")
            failed.append(driver.name)
            continue
        seconds[driver.name] = round(time.monotonic() - start, 1)
        lines += measured
        for name, reason in (measured[-1].get("not_run") or {}).items() if measured else ():
            say(f"{driver.name}: this machine cannot run {name}: {reason}")
        say(f"{driver.name}: {max(len(measured) - 1, 0)} rows, {seconds[driver.name]} s")
    about: Dict[str, Any] = machine.describe()
    after = machine.CpuTime.now()
    if before is not None and after is not None:
        about["steal_share"] = round(after.steal_since(before), 4)
    chosen = [option for name in arguments.driver for option in ("--driver", name)]
    run = {"command": shlex.join(["benchmarks/run.py", *chosen, *options]), "date": begun.strftime("%Y-%m-%d %H:%M UTC"), "commit": machine.commit(ROOT),
           "machine": about, "seconds": seconds, "short": arguments.short, "failed": failed}
    if not lines:
        say("nothing was measured" + ("" if failed else ": no driver has what was asked for"))
        return 1
    rows = [line for line in lines if not is_closing(line)]
    written = [{"run": run}, *rows, *(line for line in lines if is_closing(line))]
    output = arguments.output or ROOT / "build/benchmarks" / f"{begun:%Y-%m-%dT%H-%M-%S}.jsonl"
    write(output, written)
    if arguments.json:
        for line in written:
            print(json.dumps(line, ensure_ascii=False))
    else:
        print(output)
    if failed:
        say(f"failed: {', '.join(failed)}; the result file holds what the others measured")
    return 1 if failed else 0


def main() -> int:
    parts = [driver for driver in DRIVERS if (ROOT / driver.part_of).exists()]
    parser = argparse.ArgumentParser(description="Builds and runs every benchmark, and writes one result file. docs/benchmarks.md has the method.")
    parser.add_argument("--group", nargs="+", action="extend", default=[], metavar="FAMILY", help="only these families: rtt, one_way, frames …")
    parser.add_argument("--only", nargs="+", action="extend", default=[], metavar="NAME", help="only these workloads, and what they are compared with")
    parser.add_argument("--driver", nargs="+", action="extend", default=[], choices=[driver.name for driver in parts], help="only these programs: %(choices)s")
    parser.add_argument("--repetitions", type=int, help="of each ratio (default: what each driver thinks right)")
    parser.add_argument("--limit-s", type=float, help="each driver begins nothing new after so many seconds")
    parser.add_argument("--short", action="store_true", help="show that everything works; the figures are worth nothing")
    parser.add_argument("--output", type=Path, metavar="FILE", help="the result file (default: build/benchmarks/DATE.jsonl)")
    parser.add_argument("--json", action="store_true", help="print the lines of the result file too, instead of its name")
    parser.add_argument("--no-build", action="store_true", help="measure what is built already")
    parser.add_argument("--bin-dir", type=Path, default=ROOT / "build/release/bin", help="where the programs are, with --no-build")
    parser.add_argument("--library", type=Path, help="what C# loads (default: ../lib/libzerobuffer.so.2 beside the programs)")
    parser.add_argument("--csharp", type=Path, default=ROOT / "build/dotnet/bin/ZeroBuffer.Benchmarks/release/ZeroBuffer.Benchmarks.dll",
                        help="ZeroBuffer.Benchmarks.dll")
    arguments: Any = parser.parse_args()
    if arguments.repetitions is not None and arguments.repetitions < 1:
        parser.error("--repetitions must be at least 1")
    try:
        return run_all(arguments, [driver for driver in parts if not arguments.driver or driver.name in arguments.driver])
    except RunError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return STOPPED


if __name__ == "__main__":
    sys.exit(main())
