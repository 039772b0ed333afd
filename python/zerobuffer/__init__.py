"""Frames between processes through shared memory, seen in place.

    # reader.py                                              # writer.py
    with zerobuffer.Reader("cam0", payload_size=64 << 20) as reader:    with zerobuffer.Writer.open("cam0") as writer:
        for frame in reader:                                                writer.write_array(image)
            image = frame.as_array()

See docs/python.md for lifetimes, threads and errors, and docs/arrays.md for arrays and video.
"""

from ._core import (
    Batch,
    BufferInfo,
    BufferState,
    ParticipantState,
    ReaderState,
    ReaderStats,
    RecordState,
    Slot,
    WriterStats,
    __version__,
    dump_state,
    list_buffers,
    protocol_version,
)
from .arrays import ARRAY_FRAME_TYPE, ArrayDescriptor, ArrayFormat
from .errors import (
    BufferExistsError,
    BufferNotFoundError,
    ClaimOpenError,
    ClaimTimeoutError,
    ConcurrentUseError,
    CorruptError,
    EvictedError,
    ForkedError,
    FrameDroppedError,
    FrameTooLargeError,
    HandleClosedError,
    HeldFramesBlockError,
    IncompatibleError,
    InterruptedWaitError,
    InvalidArgumentError,
    MetadataExistsError,
    MetadataInUseError,
    MetadataTooLargeError,
    NothingToResumeError,
    PeerClosedError,
    PeerDeadError,
    PermissionDeniedError,
    ReleasedError,
    SharedMemoryFullError,
    SystemCallError,
    TooManyHeldError,
    TooManyReadersError,
    WriterExistsError,
    ZeroBufferError,
)
from .formats import parse_metadata
from .frame import Frame, FrameInfo
from .reader import Reader
from .video import PIXEL_FORMATS, VideoFormat
from .writer import ArrayClaim, Writer

__all__ = [
    "ARRAY_FRAME_TYPE",
    "ArrayClaim",
    "ArrayDescriptor",
    "ArrayFormat",
    "Batch",
    "BufferExistsError",
    "BufferInfo",
    "BufferNotFoundError",
    "BufferState",
    "ClaimOpenError",
    "ClaimTimeoutError",
    "ConcurrentUseError",
    "CorruptError",
    "EvictedError",
    "ForkedError",
    "Frame",
    "FrameDroppedError",
    "FrameInfo",
    "FrameTooLargeError",
    "HandleClosedError",
    "HeldFramesBlockError",
    "IncompatibleError",
    "InterruptedWaitError",
    "InvalidArgumentError",
    "MetadataExistsError",
    "MetadataInUseError",
    "MetadataTooLargeError",
    "NothingToResumeError",
    "PIXEL_FORMATS",
    "ParticipantState",
    "PeerClosedError",
    "PeerDeadError",
    "PermissionDeniedError",
    "Reader",
    "ReaderState",
    "ReaderStats",
    "RecordState",
    "ReleasedError",
    "SharedMemoryFullError",
    "Slot",
    "SystemCallError",
    "TooManyHeldError",
    "TooManyReadersError",
    "VideoFormat",
    "Writer",
    "WriterExistsError",
    "WriterStats",
    "ZeroBufferError",
    "__version__",
    "dump_state",
    "list_buffers",
    "parse_metadata",
    "protocol_version",
]
