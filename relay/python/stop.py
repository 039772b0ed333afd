"""SIGINT and SIGTERM as a wish to stop, seen by every wait of the program at once. Must not know what waits."""

from __future__ import annotations

import signal
import time
from types import FrameType
from typing import Callable, Optional

_received: Optional[int] = None
_to_interrupt: list[Callable[[], None]] = []


def _on_stop_signal(number: int, _frame: Optional[FrameType]) -> None:
    global _received
    _received = number
    for interrupt in _to_interrupt:
        interrupt()


def catch_stop_signals() -> None:
    """Catches SIGINT and SIGTERM; SIGPIPE is ignored already (writing to a closed pipe raises)."""
    signal.signal(signal.SIGINT, _on_stop_signal)
    signal.signal(signal.SIGTERM, _on_stop_signal)


def interrupt_with(interrupt: Callable[[], None]) -> None:
    """Calls this when a signal comes, or now where one came already."""
    _to_interrupt.append(interrupt)
    if _received is not None:
        interrupt()


def requested() -> bool:
    return _received is not None


def exit_code() -> int:
    """130 for SIGINT, 143 for SIGTERM; 1 where no signal came."""
    return 1 if _received is None else 128 + _received


def sleep_us(microseconds: int) -> None:
    """Sleeps, or less long where a signal came."""
    end = time.monotonic() + microseconds * 1e-6
    while not requested() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.1))
