"""The bytes of made-up frames: the four patterns of relay/README.md, to write and to compare with. Must not know frames."""

from __future__ import annotations

from typing import Optional

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

_BLOCK = 1 << 18  # bytes made at once; a multiple of 8
_STEP = 0x9E3779B97F4A7C15
_MASK = (1 << 64) - 1


def _mix(z: int) -> int:
    """The finalizer of SplitMix64."""
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & _MASK
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB & _MASK
    return z ^ (z >> 31)


def _mix_all(z: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


class Pattern:
    def __init__(self, name: str, seed: int) -> None:
        self._name = name
        self._seed = seed
        self._counting = np.resize(np.arange(256, dtype=np.uint8), _BLOCK + 256)
        self._steps = np.arange(1, _BLOCK // 8 + 1, dtype=np.uint64) * np.uint64(_STEP) if name == "random" else None

    def fill(self, room: Bytes, sequence: int) -> None:
        """Fills a flat array with the content of the frame with this sequence."""
        for offset in range(0, room.size, _BLOCK):
            part = room[offset : offset + _BLOCK]
            part[:] = self._block(sequence, offset, part.size)

    def compare(self, content: Bytes, sequence: int) -> Optional[tuple[int, int, int]]:
        """The first byte that is not what fill() writes: its offset, what it should be, what it is."""
        for offset in range(0, content.size, _BLOCK):
            found = content[offset : offset + _BLOCK]
            expected = self._block(sequence, offset, found.size)
            wrong = np.flatnonzero(found != expected)
            if wrong.size:
                at = int(wrong[0])
                return offset + at, int(np.broadcast_to(expected, found.shape)[at]), int(found[at])
        return None

    def _block(self, sequence: int, offset: int, size: int) -> Bytes:
        if self._name == "zeros":
            return np.zeros(1, np.uint8)
        if self._name == "ones":
            return np.full(1, 255, np.uint8)
        if self._name == "sequential":
            begin = (sequence + offset) & 255
            return self._counting[begin : begin + size]
        assert self._steps is not None
        state = (_mix(_mix(self._seed) + sequence & _MASK) + offset // 8 * _STEP) & _MASK
        words = _mix_all(self._steps[: (size + 7) // 8] + np.uint64(state))
        return words.astype("<u8", copy=False).view(np.uint8)[:size]
