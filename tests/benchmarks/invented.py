"""Invents a result file with every kind of row, always the same one, for tests of what is made of result files. Owns made-up
figures; must not know how any of them is shown."""

import json
import math
import random
from typing import Any, Dict, List, Optional, Tuple

Json = Dict[str, Any]

SHARES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1)
PEERS = {"iceoryx": 1.4e3, "boost": 1.7e3, "zeromq": 60e3, "nng": 92e3, "pipe": 45e3, "unix_socket": 47e3}


class Invention:
    """Lines of a result, from a generator that always begins alike."""

    def __init__(self) -> None:
        self.random = random.Random(5)
        self.rows: List[Json] = []
        self.closing: Json = {"ratios": {}, "spread": {}, "targets": {}, "reached": {}, "ratio_values": {}, "placement": "near", "one_line_ns": 90.0, "not_run": {"create_huge": "no huge pages here"},
                              "cpus": [0, 1], "short": False, "seconds": 60.0}

    def five(self, median: float) -> Tuple[List[float], Json]:
        values = sorted(median * math.exp(self.random.gauss(0, 0.05)) for _ in range(11))
        return values, {"min": values[0], "q1": values[2], "q3": values[8], "max": values[10]}

    def row(self, name: str, family: str, median: float, unit: str, system: str = "zerobuffer", latency: Optional[float] = None,
            cpu: Optional[Tuple[float, float]] = None, language: str = "", **parameters: Any) -> None:
        values, spread = self.five(median)
        line: Json = {"system": system, "workload": name, "family": family, "unit": unit, "parameters": parameters, "repetitions": 11,
                      "median": values[5], "spread": spread, "values": values, "driver": "bench"}
        if language:
            line["language"] = language
        if latency:
            curve = [[share, latency * (0.9 + 0.1 * abs(math.log10(1 - min(share, 0.99999))) ** 2.2)] for share in SHARES]
            line["latency"] = {"p50": latency, "p99": curve[7][1], "p999": curve[9][1], "mean": latency * 1.1, "curve": curve}
        if cpu:
            line["cpu"] = {"first": cpu[0], "second": cpu[1]}
        self.rows.append(line)

    def ratio(self, name: str, median: float, kind: str = "", limit: float = 0) -> None:
        values, spread = self.five(median)
        self.closing["ratios"][name] = values[5]
        self.closing["spread"][name] = spread
        self.closing["ratio_values"][name] = values
        self.closing["targets"][name] = {kind: limit} if kind else None
        self.closing["reached"][name] = (values[5] <= limit if kind == "at_most" else values[5] >= limit) if kind else None


def round_trips(into: Invention) -> None:
    into.row("pingpong_two_lines", "floor", 110, "ns", "floor", 110, message_bytes=8)
    into.row("futex_one_cpu", "floor", 4500, "ns", "floor", 4500, message_bytes=64)
    for label, size in (("8", 8), ("64", 64), ("1k", 1024), ("64k", 65536), ("1m", 1 << 20)):
        ours = 110 + size / 14
        into.row(f"rtt{label}", "rtt", ours, "ns", latency=ours, message_bytes=size)
        for peer, base in PEERS.items():
            into.row(f"rtt{label}_{peer}", "rtt", base + size / 5, "ns", peer, base + size / 5, message_bytes=size)
    for policy, ns in (("spin", 105.0), ("block", 51e3)):
        into.row(f"rtt64_{policy}", "rtt", ns, "ns", latency=ns, message_bytes=64)
    for variant, ns in (("one_cpu", 3100.0), ("busy", 470.0)):
        into.row(f"rtt64_{variant}", "rtt", ns, "ns", latency=ns, message_bytes=64)
    for language, ns in (("csharp", 320.0), ("python", 2600.0)):
        into.row("rtt64", "rtt", ns, "ns", latency=ns, language=language, message_bytes=64)
    into.row("rtt64_pyzmq", "rtt", 111e3, "ns", "pyzmq", 111e3, language="python", message_bytes=64)


def streams(into: Invention) -> None:
    for label, size in (("8", 8), ("64", 64), ("512", 512), ("4k", 4096)):
        into.row(f"one_way{label}", "one_way", 90 / (1 + size / 700), "M/s", message_bytes=size)
        for peer, rate in (("iceoryx", 1.4), ("zeromq", 6.5), ("pipe", 4.2), ("nng", 0.3)):
            into.row(f"one_way{label}_{peer}", "one_way", rate / (1 + size / 3000), "M/s", peer, message_bytes=size)
    for label, size in (("64k", 65536), ("1m", 1 << 20), ("6m", 6220800), ("16m", 16 << 20), ("64m", 64 << 20)):
        for how, rate in (("read", 40.0), ("copy", 22.0)):
            into.row(f"frame{label}_{how}", "frames", rate * (0.6 if size > 7e6 else 1), "GB/s", frame_bytes=size, in_flight=3)
            for peer, share in (("iceoryx", 0.95), ("zeromq", 0.1), ("unix_socket", 0.35)):
                into.row(f"frame{label}_{how}_{peer}", "frames", rate * share, "GB/s", peer, frame_bytes=size)
    into.row("memcpy_cold", "floor", 16.3, "GB/s", "floor", frame_bytes=6220800)


def others(into: Invention) -> None:
    for rate in (30, 60, 120, 240, 500, 1000):
        into.row(f"video{rate}", "video", 420, "us", latency=420e3, cpu=(rate * 3e-4, rate * 2e-4), per_second=rate, frame_bytes=6220800)
        into.row(f"video{rate}_zeromq", "video", 2600, "us", "zeromq", 2600e3, (rate * 9e-4, rate * 1e-3), per_second=rate, frame_bytes=6220800)
    for readers in (1, 2, 4, 8, 16):  # each sees every frame
        into.row(f"frame6m_readers{readers}", "readers", 30.0 / readers, "GB/s", frame_bytes=6220800, readers=readers)
    for threads in (1, 2, 4):
        into.row(f"calls64_{threads}_thread{'s' if threads > 1 else ''}", "calls", 4.1 - 0.1 * threads, "M/s", message_bytes=64, threads=threads)
    into.row("call64", "calls", 203, "ns", latency=203, message_bytes=64)
    for how, gigabytes in (("shared", 19.0), ("copied", 4.7)):
        into.row(f"chain6m_{how}", "chain", gigabytes, "GB/s", frame_bytes=6220800, relays=3)
    into.row("create_64m", "life", 42, "ms", ring_bytes=64 << 20)
    into.row("close", "life", 31, "us")
    for name, ns in (("wrap", 6.0), ("wake_up", 24e3), ("membarrier", 9e3), ("fence", 21.0)):
        into.row(f"cost_{name}", "cost", ns, "ns")
    into.row("write64_instructions", "instructions", 47, "instructions", message_bytes=64)


def ratios(into: Invention) -> None:
    into.ratio("rtt64_over_pingpong", 1.07, "at_most", 1.1)
    into.ratio("rtt64_one_cpu_over_futex", 0.69, "at_most", 0.7)
    into.ratio("rtt64_over_zeromq", 0.002, "at_most", 0.1)
    into.ratio("one_way64_over_spsc", 1.35, "at_least", 1.2)
    into.ratio("frame6m_read_over_iceoryx", 0.88, "at_least", 0.95)
    into.ratio("frame6m_read_over_cold_memcpy", 1.7, "at_least", 1.3)
    into.ratio("frame16m_read_over_cold_memcpy", 1.31, "at_least", 1.2)
    into.ratio("chain6m_shared_over_copied", 4.1, "at_least", 1.0)
    into.ratio("call64_over_rtt64", 1.02)
    into.ratio("cost_wrap_beyond_cpp_ns", 12.0, "at_most", 30)


def lines() -> List[Json]:
    """A result of run.py, line by line."""
    into = Invention()
    for part in (round_trips, streams, others, ratios):
        part(into)
    machine = {"processor": "An invented processor", "cpus": 2, "architecture": "x86_64", "kernel": "6.1", "caches": {"L2": "1 MiB", "L3": "32 MiB"},
               "hypervisor": "KVM", "compiler": "g++ 12", "steal_share": 0.013}
    run = {"command": "benchmarks/run.py", "date": "2026-11-21 21:00 UTC", "commit": "0123abc", "machine": machine, "failed": []}
    return [{"run": run}, *into.rows, {**into.closing, "driver": "bench"}]


def text() -> str:
    return "".join(json.dumps(line) + "\n" for line in lines())
