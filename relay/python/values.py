"""Numbers, sizes, lists of sizes and array formats as relay/README.md writes them, for argparse: each function raises
ArgumentTypeError, saying what is wrong. Must not know options."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from typing import Callable

import zerobuffer

_MOST_SIZES = 1_000_000


def number(text: str) -> int:
    """Decimal, or hexadecimal after 0x; 64 bits."""
    if re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]+", text, re.ASCII):
        value = int(text[2:], 16) if text[:2].lower() == "0x" else int(text)
        if value < 1 << 64:
            return value
    raise ArgumentTypeError(f"{text!r} is no whole number of 64 bits")


def number_up_to(most: int, least: int = 0) -> Callable[[str], int]:
    def parse(text: str) -> int:
        value = number(text)
        if not least <= value <= most:
            raise ArgumentTypeError(f"{text} is not within {least} and {most}")
        return value

    return parse


def signed(text: str) -> int:
    value = -number(text[1:]) if text.startswith("-") else number(text)
    if abs(value) >= 1 << 63:
        raise ArgumentTypeError(f"{text!r} is no signed number of 64 bits")
    return value


def timeout(text: str) -> int:
    """Milliseconds; -1 is for ever."""
    value = signed(text)
    if value < -1:
        raise ArgumentTypeError(f"{text} is neither -1 nor a time")
    return value


def size(text: str) -> int:
    """A number that may end in k, m or g."""
    shift = {"k": 10, "m": 20, "g": 30}.get(text[-1:], 0)
    value = number(text[:-1] if shift else text) << shift
    if value >= 1 << 64:
        raise ArgumentTypeError(f"{text!r} is too large")
    return value


def sizes(text: str) -> list[int]:
    """Sizes and ranges A..B, separated by commas."""
    found: list[int] = []
    for part in text.split(","):
        first_text, dots, last_text = part.partition("..")
        first = size(first_text)
        last = size(last_text) if dots else first
        if last < first or last - first >= _MOST_SIZES - len(found):
            raise ArgumentTypeError(f"{part!r} is no range, or more than a million sizes")
        found.extend(range(first, last + 1))
    return found


def tag(text: str) -> int | None:
    """A number; None for "sequence"."""
    return None if text == "sequence" else number(text)


def array_format(text: str) -> zerobuffer.ArrayFormat:
    """DTYPE:SHAPE or DTYPE:SHAPE:F."""
    parts = text.split(":")
    if len(parts) not in (2, 3):
        raise ArgumentTypeError(f"{text!r} is not DTYPE:SHAPE")
    shape = tuple(number(dimension) for dimension in parts[1].split("x")) if parts[1] else ()
    try:
        return zerobuffer.ArrayFormat(parts[0], shape, parts[2] if len(parts) == 3 else "C")  # type: ignore[arg-type]
    except zerobuffer.InvalidArgumentError as error:
        raise ArgumentTypeError(str(error)) from None
