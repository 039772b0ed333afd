"""Bytes from and to files, pipes and the standard streams. A stop signal ends every wait. Must not know buffers."""

from __future__ import annotations

import os
import select
import stat
import sys

import stop
from outcome import ExitCode, Outcome

_SLICE = 0.1  # seconds: Python takes a wait up again after a signal, so waits are short


class File:
    """A file, or a standard stream for "-". Everything raises Outcome where the operating system refuses."""

    def __init__(self, path: str, *, write: bool) -> None:
        self._path = path if path != "-" else "standard output" if write else "standard input"
        try:
            if path == "-":
                self._fd = (sys.stdout if write else sys.stdin).fileno()
            else:
                self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC if write else os.O_RDONLY, 0o666)
            self._regular = stat.S_ISREG(os.fstat(self._fd).st_mode)
        except OSError as error:
            raise self._failed(error) from None

    def read(self, room: memoryview) -> int:
        """Fills the room; how many bytes were read, fewer only at the end or after a stop signal."""
        filled = 0
        try:
            while filled < len(room) and self._wait(for_writing=False):
                n = os.readv(self._fd, [room[filled:]])
                if n == 0:
                    break
                filled += n
        except OSError as error:
            raise self._failed(error) from None
        return filled

    def has_more(self) -> bool:
        """Waits until there is a byte to take; False at the end and after a stop signal."""
        if self._regular:
            return not stop.requested() and os.lseek(self._fd, 0, os.SEEK_CUR) < os.fstat(self._fd).st_size
        if not self._wait(for_writing=False):
            return False
        # a pipe that its writer has closed and that is empty says POLLHUP alone
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return any(events & select.POLLIN for _, events in poll.poll(0))

    def write(self, data: memoryview) -> None:
        """Writes all, unless a stop signal comes."""
        # What poll() found room for: a longer write to a pipe would wait where no signal is looked for.
        part = len(data) if self._regular else select.PIPE_BUF
        done = 0
        try:
            while done < len(data) and self._wait(for_writing=True):
                done += os.write(self._fd, data[done : done + part])
        except OSError as error:
            raise self._failed(error) from None

    def _wait(self, *, for_writing: bool) -> bool:
        while not stop.requested():
            wish = [self._fd]
            if self._regular or any(select.select([] if for_writing else wish, wish if for_writing else [], [], _SLICE)):
                return True
        return False

    def _failed(self, error: OSError) -> Outcome:
        return Outcome(ExitCode.FAILED, f"{self._path}: {error.strerror}")
