"""Writes ten pictures into the buffer that reader.py made.

    python3 writer.py [NAME]
"""

import sys

import numpy as np

import zerobuffer


def main(name: str) -> None:
    with zerobuffer.Writer.open(name, timeout=10) as writer:
        for number in range(5):
            with writer.claim_array((1080, 1920, 3), "uint8") as image:
                image[:] = 10 * number  # written in place, published on leaving the block, discarded on an exception
        for number in range(5, 10):
            writer.write_array(np.full((1080, 1920, 3), 10 * number, np.uint8))  # or copied in
    print("ten pictures sent")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "cam0")
