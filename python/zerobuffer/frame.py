"""The Frame that readers hand out: the compiled one, and what it says as an array.

Owns how an array is found in a frame. The bytes, their lifetime and the count of their views are the compiled base's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Tuple, cast

import numpy as np

from . import _core, dlpack
from .arrays import ARRAY_FRAME_TYPE, ArrayDescriptor
from .errors import CorruptError

if TYPE_CHECKING:
    import numpy.typing as npt

    from .reader import Reader


class FrameInfo(NamedTuple):
    """What travels with a frame beside its payload; a plain copy that outlives it."""

    sequence: int
    type: int
    tag: int
    size: int


class Frame(_core.Frame):
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
        if self.type == ARRAY_FRAME_TYPE:
            return ArrayDescriptor.from_frame(self.data).format.view(self.data)
        stream_format = cast("Reader", self._reader).known_format() if self.type == 0 else None
        if stream_format is None:
            return np.frombuffer(self.data, np.uint8)
        if stream_format.nbytes != self.size:
            raise CorruptError(f"a frame of {self.size} bytes in a stream of {stream_format.nbytes} each: {stream_format}")
        return stream_format.view(self.data)

    @property
    def info(self) -> FrameInfo:
        """Sequence, type, tag and size, as a tuple that outlives the frame."""
        return FrameInfo(self.sequence, self.type, self.tag, self.size)

    @property
    def timestamp_ns(self) -> Optional[int]:
        """When the array was captured, by the writer's own clock; None where the frame does not say.

        Raises:
            ReleasedError, CorruptError: as as_array().
        """
        return ArrayDescriptor.from_frame(self.data).timestamp_ns if self.type == ARRAY_FRAME_TYPE else None

    @property
    def send_time_ns(self) -> Optional[int]:
        """When the array was published, as `time.monotonic_ns()` of this machine; None where the frame does not say.

        Raises:
            ReleasedError, CorruptError: as as_array().
        """
        return ArrayDescriptor.from_frame(self.data).send_time_ns if self.type == ARRAY_FRAME_TYPE else None

    def __array__(self, dtype: npt.DTypeLike = None) -> npt.NDArray[Any]:
        """What numpy.asarray() asks where the buffer was refused: raises ReleasedError instead of wrapping the object."""
        return np.asarray(self.data, dtype)

    def __dlpack__(
        self,
        *,
        stream: Optional[int] = None,
        max_version: Optional[Tuple[int, int]] = None,
        dl_device: Optional[Tuple[int, int]] = None,
        copy: Optional[bool] = None,
    ) -> object:
        """The array of as_array() for other libraries: `torch.from_dlpack(frame)`, `numpy.from_dlpack(frame)`.

        The capsule keeps the frame held until its consumer lets go of the tensor.

        Args:
            stream: None; frames lie in the CPU's memory.
            max_version: the latest DLPack version that the consumer knows. From (1, 0) on the capsule says that it is
                read-only. The older form cannot: **a consumer that writes into such a tensor changes what every other
                reader of the ring sees** (numpy 1.x makes its array read-only; torch before DLPack 1.0 does not). Ask for
                copy=True there, if in doubt.
            dl_device: None or (1, 0), the CPU.
            copy: True for a writable copy that holds no frame; else a view.

        Raises:
            BufferError: another device or stream, or a dtype that DLPack does not know.
            ReleasedError, CorruptError: as as_array().
        """
        if stream is not None or dl_device not in (None, dlpack.CPU_DEVICE):
            raise BufferError("a frame lies in the CPU's memory: no stream, and no other device than (1, 0)")
        array = self.as_array()
        if copy:
            array = np.array(array, order="C")
            return dlpack.export(array, array, max_version=max_version, copied=True)
        return dlpack.export(self, array, max_version=max_version, copied=False)

    def __dlpack_device__(self) -> Tuple[int, int]:
        """(1, 0): the CPU."""
        return dlpack.CPU_DEVICE

    def __repr__(self) -> str:
        state = " released" if self.released else ""
        return f"<Frame {self.sequence}: {self.size} bytes, type {self.type}, tag {self.tag}{state}>"


_core.use_frame_type(Frame)
