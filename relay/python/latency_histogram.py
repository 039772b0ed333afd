"""Counts durations in buckets that grow with them (64 per power of two: within 1.6 %), so that any number of frames takes the
same memory. Must not know where the durations come from."""

from __future__ import annotations

from typing import Optional

_SUB_BITS = 6


class LatencyHistogram:
    def __init__(self) -> None:
        self._buckets = [0] * ((64 - _SUB_BITS + 1) << _SUB_BITS)
        self._count = 0
        self._max = 0

    def add(self, nanoseconds: int) -> None:
        shift = max(nanoseconds.bit_length() - _SUB_BITS - 1, 0)  # keeps the leading bit and those behind it
        self._buckets[(shift << _SUB_BITS) + (nanoseconds >> shift)] += 1
        self._count += 1
        self._max = max(self._max, nanoseconds)

    def to_json(self) -> Optional[dict[str, float]]:
        """Microseconds; None where nothing was added."""
        if self._count == 0:
            return None
        return {
            "count": self._count,
            "p50": self._percentile_us(0.5),
            "p90": self._percentile_us(0.9),
            "p99": self._percentile_us(0.99),
            "max": self._max / 1000,
        }

    def _percentile_us(self, share: float) -> float:
        wanted = share * self._count
        seen = 0
        for bucket, frames in enumerate(self._buckets):
            seen += frames
            if frames and seen >= wanted:
                shift = max((bucket >> _SUB_BITS) - 1, 0)
                middle = ((bucket - (shift << _SUB_BITS)) << shift) + ((1 << shift) >> 1)
                return min(middle, self._max) / 1000
        return self._max / 1000
