"""Inverts pictures where they lie: numpy changes the bytes of a request in shared memory, and they are the answer.

Serves until Ctrl-C. Any of the invert clients calls it, in whatever language.

    python3 invert_server.py [NAME]
"""

import sys

import numpy as np

import zerobuffer

INVERT = 128  # types from 128 on are the application's


def main(name: str) -> None:
    with zerobuffer.MutableDuplexServer(name, request_size=8 << 20) as server:

        @server.on(INVERT)
        def invert(request: zerobuffer.Request) -> None:
            pixels = request.as_array()  # writable until the answer: a view of the client's own bytes
            np.invert(pixels, out=pixels)

        print("serving", flush=True)
        try:
            server.serve()  # what a handler raises is the caller's error; requests of other types are refused
        except KeyboardInterrupt:
            stats = server.stats()
            print(f"{stats.requests} requests, {stats.errors} errors, {stats.copied_bytes} bytes copied")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "invert0")
