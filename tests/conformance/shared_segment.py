"""One segment that the core and the reference use in turn: a sealed memfd, mapped here, and locks for the reference.

Owns: the descriptor, the mapping, the kernel locks that the reference itself does not take. Knows nothing of frames.
"""

import fcntl
import mmap
import os
import struct

from zbref import Segment, layout

F_OFD_SETLK = 37


def sealed_memfd(data):
    """A descriptor of a memfd with these bytes, sealed as an anonymous buffer is."""
    fd = os.memfd_create("conformance", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(fd, data)
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return fd


class SharedSegment:
    """The segment behind a descriptor (which it takes over), for the reference."""

    def __init__(self, fd):
        self.fd = fd
        self.segment = Segment(mmap.mmap(fd, 0))
        self._locks = []

    def copy(self):
        """What lies there now, for a reader that must leave no trace."""
        return Segment(bytearray(self.segment.buffer))

    def live_in(self, byte):
        """Takes the kernel lock of a place (SPEC.md chapter 11); returns what unlocks it."""
        own = os.open(f"/proc/self/fd/{self.fd}", os.O_RDWR | os.O_CLOEXEC)
        lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, layout.LOCK_BASE + byte, 1, 0)
        fcntl.fcntl(own, F_OFD_SETLK, lock)
        self._locks.append(own)
        return lambda: (self._locks.remove(own), os.close(own))

    def close(self):
        for own in self._locks:
            os.close(own)
        os.close(self.fd)
