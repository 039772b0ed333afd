"""A service for tensors: requests and answers are numpy arrays, asked for by many tasks at once.

The array says itself what it is (docs/arrays.md), so that a server in any language can read it.
"""

import asyncio
import os
from typing import Any

import numpy as np
import numpy.typing as npt

import zerobuffer


def softmax(request: zerobuffer.Request) -> npt.NDArray[Any]:
    scores = request.as_array()  # a view, with the client's dtype and shape
    powers: npt.NDArray[Any] = np.exp(scores - scores.max(axis=-1, keepdims=True))
    powers /= powers.sum(axis=-1, keepdims=True)
    return powers  # copied once, into the channel


async def ask(client: zerobuffer.DuplexClient, number: int) -> float:
    scores = np.arange(8, dtype=np.float32).reshape(2, 4) * number
    shares = await client.call_array_async(scores, timeout=10)  # in a lane of its own
    return float(shares[0, -1])


async def main(name: str) -> None:
    with zerobuffer.ImmutableDuplexServer(name) as server:
        server.start(softmax, threads=2)  # in the background; here in the same process, usually in another one
        with zerobuffer.DuplexClient.open(name, timeout=10) as client:
            for number, share in enumerate(await asyncio.gather(*(ask(client, number) for number in range(5)))):
                print(f"{number}: the largest share is {share:.3f}")
            try:
                await client.call_array_async(np.array(["no", "numbers"]), timeout=10)
            except zerobuffer.InvalidArgumentError as error:
                print("refused:", error)


if __name__ == "__main__":
    asyncio.run(main(f"example-{os.getpid()}"))
