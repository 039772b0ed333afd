"""What a relay does to the bytes that it passes on: one pass of numpy, from the input ring into the output ring."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]


def apply(transform: str, key: int, source: Bytes, target: Bytes) -> None:
    """Writes the transformed `source` into `target`, which is as long and does not overlap."""
    if transform == "reverse":
        np.copyto(target, source[::-1])
    elif transform == "xor":
        np.bitwise_xor(source, np.uint8(key), out=target)
    else:
        np.copyto(target, source)
