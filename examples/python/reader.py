"""Makes a buffer and looks at every frame that comes, in place. Start it, then writer.py.

    python3 reader.py [NAME]
"""

import sys

import zerobuffer


def main(name: str) -> None:
    with zerobuffer.Reader(name, payload_size=64 << 20) as reader:
        print(f"waiting for a writer of {name!r}", flush=True)
        for frame in reader:  # ends when the writer closes; PeerDeadError, once, if it died
            image = frame.as_array()  # numpy view in shared memory, read-only, valid while it lives
            print(f"frame {frame.sequence}: shape {image.shape}, {image.dtype}, mean {image.mean():.1f}", flush=True)
    print("the writer has closed")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "cam0")
