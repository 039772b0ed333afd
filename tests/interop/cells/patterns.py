"""The patterns, digests and array frames of relay/README.md and docs/arrays.md, written a fourth time, from those pages alone.

The independent opinion on what a program should have sent or seen. Must not use the package `zerobuffer`.
"""

import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import List, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from .programs import Failure

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
ITEM_SIZES = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}
DTYPES = tuple(
    f"{order}{kind}{size}" for kind, sizes in ITEM_SIZES.items() for size in sizes for order in ("|" if size == 1 else "<>")
)


def mix(z: int) -> int:
    z = ((z ^ (z >> 30)) * FIRST) & MASK
    z = ((z ^ (z >> 27)) * SECOND) & MASK
    return z ^ (z >> 31)


def mix_words(z: "npt.NDArray[np.uint64]") -> "npt.NDArray[np.uint64]":
    z = (z ^ (z >> np.uint64(30))) * np.uint64(FIRST)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(SECOND)
    return z ^ (z >> np.uint64(31))


def content(pattern: str, sequence: int, size: int, seed: int = 1) -> bytes:
    """What the frame with this sequence must hold."""
    if pattern == "zeros":
        return bytes(size)
    if pattern == "ones":
        return b"\xff" * size
    if pattern == "sequential":
        return ((np.arange(size, dtype=np.uint64) + np.uint64(sequence % 256)) % np.uint64(256)).astype(np.uint8).tobytes()
    if pattern == "random":
        words = np.arange(1, (size + 7) // 8 + 1, dtype=np.uint64) * np.uint64(GOLDEN)
        base = np.uint64(mix((mix(seed) + sequence) & MASK))
        return mix_words(words + base).astype("<u8").tobytes()[:size]
    raise ValueError(pattern)


@dataclass(frozen=True)
class Digest:
    """A line of `--digests`."""

    sequence: int
    type: int
    tag: int
    size: int
    crc: str

    @classmethod
    def of(cls, data: bytes, sequence: int, type: int = 0, tag: int = 0) -> "Digest":
        return cls(sequence, type, tag, len(data), crc_text(data))


def crc_text(data: bytes) -> str:
    return f"{zlib.crc32(data):08x}"


def read_digests(path: Path) -> List[Digest]:
    found = []
    for line in path.read_text().splitlines():
        words = line.split(" ")
        if len(words) != 5 or len(words[4]) != 8 or words[4] != words[4].lower():
            raise Failure(f"a line of --digests is {line!r}")
        sequence, type, tag, size = (int(word) for word in words[:4])
        found.append(Digest(sequence, type, tag, size, words[4]))
    return found


def compare_digests(who: str, seen: Sequence[Digest], expected: Sequence[Digest]) -> None:
    """Fails with the first line that differs."""
    for position, (one, other) in enumerate(zip(seen, expected)):
        if one != other:
            raise Failure(f"frame {position + 1} of {who}: {one}, expected {other}")
    if len(seen) != len(expected):
        raise Failure(f"{who} has {len(seen)} frames, not {len(expected)}")


@dataclass(frozen=True)
class Array:
    """An array as `--array` names it."""

    dtype: str
    shape: Tuple[int, ...]
    order: str = "C"

    @property
    def spec(self) -> str:
        return f"{self.dtype}:{'x'.join(str(side) for side in self.shape)}" + (":F" if self.order == "F" else "")

    @property
    def size(self) -> int:
        count = int(self.dtype[2:])
        for side in self.shape:
            count *= side
        return count

    @property
    def payload_with_descriptor(self) -> int:
        return (self.size + 7) // 8 * 8 + 48 + 8 * len(self.shape)

    @property
    def metadata(self) -> bytes:
        fields = {"zerobuffer_schema": 1, "kind": "array", "dtype": self.dtype, "shape": list(self.shape), "order": self.order, "names": None}
        return json.dumps(fields, separators=(",", ":")).encode()
