"""What the programs must give, computed from relay/README.md in plain Python: the oracle of these tests. Shares no line with
the programs."""

import re
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "relay/README.md"
MASK = 2**64 - 1


def mix(z):
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB % 2**64
    return z ^ (z >> 31)


def content(pattern, seed, sequence, size):
    """The content of a frame, byte by byte."""
    if pattern == "zeros":
        return bytes(size)
    if pattern == "ones":
        return b"\xff" * size
    if pattern == "sequential":
        return bytes((sequence + i) % 256 for i in range(size))
    start = mix((mix(seed) + sequence) & MASK)
    words = (mix((start + (k + 1) * 0x9E3779B97F4A7C15) & MASK) for k in range(size // 8 + 1))
    return b"".join(word.to_bytes(8, "little") for word in words)[:size]


def table(heading):
    """The rows below a heading of the README, without the head: lists of cells."""
    part = README.read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [line for line in part.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]
