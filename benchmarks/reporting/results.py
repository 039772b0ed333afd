"""Reads result files: one JSON line each for the run, for every row and for the end of every driver, checked where it is read.
Owns the format as docs/benchmarks.md describes it; must not know how anything is shown."""

import json
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Dict, Hashable, Iterable, List, Optional, Sequence, Tuple, TypeVar

Json = Dict[str, Any]
Key = TypeVar("Key", bound=Hashable)

FASTER_IS_LESS = {"ns", "us", "ms", "s", "instructions", "syscalls", "%"}
FASTER_IS_MORE = {"M/s", "k/s", "GB/s", "fps"}


class ResultError(Exception):
    """Why a file is no result, for people."""


@dataclass(frozen=True)
class Spread:
    """The repetitions of one figure, without their median."""

    min: float
    q1: float
    q3: float
    max: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        quartiles = statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else [values[0]] * 3
        return cls(min(values), quartiles[0], quartiles[2], max(values))


@dataclass(frozen=True)
class Row:
    """One workload of one system."""

    driver: str
    system: str
    language: str
    workload: str
    family: str
    unit: str
    parameters: Json
    repetitions: int
    median: float
    spread: Spread
    latency: Json
    cpu: Json

    @property
    def name(self) -> str:
        """The workload, with the language where the name does not say it."""
        if self.language in ("cpp", "") or self.workload.endswith(f"_{self.language}"):
            return self.workload
        return f"{self.workload}_{self.language}"

    @property
    def curve(self) -> List[Tuple[float, float]]:
        """Shares of the operations, and how many nanoseconds each took at most."""
        return [(float(share), float(ns)) for share, ns in self.latency.get("curve", [])]

    @property
    def p50(self) -> Optional[float]:
        """Of single operations, in nanoseconds, where they were timed."""
        if "p50" in self.latency:
            return float(self.latency["p50"])
        scale = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}.get(self.unit)
        return self.median * scale if self.latency and scale else None


@dataclass(frozen=True)
class Ratio:
    """Two figures taken directly one after the other, again and again: the median of the quotients, or of the differences."""

    name: str
    median: float
    spread: Spread
    kind: Optional[str]  # "at_most", "at_least", or None where there is no target
    limit: Optional[float]
    reached: Optional[bool]
    values: Tuple[float, ...] = ()

    @property
    def difference(self) -> str:
        """The unit where it is no quotient, else nothing."""
        if "_beyond_cpp" not in self.name:
            return ""
        return "instructions" if self.name.startswith("instructions_") else "ns"


@dataclass
class Result:
    """A whole file."""

    run: Json
    rows: List[Row] = field(default_factory=list)
    ratios: List[Ratio] = field(default_factory=list)
    closings: Dict[str, Json] = field(default_factory=dict)

    @property
    def placement(self) -> str:
        """Near if every driver that looked at the CPUs found them near."""
        seen = {closing["placement"] for closing in self.closings.values() if closing.get("placement")}
        return "far" if "far" in seen else "near" if seen else "unknown"

    @property
    def short(self) -> bool:
        return any(closing.get("short") for closing in self.closings.values())

    @property
    def not_run(self) -> Dict[str, str]:
        """Workloads that this machine refused, with the reason."""
        return {str(name): str(reason) for closing in self.closings.values() for name, reason in (closing.get("not_run") or {}).items()}

    def row(self, name: str) -> Optional[Row]:
        return next((row for row in self.rows if row.name == name), None)

    def families(self) -> List[str]:
        return list(dict.fromkeys(row.family for row in self.rows))


def size_of(row: Row) -> Optional[float]:
    """The bytes of one message or frame, where it has a size."""
    for key in ("message_bytes", "frame_bytes", "payload_bytes"):
        if isinstance(row.parameters.get(key), (int, float)):
            return float(row.parameters[key])
    return None


def grouped(rows: Iterable[Row], key: Callable[[Row], Key]) -> Dict[Key, List[Row]]:
    groups: Dict[Key, List[Row]] = {}
    for row in rows:
        groups.setdefault(key(row), []).append(row)
    return groups


def row_of(line: Json, driver: str) -> Row:
    """Checks one row; raises ResultError that names what is wrong with it."""
    name = line.get("workload")
    if not isinstance(name, str) or not name:
        raise ResultError("a row without a workload")
    missing = [key for key in ("system", "unit", "median", "spread") if key not in line]
    if missing:
        raise ResultError(f"the row {name} has no {', '.join(missing)}")
    try:
        median = float(line["median"])
        spread = Spread(*(float(line["spread"][key]) for key in ("min", "q1", "q3", "max")))
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(f"the row {name} has no full spread") from error
    slack = 1e-9 * max(abs(spread.min), abs(spread.max))
    if not spread.min - slack <= median <= spread.max + slack:
        raise ResultError(f"the row {name}: the median {median} is outside of {spread.min} … {spread.max}")
    return Row(
        driver=driver, system=str(line["system"]), language=str(line.get("language", "cpp")), workload=name,
        family=str(line.get("family") or ("floor" if line["system"] == "floor" else "other")), unit=str(line["unit"]),
        parameters=dict(line.get("parameters") or {}), repetitions=int(line.get("repetitions", 1)), median=median, spread=spread,
        latency=dict(line.get("latency") or {}), cpu=dict(line.get("cpu") or {}),
    )


def is_closing(line: Json) -> bool:
    return "ratios" in line and "workload" not in line


def ratios_of(closing: Json) -> List[Ratio]:
    """The ratios that were measured; those that a selection left out are null and are left out here too."""
    found: List[Ratio] = []
    for name, median in (closing.get("ratios") or {}).items():
        if median is None:
            continue
        spread = (closing.get("spread") or {}).get(name)
        target = (closing.get("targets") or {}).get(name) or {}
        kind, limit = next(iter(target.items()), (None, None))
        found.append(Ratio(
            name, float(median), Spread(**spread) if spread else Spread(*[float(median)] * 4), kind, limit,
            (closing.get("reached") or {}).get(name), tuple((closing.get("ratio_values") or {}).get(name) or ()),
        ))
    return found


def parse(lines: Sequence[str], source: str) -> Result:
    """A result file of run.py, or the plain output of one driver."""
    result = Result(run={})
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
            if not isinstance(line, dict):
                raise ResultError("is no JSON object")
            driver = str(line.get("driver", ""))
            if "run" in line:
                result.run = dict(line["run"])
            elif is_closing(line):
                result.closings[driver] = line
                known = {ratio.name for ratio in result.ratios}
                result.ratios += [ratio for ratio in ratios_of(line) if ratio.name not in known]
            else:
                row = row_of(line, driver)
                if result.row(row.name) is None:  # C++ beside the languages: measured once more, for their ratios
                    result.rows.append(row)
        except (ResultError, ValueError, TypeError) as error:
            raise ResultError(f"{source}: line {number}: {error}") from error
    if not result.rows:
        raise ResultError(f"{source} holds no row")
    if not result.run.get("machine"):
        machine = next((json.loads(text).get("machine") for text in lines if text.strip() and "machine" in json.loads(text)), None)
        result.run = {**result.run, "machine": machine or {}}
    return result


def read(path: Path) -> Result:
    try:
        return parse(path.read_text(encoding="utf-8").splitlines(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ResultError(f"{path} cannot be read: {error}") from error
