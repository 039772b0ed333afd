"""What a relay does to the bytes that it passes on, one pass over memory from the input ring into the output ring; and what a server
does to those of a request."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

# Words turned round at once: they stay in the cache until they are copied on.
_BLOCK = 16384


def apply(transform: str, key: int, source: Bytes, target: Bytes) -> None:
    """Writes the transformed `source` into `target`, which is as long and does not overlap."""
    if transform == "reverse":
        _reverse(source, target)
    elif transform == "xor":
        np.bitwise_xor(source, np.uint8(key), out=target)
    else:
        np.copyto(target, source)


def apply_in_place(transform: str, key: int, data: Bytes) -> None:
    if transform == "reverse":
        data[:] = data[::-1].copy()
    elif transform == "xor":
        np.bitwise_xor(data, np.uint8(key), out=data)


def _reverse(source: Bytes, target: Bytes) -> None:
    """Word by word, because numpy takes as long for a byte: reading big-endian and writing little-endian turns each round."""
    size = source.size
    words = source[: size // 8 * 8].view(">u8")
    turned = np.empty(min(words.size, _BLOCK), "<u8")
    for begin in range(0, words.size, _BLOCK):
        part = words[begin : begin + _BLOCK][::-1]
        np.copyto(turned[: part.size], part)
        end = size - 8 * begin
        target[end - 8 * part.size : end] = turned[: part.size].view(np.uint8)
    target[: size % 8] = source[size // 8 * 8 :][::-1]
