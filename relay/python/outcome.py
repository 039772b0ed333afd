"""How a program ended: one exit code per kind of failure, the table of relay/README.md. Knows the package's errors; must not
know the verbs."""

from __future__ import annotations

from enum import IntEnum
from typing import Optional

import stop
import zerobuffer


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    IN_USE = 4
    TIMEOUT = 5
    PEER_DEAD = 6
    REFUSED = 7
    SHORT_FRAME = 8
    UNREAD = 9
    NO_SPACE = 10
    CLOSED_EARLY = 11
    LOST_FRAMES = 12
    VERIFICATION_FAILED = 13
    CORRUPT = 14
    REMOTE_ERROR = 15
    INTERRUPTED = 130
    TERMINATED = 143


# By the name of the status that every error of the package carries; others are FAILED. `closed` is that of a writer: programs
# that read look at it themselves.
_CODE_OF_STATUS = {
    "timeout": ExitCode.TIMEOUT,
    "would_block": ExitCode.TIMEOUT,
    "closed": ExitCode.UNREAD,
    "peer_dead": ExitCode.PEER_DEAD,
    "invalid_argument": ExitCode.USAGE,
    "not_found": ExitCode.NOT_FOUND,
    "nothing_to_resume": ExitCode.NOT_FOUND,
    "already_exists": ExitCode.IN_USE,
    "writer_exists": ExitCode.IN_USE,
    "too_many_readers": ExitCode.IN_USE,
    "metadata_exists": ExitCode.IN_USE,
    "metadata_in_use": ExitCode.IN_USE,
    "lanes_busy": ExitCode.IN_USE,
    "incompatible": ExitCode.REFUSED,
    "permission_denied": ExitCode.REFUSED,
    "corrupt": ExitCode.CORRUPT,
    "evicted": ExitCode.CORRUPT,
    "no_space": ExitCode.NO_SPACE,
    "frame_too_large": ExitCode.NO_SPACE,
    "metadata_too_large": ExitCode.NO_SPACE,
    "remote_error": ExitCode.REMOTE_ERROR,
}


class Outcome(Exception):
    """Raised by whatever ends a program early. `side` is the relay's: "input" or "output"."""

    def __init__(self, code: ExitCode, message: str = "", side: Optional[str] = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.side = side

    @classmethod
    def of(cls, error: zerobuffer.ZeroBufferError, buffer: str, side: Optional[str] = None) -> Outcome:
        """From an error of the package. An interrupted wait becomes the signal that came."""
        if error.status == "interrupted":
            return cls(ExitCode(stop.exit_code()), "", side)
        return cls(_CODE_OF_STATUS.get(error.status, ExitCode.FAILED), f"{buffer}: {error}", side)
