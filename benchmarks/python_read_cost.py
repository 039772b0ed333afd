#!/usr/bin/env python3
"""What one `read` and `release` of a waiting frame costs, against a call that does nothing. Prints one JSON object.

Both are measured in turns, in one process, so that the machine's moods hit both. The frames are waiting: nobody sleeps.
"""

import argparse
import json
import os
import platform
import statistics
import time
from typing import Callable

from zerobuffer import Reader, Writer, _core

FRAMES = 200  # waiting at a time


def nanoseconds_per_call(call: Callable[[], None], count: int) -> float:
    begin = time.perf_counter_ns()
    for _ in range(count):
        call()
    return (time.perf_counter_ns() - begin) / count


def measure(repetitions: int) -> dict[str, object]:
    costs, floors = [], []
    with Reader.anonymous(payload_size=1 << 20) as reader, Writer.from_fd(reader.fileno()) as writer:

        def read_and_release() -> None:
            frame = reader.read()
            assert frame is not None
            frame.release()

        def nothing() -> None:
            _core.do_nothing()

        for _ in range(repetitions):
            for _ in range(FRAMES):
                writer.write(b"x" * 64)
            costs.append(nanoseconds_per_call(read_and_release, FRAMES))
            floors.append(nanoseconds_per_call(nothing, FRAMES))
    extra = [cost - floor for cost, floor in zip(costs, floors)]
    return {
        "system": "zerobuffer",
        "workload": "python_read_cost",
        "parameters": {"frame_size": 64, "frames": FRAMES},
        "repetitions": repetitions,
        "medians": {
            "read_and_release_ns": statistics.median(costs),
            "empty_call_ns": statistics.median(floors),
            "extra_ns": statistics.median(extra),
        },
        "spread": {"extra_ns": [min(extra), max(extra)]},
        "machine": {"cpus": os.cpu_count(), "kernel": platform.release(), "python": platform.python_version()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=501)
    print(json.dumps(measure(parser.parse_args().repetitions)))


if __name__ == "__main__":
    main()
