"""A second writing of protocol 2, from SPEC.md alone: it decodes and encodes segments that lie still.

Owns: what a conformance test compares the C++ core with. Knows nothing of that code, of locks, of waiting, or of other
processes: Python has no memory barriers, so nothing here is for use while somebody else writes.
"""

from zbref.errors import (
    Corrupt,
    FrameLost,
    FrameTooLarge,
    Incompatible,
    MetadataExists,
    MetadataInUse,
    MetadataTooLarge,
    NotReady,
    NothingToResume,
    Retired,
    RingFull,
    SegmentError,
    TooManyReaders,
)
from zbref.reader import Frame, Reader
from zbref.segment import Geometry, Segment
from zbref.writer import Writer, read_metadata

__all__ = [
    "Corrupt",
    "Frame",
    "FrameLost",
    "FrameTooLarge",
    "Geometry",
    "Incompatible",
    "MetadataExists",
    "MetadataInUse",
    "MetadataTooLarge",
    "NotReady",
    "NothingToResume",
    "Reader",
    "Retired",
    "RingFull",
    "Segment",
    "SegmentError",
    "TooManyReaders",
    "Writer",
    "read_metadata",
]
