"""The Python process of the demo: takes each picture of ring A as a numpy array in place, draws into ring B.

Owns what is done to a picture and how its arrival is measured. Must not know where pictures come from or who shows them.

    python3 worker.py RING_A RING_B [--md5 FILE] [--sha256 FILE] [--save DIRECTORY FRAME…]

Ends with one line of JSON on standard output: frames, and the p50 and p99 of the latency of ring A in microseconds.
"""

import argparse
import hashlib
import json
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Any, List, Optional

import numpy as np
import numpy.typing as npt

import zerobuffer

Picture = npt.NDArray[np.uint8]


def draw(picture: Picture, out: Picture, number: int) -> None:
    """Left half: the negative. Right half: bright edges on black. A yellow bar moves across, a step with each picture."""
    height, width, _ = picture.shape
    half = width // 2
    np.invert(picture[:, :half], out=out[:, :half])

    # How much a pixel differs from the one three below on the right, eight times as bright.
    step = min(3, height - 1, width - half - 1)
    edges = out[: height - step, half : width - step]
    here, there = picture[: height - step, half : width - step], picture[step:, half + step :]
    np.maximum(here, there, out=edges)
    edges -= np.minimum(here, there)
    np.minimum(edges, 31, out=edges)
    edges *= 8
    out[height - step :, half:] = 0
    out[:, width - step :] = 0

    bar = max(1, width // 60)
    left = number * bar // 2 % width
    out[:, left : left + bar] = (255, 210, 0)


def percentiles(nanoseconds: List[int]) -> List[float]:
    """p50 and p99, in microseconds."""
    return [float(value) / 1000 for value in np.percentile(nanoseconds, [50, 99])] if nanoseconds else [0.0, 0.0]


def save(path: Path, picture: Picture) -> None:
    """As a PPM file."""
    height, width, _ = picture.shape
    with path.open("wb") as file:
        file.write(b"P6\n%d %d\n255\n" % (width, height))
        picture.tofile(file)


def stop(number: int, _frame: Optional[FrameType]) -> None:
    sys.exit(128 + number)  # leaves the with blocks, so that both rings are closed properly


def main() -> None:
    parser = argparse.ArgumentParser(description="Takes pictures from one ring in place, writes what it draws into another.")
    parser.add_argument("ring_a")
    parser.add_argument("ring_b")
    parser.add_argument("--md5", type=Path, help="write the MD5 of every picture that came into this file")
    parser.add_argument("--sha256", type=Path, help="write the SHA-256 of every picture drawn, before it is sent, into this file")
    parser.add_argument("--save", nargs="+", default=[], metavar=("DIRECTORY", "FRAME"), help="save these as PPM files")
    arguments: Any = parser.parse_args()
    wanted = {int(frame) for frame in arguments.save[1:]}
    signal.signal(signal.SIGTERM, stop)

    latencies: List[int] = []
    came: List[str] = []
    drawn: List[str] = []
    with zerobuffer.Reader.open(arguments.ring_a, timeout=60) as reader, zerobuffer.Writer.open(
        arguments.ring_b, timeout=60
    ) as writer:
        metadata = reader.metadata(timeout=60)
        assert metadata is not None, "the feeder says what it sends before anything else"
        writer.write_metadata(metadata)
        for frame in reader:
            latencies.append(time.monotonic_ns() - frame.tag)
            with frame:
                picture = frame.as_array()  # in shared memory; nothing is copied
                if arguments.md5:
                    came.append(hashlib.md5(picture).hexdigest())
                if frame.sequence in wanted:
                    save(Path(arguments.save[0]) / f"input-{frame.sequence}.ppm", picture)
                with writer.claim_array(picture.shape, "uint8", tag=frame.tag) as out:
                    draw(picture, out, frame.sequence)
                    if arguments.sha256:
                        drawn.append(hashlib.sha256(out).hexdigest())
                del picture, out  # the last views: now the frame's room goes back
    for path, sums in ((arguments.md5, came), (arguments.sha256, drawn)):
        if path:
            path.write_text("".join(f"{value}\n" for value in sums))
    print(json.dumps({"frames": len(latencies), "hop_us": percentiles(latencies)}))


if __name__ == "__main__":
    main()
