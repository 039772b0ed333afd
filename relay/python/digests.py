"""CRC-32 of contents: one line per frame in a file, and one sum of all. Must not know buffers."""

from __future__ import annotations

import zlib
from typing import Optional, TextIO

from outcome import ExitCode, Outcome


def to_hex(crc: int) -> str:
    """Eight lower-case hexadecimal digits."""
    return f"{crc:08x}"


class Digests:
    def __init__(self, path: Optional[str], whole: bool) -> None:
        self._whole = whole
        self._whole_crc = 0
        self._file: Optional[TextIO] = None
        if path is not None:
            try:
                self._file = open(path, "w", encoding="ascii")
            except OSError as error:
                raise Outcome(ExitCode.FAILED, f"{path}: {error.strerror}") from None

    def add(self, sequence: int, type: int, tag: int, content: memoryview) -> None:
        if self._whole:
            self._whole_crc = zlib.crc32(content, self._whole_crc)
        if self._file is not None:
            self._file.write(f"{sequence} {type} {tag} {len(content)} {to_hex(zlib.crc32(content))}\n")

    def checksum(self) -> str:
        return to_hex(self._whole_crc)

    def close(self) -> None:
        """Raises Outcome where the file could not be written."""
        if self._file is None:
            return
        try:
            self._file.close()
        except OSError as error:
            raise Outcome(ExitCode.FAILED, f"{self._file.name}: {error.strerror}") from None
