"""A viewer that only wants the latest picture: what came in between is skipped and counted, the writer never waits."""

import os

import numpy as np

import zerobuffer


def main() -> None:
    name = f"example-{os.getpid()}"
    with zerobuffer.Reader(name, payload_size=1 << 20) as reader:
        with zerobuffer.Writer.open(name, timeout=10, full="drop") as writer:
            for number in range(100):
                writer.write_array(np.full((64, 64), number, np.uint8))
            frame = reader.read_newest(timeout=10)
            assert frame is not None
            print(f"newest picture: {frame.as_array()[0, 0]}, skipped {reader.stats().skipped}")
            print(f"dropped {writer.stats().dropped}")


if __name__ == "__main__":
    main()
