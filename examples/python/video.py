"""A video stream: its format travels in the metadata, a timestamp and a send time with every picture."""

import os
import time

import numpy as np

import zerobuffer


def main() -> None:
    name = f"example-{os.getpid()}"
    video = zerobuffer.VideoFormat("yuv420p", 640, 360, frame_rate=(30, 1))
    with zerobuffer.Reader(name, frame_size=2 * video.nbytes) as reader:
        with zerobuffer.Writer.open(name, timeout=10) as writer:
            writer.write_metadata(video)
            for number in range(3):
                with writer.claim_array(video.shape, timestamp_ns=number * 1_000_000_000 // 30) as picture:
                    picture[:] = np.uint8(number)
                frame = reader.read(timeout=10)
                assert frame is not None and frame.timestamp_ns is not None and frame.send_time_ns is not None
                with frame:
                    luma, _, _ = video.planes(frame.data)
                    delay = time.monotonic_ns() - frame.send_time_ns
                    print(f"{frame.timestamp_ns / 1e6:.0f} ms: luma {luma.shape}, on its way for {delay / 1e3:.0f} µs")
                    del luma
        print(reader.known_format())


if __name__ == "__main__":
    main()
