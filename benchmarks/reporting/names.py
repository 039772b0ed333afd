"""How systems, workloads, sizes and figures are called for people, and which colour a system has on the whole page.
Owns the words and the classes of style; must not know files or drawings."""

import math
import re
from dataclasses import dataclass
from typing import Dict, Tuple

from reporting.results import Row

TITLES: Dict[str, str] = {
    "zerobuffer": "ZeroBuffer", "floor": "floor", "iceoryx": "iceoryx", "zeromq": "ZeroMQ", "nng": "nng", "boost": "Boost message_queue",
    "message_queue": "Boost message_queue", "pipe": "pipe", "unix_socket": "Unix socket", "unix_packets": "Unix socket, packets", "gstreamer": "GStreamer shm", "shmsink": "GStreamer shm",
    "multiprocessing_pipe": "multiprocessing Pipe", "multiprocessing_queue": "multiprocessing Queue",
    "shared_memory": "shared_memory", "pyzmq": "pyzmq", "named_pipe": "named pipe", "mapped_file": "memory-mapped file",
}
LANGUAGES: Dict[str, str] = {"cpp": "C++", "c": "C", "python": "Python", "csharp": "C#"}
FAMILIES: Dict[str, str] = {
    "rtt": "Round trips", "one_way": "Messages one way", "stream": "Messages one way", "frames": "Frames", "video": "Video at fixed rates",
    "calls": "Calls", "duplex": "Calls", "readers": "Many readers", "chain": "Relay chains", "life": "Set-up and tear-down",
    "cost": "Single costs", "instructions": "Instructions", "languages": "The languages", "floor": "Floors", "other": "Others",
}
FLOORS: Dict[str, str] = {
    "pingpong_one_line": "one cache line bounced", "pingpong_two_lines": "two cache lines bounced", "pingpong_records": "two lines each way",
    "spsc_rtt64": "textbook ring", "spsc_stream64": "textbook ring", "spsc_stream64_back_off": "textbook ring, back-off",
    "memcpy_cold": "memcpy, cold", "memcpy_warm": "memcpy, warm", "memcpy_non_temporal": "stores past the cache",
    "futex_two_cpus": "bare futex", "futex_one_cpu": "bare futex, one CPU",
}
# What distinguishes lines of one chart beside system and policy; other words of a name make a chart of their own.
DETAILS: Dict[str, str] = {
    "ring64m": "64 MiB ring", "ring256m": "256 MiB ring", "whole": "no early restart", "held": "frames held", "behind": "reader behind",
    "batch16": "batches of 16", "stream": "size known to the compiler", "in_place": "in place", "two_rings": "two rings", "copying": "copied", "shared": "forwarded", "copied": "copied",
}
DETAILED = {"frame": ("ring64m", "ring256m", "whole", "held", "behind"), "one_way": ("batch16",), "call": ("in_place",),
            "invert": ("in_place", "two_rings", "copying"), "chain": ("shared", "copied")}
DETAIL_COLOURS = {"ring64m": "green", "ring256m": "amber", "two_rings": "green", "copying": "amber", "copied": "amber", "held": "pink", "stream": "slate", "behind": "olive"}
POLICIES: Dict[str, str] = {"spin": "spinning", "block": "blocking", "yield": "yielding"}
# Classes of style (page.py): systems without a colour of their own share the last ones, and are told apart by their labels.
COLOURS: Dict[str, str] = {
    "zerobuffer": "ours", "floor": "floor", "iceoryx": "amber", "boost": "green", "message_queue": "green", "zeromq": "red", "pyzmq": "red",
    "nng": "pink", "gstreamer": "olive", "shmsink": "olive", "pipe": "grey", "named_pipe": "grey", "unix_socket": "slate", "unix_packets": "slate",
    "multiprocessing_pipe": "grey", "multiprocessing_queue": "pink", "shared_memory": "green", "mapped_file": "green",
}
SPARE_COLOURS = ("amber", "green", "red", "pink", "olive", "slate")
PATTERN = re.compile(r"^(one_way|[a-z]+)(\d+[km]?)?((?:_[a-z0-9]+)*)$")


@dataclass(frozen=True)
class Place:
    """Where a row belongs: what is done, with which size, in which variant, under which policy, with which details."""

    stem: str
    size: str
    variant: str = ""
    policy: str = ""
    details: Tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """The same for all systems that are compared."""
        return f"{self.stem}{self.size}" + (f"_{self.variant}" if self.variant else "")


def place_of(row: Row) -> Place:
    name = row.workload
    for suffix in (row.language, row.system):
        if suffix not in ("cpp", "zerobuffer", "floor", "") and name.endswith(f"_{suffix}"):
            name = name[: -len(suffix) - 1]
    match = PATTERN.match(name)
    if match is None:
        return Place(name, "")
    stem, rest = {"stream": "one_way"}.get(match[1], match[1]), f"{match[3]}_"
    policy = next((word for word in POLICIES if f"_{word}_" in rest), "")
    details = tuple(word for word in DETAILED.get(stem, ()) if f"_{word}_" in rest)
    for word in (policy, *details):
        rest = rest.replace(f"_{word}_", "_", 1) if word else rest
    if match[1] == "stream" and row.language in ("cpp", ""):
        details = ("stream", *details)
    return Place(stem, match[2] or "", rest.strip("_"), policy, details)


def label_of(row: Row) -> str:
    """Who is measured, as a label beside a line."""
    if row.system == "floor":
        return FLOORS.get(row.workload, row.workload.replace("_", " "))
    place = place_of(row)
    title = TITLES.get(row.system, row.system.replace("_", " "))
    if row.system == "zerobuffer" and row.language not in ("cpp", ""):
        title += f" {LANGUAGES.get(row.language, row.language)}"
    words = [DETAILS[word] for word in place.details] + ([POLICIES[place.policy]] if place.policy else [])
    return ", ".join([title, *words])


def colour(system: str) -> str:
    return COLOURS.get(system) or SPARE_COLOURS[sum(system.encode()) % len(SPARE_COLOURS)]


def rank(row: Row) -> Tuple[int, str]:
    """The order of rows that are compared: ours, the floors, the others."""
    return ({"zerobuffer": 0, "floor": 1}.get(row.system, 2), "" if row.system in ("zerobuffer", "floor") else row.system)


def family_title(family: str) -> str:
    return FAMILIES.get(family, family.replace("_", " ").capitalize())


def bytes_text(size: float) -> str:
    for unit, factor in (("MiB", 1 << 20), ("KiB", 1 << 10)):
        if factor <= size < factor * 1024 and size % factor == 0:
            return f"{size / factor:g} {unit}"
    if size >= 1e6:
        return f"{size / 1e6:.1f} MB"
    return f"{size:g} B"


def ns_text(ns: float) -> str:
    for unit, factor in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if abs(ns) >= factor:
            return f"{digits(ns / factor)} {unit}"
    return f"{digits(ns)} ns"


def ns_tick(ns: float) -> str:
    """For a round value at an axis."""
    for unit, factor in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= factor:
            return f"{ns / factor:g} {unit}"
    return f"{ns:g} ns"


def digits(value: float) -> str:
    """Three figures, or two of what is small; never an exponent."""
    size = abs(value)
    if size >= 100 or value == 0:
        return f"{value:,.0f}"
    if size >= 1e-9:
        return f"{value:.{min(1 - math.floor(math.log10(size)), 9) if size < 0.1 else 2 - math.floor(math.log10(max(size, 1)))}f}"
    return "0"


def figure(value: float, unit: str) -> str:
    """A figure with its unit."""
    scale = {"ns": 1.0, "us": 1e3, "ms": 1e6, "s": 1e9}.get(unit)
    if scale is not None:
        return ns_text(value * scale)
    return f"{digits(value)} {unit}" if unit != "ratio" else digits(value)
