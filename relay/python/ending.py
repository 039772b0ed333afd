"""The end of a writer: waiting for its readers, closing, counting what was left unread. For the verbs that write."""

from __future__ import annotations

from typing import Any, Callable, Optional

import stop
import zerobuffer
from outcome import ExitCode, Outcome
from session import errors_of, seconds


class Ending:
    """What a writer's counters were in the end, for the report."""

    def __init__(self) -> None:
        self.last_sequence = self.unread = 0
        self._blocked: tuple[int, float] = (0, 0.0)

    def close(
        self,
        writer: zerobuffer.Writer,
        name: str,
        linger_ms: int,
        side: Optional[str] = None,
        before_closing: Callable[[], None] = lambda: None,
    ) -> None:
        """Waits for the readers, unless a signal came, and closes. Raises Outcome where the readers died or left frames."""
        try:
            if not stop.requested():
                with errors_of(name, side):
                    self._drain(writer, linger_ms)
        finally:
            before_closing()
            stats = writer.stats()
            self.last_sequence = stats.frames
            self._blocked = (stats.blocked_count, stats.blocked_time)
            self.unread = writer.close()
        if self.unread and not stop.requested():
            raise Outcome(ExitCode.UNREAD, f"{name}: {self.unread} frames that nobody will read", side)

    @staticmethod
    def _drain(writer: zerobuffer.Writer, linger_ms: int) -> None:
        try:
            writer.drain(seconds(linger_ms))
        except (zerobuffer.PeerClosedError, zerobuffer.InterruptedWaitError):
            pass  # what is unread then, close() counts

    def fields(self) -> dict[str, Any]:
        return {"blocked_count": self._blocked[0], "blocked_seconds": self._blocked[1], "unread": self.unread}
