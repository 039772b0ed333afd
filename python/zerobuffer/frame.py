"""The Frame that readers hand out: the compiled one, and what it says as an array.

Owns how an array is found in a frame. The bytes, their lifetime and the count of their views are the compiled base's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Optional

import numpy as np

from . import _core
from .arrays import ARRAY_FRAME_TYPE, ArrayDescriptor
from .errors import CorruptError
from .held import HeldBytes

if TYPE_CHECKING:
    import numpy.typing as npt

    from .formats import StreamFormat


class FrameInfo(NamedTuple):
    """What travels with a frame beside its payload; a plain copy that outlives it."""

    sequence: int
    type: int
    tag: int
    size: int


class Frame(_core.Frame, HeldBytes):
    """A received frame: read-only bytes in shared memory.

    It is a buffer: `frame.data` (a memoryview), `numpy.asarray(frame)`, `numpy.frombuffer(frame, "<f4")` see the bytes without a
    copy. The frame is held (the writer cannot use its room) until `release()`, the end of a `with` block or the end of
    the object, *and* the end of the last view. Views stay valid after the reader was closed. Any thread may release.

    Frames come from a Reader; there is no other way to make one.

    Example:
        >>> with reader.read() as frame:
        ...     print(frame.sequence, len(frame), bytes(frame.data[:4]))
    """

    __slots__ = ()

    def as_array(self) -> npt.NDArray[Any]:
        """The frame as a numpy array in shared memory: a view, never a copy.

        Dtype, shape and order come from the descriptor of an array frame (type 2); for a plain frame (type 0) from the
        stream's metadata, where that says what every frame holds (an array or a video, docs/arrays.md); else the array is
        uint8 in one dimension.

        Returns:
            A read-only array (`flags.writeable` is False). It keeps the frame held as long as it or a slice of it lives,
            also after release() and after the reader was closed. `numpy.array(...)` makes a copy of one's own.

        Raises:
            ReleasedError: the frame was released. CorruptError: what describes the array contradicts the frame.

        The GIL is held. Any thread.
        """
        array = self._known_array()
        if array is not None:
            return array
        frame_type = self.type
        if frame_type == ARRAY_FRAME_TYPE:
            return ArrayDescriptor.from_frame(self.data).format.view(self)
        reader: Any = self._reader  # a Reader
        stream_format: Optional[StreamFormat] = reader.known_format() if frame_type == 0 else None
        if stream_format is None:
            return np.frombuffer(self.data, np.uint8)
        if stream_format.nbytes != self.size:
            raise CorruptError(f"a frame of {self.size} bytes in a stream of {stream_format.nbytes} each: {stream_format}")
        return stream_format.view(self)

    @property
    def info(self) -> FrameInfo:
        """Sequence, type, tag and size, as a tuple that outlives the frame."""
        return FrameInfo(self.sequence, self.type, self.tag, self.size)

    def __repr__(self) -> str:
        state = " released" if self.released else ""
        return f"<Frame {self.sequence}: {self.size} bytes, type {self.type}, tag {self.tag}{state}>"


_core.use_frame_type(Frame)
