"""What bytes held in shared memory say as arrays, to numpy and to other libraries: common to Frame and Response.

The bytes, their lifetime and the count of their views are the compiled classes'; what a descriptor means is that of arrays.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Protocol, Tuple, cast

import numpy as np

from . import dlpack
from .arrays import ARRAY_FRAME_TYPE, ArrayDescriptor

if TYPE_CHECKING:
    import numpy.typing as npt

    from ._core import ReadableBuffer


class Held(Protocol):
    """What the compiled classes have."""

    @property
    def type(self) -> int: ...
    @property
    def data(self) -> memoryview: ...
    def as_array(self) -> npt.NDArray[Any]: ...


class HeldBytes:
    """Mixed into the compiled classes."""

    __slots__ = ()

    @property
    def timestamp_ns(self: Held) -> Optional[int]:
        """When the array was captured, by the writer's own clock; None where the bytes do not say.

        Raises:
            ReleasedError, CorruptError: as as_array().
        """
        return ArrayDescriptor.from_frame(self.data).timestamp_ns if self.type == ARRAY_FRAME_TYPE else None

    @property
    def send_time_ns(self: Held) -> Optional[int]:
        """When the array was published, as `time.monotonic_ns()` of this machine; None where the bytes do not say.

        Raises:
            ReleasedError, CorruptError: as as_array().
        """
        return ArrayDescriptor.from_frame(self.data).send_time_ns if self.type == ARRAY_FRAME_TYPE else None

    def __array__(self: Held, dtype: npt.DTypeLike = None) -> npt.NDArray[Any]:
        """What numpy.asarray() asks where the buffer was refused: raises ReleasedError instead of wrapping the object."""
        return np.asarray(self.data, dtype)

    def __dlpack__(
        self: Held,
        *,
        stream: Optional[int] = None,
        max_version: Optional[Tuple[int, int]] = None,
        dl_device: Optional[Tuple[int, int]] = None,
        copy: Optional[bool] = None,
    ) -> object:
        """The array of as_array() for other libraries: `torch.from_dlpack(frame)`, `numpy.from_dlpack(frame)`.

        The capsule keeps the bytes held until its consumer lets go of the tensor.

        Args:
            stream: None; the bytes lie in the CPU's memory.
            max_version: the latest DLPack version that the consumer knows. From (1, 0) on the capsule says that it is
                read-only. The older form cannot: **a consumer that writes into such a tensor changes what every other
                reader of the ring sees** (numpy 1.x makes its array read-only; torch before DLPack 1.0 does not). Ask for
                copy=True there, if in doubt.
            dl_device: None or (1, 0), the CPU.
            copy: True for a writable copy that holds nothing; else a view.

        Raises:
            BufferError: another device or stream, or a dtype that DLPack does not know.
            ReleasedError, CorruptError: as as_array().
        """
        if stream is not None or dl_device not in (None, dlpack.CPU_DEVICE):
            raise BufferError("the bytes lie in the CPU's memory: no stream, and no other device than (1, 0)")
        array = self.as_array()
        if copy:
            array = np.array(array, order="C")
            return dlpack.export(array, array, max_version=max_version, copied=True)
        return dlpack.export(cast("ReadableBuffer", self), array, max_version=max_version, copied=False)

    def __dlpack_device__(self: Held) -> Tuple[int, int]:
        """(1, 0): the CPU."""
        return dlpack.CPU_DEVICE

