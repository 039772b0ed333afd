#!/usr/bin/env python3
"""Numpy frames from one Python process to another: copied in by write_array, read in place (a byte of each page).

Prints what was reached; with --json one JSON object. To be compared with the C++ rate of the same workload
(`zerobuffer bench`) taken in the same minutes.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import numpy as np

from zerobuffer import Reader, Writer

SHAPE = (1080, 1920, 3)


def read_all(name: str, cpu: int) -> None:
    """The reading process: prints one line of [frames, bytes, seconds] per repetition; an empty frame ends one."""
    pin(cpu)
    with Reader.open(name, timeout=30) as reader:
        frames = size = begin = total = 0
        for frame in reader:
            with frame:
                if frame.size == 0:
                    print(json.dumps([frames, size, (time.perf_counter_ns() - begin) / 1e9, total]), flush=True)
                    frames = size = begin = 0
                    continue
                begin = begin or time.perf_counter_ns()
                pages = frame.as_array().reshape(-1)[::4096]
                total += int(pages.sum(dtype=np.int64))
                frames += 1
                size += frame.size
                del pages


def pin(cpu: int) -> None:
    if cpu >= 0:
        os.sched_setaffinity(0, {cpu})


def measure(frames: int, repetitions: int, payload_size: int) -> dict[str, object]:
    name = f"bench-python-{os.getpid()}"
    cpus = sorted(os.sched_getaffinity(0))
    pair = (cpus[0], cpus[1]) if len(cpus) > 1 else (-1, -1)
    image = np.arange(np.prod(SHAPE), dtype=np.uint64).astype(np.uint8).reshape(SHAPE)
    results = []
    with Writer(name, payload_size=payload_size) as writer:
        command = [sys.executable, __file__, "--read", name, "--cpu", str(pair[1])]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
            assert reader.stdout is not None
            pin(pair[0])
            if not writer.wait_for_readers(1, timeout=30):
                raise SystemExit("the reading process did not come")
            for repetition in range(repetitions + 1):
                for _ in range(frames):
                    writer.write_array(image)
                writer.write(b"", type=128)
                result = json.loads(reader.stdout.readline())
                if repetition:  # the first one only warms up
                    results.append(result)
            writer.close()
            if reader.wait() != 0:
                raise SystemExit("the reading process failed")
    os.sched_setaffinity(0, cpus)
    rates = [count / seconds for count, _, seconds, _ in results]
    speeds = [size / seconds / 1e9 for _, size, seconds, _ in results]
    return {
        "system": "zerobuffer",
        "workload": "python_frames",
        "parameters": {"shape": list(SHAPE), "frames": frames, "payload_size": payload_size, "cpus": list(pair)},
        "repetitions": repetitions,
        "medians": {"frames_per_s": statistics.median(rates), "gb_per_s": statistics.median(speeds)},
        "spread": {"gb_per_s": [min(speeds), max(speeds)]},
        "machine": {"cpus": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=400, help="per repetition")
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--payload-size", type=int, default=64 << 20, help="bytes of ring")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    parser.add_argument("--cpu", type=int, default=-1, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.read:
        read_all(options.read, options.cpu)
        return
    result = measure(options.frames, options.repetitions, options.payload_size)
    medians = result["medians"]
    assert isinstance(medians, dict)
    if options.json:
        print(json.dumps(result))
    else:
        print(f"{medians['frames_per_s']:.0f} frames/s, {medians['gb_per_s']:.2f} GB/s")


if __name__ == "__main__":
    main()
