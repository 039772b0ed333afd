"""Has pictures of 1920 × 1080 pixels inverted by a server in another process, in whatever language that is written.

Each is drawn in shared memory and comes back at the address where it was drawn.

    python3 invert_client.py [NAME]
"""

import sys

import numpy as np

import zerobuffer

SHAPE = (1080, 1920, 3)
INVERT = 128


def main(name: str) -> None:
    with zerobuffer.DuplexClient.open(name, timeout=10) as client:
        for number in range(10):
            with client.claim_request(1080 * 1920 * 3, timeout=10) as claim:
                picture = np.asarray(claim).reshape(SHAPE)
                picture[:] = 10 * number
                drawn_at = picture.ctypes.data
                with claim.call(type=INVERT, timeout=10) as response:
                    answer = response.as_array().reshape(SHAPE)  # read-only; holds the room while it lives
                    place = "in place" if answer.ctypes.data == drawn_at else "elsewhere"
                    print(f"picture {number}: pixels of {answer[540, 960, 0]}, {place}")
            del picture, answer  # the room is used again

        try:  # an error of the server is an answer too, and its text is the server's
            client.call(b"", type=200, timeout=10)
        except zerobuffer.RemoteError as error:
            print(f"{error.status}: {error}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "invert0")
