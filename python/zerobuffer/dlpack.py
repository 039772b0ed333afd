"""What DLPack needs to know of a numpy array: type code, bits, strides in elements. Must not know frames and readers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Tuple

from ._core import dlpack_capsule

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from ._core import ReadableBuffer

#: DLPack's name of this machine's memory: (kDLCPU, 0).
CPU_DEVICE = (1, 0)

_TYPE_CODES = {"i": 0, "u": 1, "f": 2, "c": 5, "b": 6}


def _type_code(dtype: np.dtype[Any]) -> int:
    if not dtype.isnative or dtype.kind not in _TYPE_CODES:
        raise BufferError(f"DLPack cannot carry the dtype {dtype.str}")
    return _TYPE_CODES[dtype.kind]


def export(
    owner: ReadableBuffer,
    array: npt.NDArray[Any],
    *,
    max_version: Optional[Tuple[int, int]],
    copied: bool,
) -> object:
    """A capsule on `array`, which begins where the buffer of `owner` begins.

    The capsule holds `owner`'s buffer until its consumer lets go. With max_version (1, 0) or later it is a
    "dltensor_versioned" that says read-only unless `copied`; otherwise it is the old "dltensor", which cannot say so.
    """
    if any(stride % array.itemsize for stride in array.strides):
        raise BufferError("DLPack cannot carry strides that are no multiple of the element size")
    return dlpack_capsule(
        owner,
        code=_type_code(array.dtype),
        bits=8 * array.itemsize,
        shape=array.shape,
        strides=[stride // array.itemsize for stride in array.strides],
        offset=0,
        versioned=max_version is not None and max_version[0] >= 1,
        read_only=not copied,
        copied=copied,
    )
