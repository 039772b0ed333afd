"""Asks the tensor service of C# (tensor-server.cs): numpy arrays go there and come back, with their dtype and shape.

    python3 tensor_client.py [NAME]
"""

import sys

import numpy as np

import zerobuffer

SOFTMAX, ROW_SUMS = 1, 2  # what the service calls them


def main(name: str) -> None:
    with zerobuffer.DuplexClient.open(name, timeout=10) as client:
        for number in range(3):
            scores = np.arange(8, dtype=np.float32).reshape(2, 4) * number
            shares = client.call_array(scores, timeout=10, tag=SOFTMAX)
            sums = client.call_array(scores, timeout=10, tag=ROW_SUMS)
            print(f"{shares.shape} {shares.dtype}: the largest share is {shares[0, -1]:.3f}; {sums.dtype} sums {sums.tolist()}")
        try:
            client.call_array(np.zeros(3, dtype=np.float32), timeout=10, tag=SOFTMAX)
        except zerobuffer.RemoteError as error:
            print("refused:", error)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "tensors0")
