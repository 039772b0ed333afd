"""Arrays in frames: what is known of a stream's arrays (metadata), and of one frame's array (its descriptor).

Owns the two formats of docs/arrays.md for arrays, to the byte, and checks everything that comes from shared memory before
numpy sees it. Must not know readers and writers.
"""

from __future__ import annotations

import json
import math
import operator
import struct
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Literal, Optional, Tuple, cast

import numpy as np

from . import _core
from .errors import CorruptError, InvalidArgumentError

if TYPE_CHECKING:
    import numpy.typing as npt

    from ._core import ReadableBuffer

Order = Literal["C", "F"]

#: Frame type of a frame that ends in a descriptor.
ARRAY_FRAME_TYPE = 2
#: Version of the metadata schema and of the descriptor.
SCHEMA_VERSION = 1
#: Metadata that begins with these bytes follows the schema of docs/arrays.md.
METADATA_PREFIX = b'{"zerobuffer_schema":'

MAX_DIMENSIONS = 32
_MAX_BYTES = 2**62
_SIZES_OF_KIND = {"b": (1,), "i": (1, 2, 4, 8), "u": (1, 2, 4, 8), "f": (2, 4, 8), "c": (8, 16)}

_DESCRIPTOR_MAGIC = b"ZBAR"
_HEAD = struct.Struct("<4sHBBBBBBIQqq")
_TAIL = struct.Struct("<Q")
_LEAST_DESCRIPTOR = _HEAD.size + _TAIL.size
_MOST_DESCRIPTOR = _LEAST_DESCRIPTOR + 8 * MAX_DIMENSIONS
_HAS_TIMESTAMP = 1
_HAS_SEND_TIME = 2


def _check_dtype(text: str) -> np.dtype[Any]:
    """The numpy dtype of e.g. "<f4"; ValueError for anything that is not a plain number with its byte order."""
    if len(text) < 3 or not text[2:].isascii() or not text[2:].isdigit() or text[2] == "0":
        raise ValueError(f"dtype {text!r} is not a byte order, a kind and a size")
    byte_order, kind, size = text[0], text[1], int(text[2:]) if len(text) < 5 else 0
    if size not in _SIZES_OF_KIND.get(kind, ()) or byte_order not in ("|" if size == 1 else "<>"):
        raise ValueError(f"dtype {text!r} is none of the supported ones (docs/arrays.md)")
    return np.dtype(text)


def _check_shape(shape: Tuple[int, ...], itemsize: int) -> None:
    if len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"{len(shape)} dimensions; at most {MAX_DIMENSIONS} are possible")
    if any(dimension < 0 for dimension in shape):
        raise ValueError(f"shape {shape} has a negative dimension")
    if math.prod(max(dimension, 1) for dimension in shape) * itemsize > _MAX_BYTES:
        raise ValueError(f"shape {shape} is too large")


@dataclass(frozen=True)
class ArrayFormat:
    """What an array looks like in memory.

    Attributes:
        dtype: numpy's word with its byte order, e.g. "<f4" or "|u1"; booleans, integers, floats and complex numbers.
        shape: at most 32 dimensions.
        order: "C" (last index fastest) or "F" (first index fastest).
        names: a name for each dimension, or None.
    """

    dtype: str
    shape: Tuple[int, ...]
    order: Order = "C"
    names: Optional[Tuple[str, ...]] = None

    def __post_init__(self) -> None:
        try:
            dtype = _check_dtype(self.dtype)
            _check_shape(self.shape, dtype.itemsize)
        except ValueError as error:
            raise InvalidArgumentError(str(error)) from None
        if self.order not in ("C", "F"):
            raise InvalidArgumentError(f"order is {self.order!r}; it must be 'C' or 'F'")
        if self.names is not None and len(self.names) != len(self.shape):
            raise InvalidArgumentError(f"{len(self.names)} names for {len(self.shape)} dimensions")

    @classmethod
    def of(
        cls, shape: Tuple[int, ...], dtype: npt.DTypeLike, order: Order = "C", names: Optional[Tuple[str, ...]] = None
    ) -> ArrayFormat:
        """From anything that numpy takes for a dtype.

        Raises:
            InvalidArgumentError: a dtype that no frame can carry (structured, object, text, time), or a wrong shape.
        """
        dimensions = tuple(int(dimension) for dimension in shape)
        return _checked_format(np.dtype(dtype).str, dimensions, order, None if names is None else tuple(names))

    @cached_property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The dtype as numpy's object."""
        return np.dtype(self.dtype)

    @cached_property
    def nbytes(self) -> int:
        """Bytes of the array."""
        return math.prod(self.shape) * self.numpy_dtype.itemsize

    @cached_property
    def strides(self) -> Tuple[int, ...]:
        """Bytes from one item to the next, in each dimension."""
        shape = self.shape if self.order == "F" else self.shape[::-1]
        strides = tuple(accumulate(shape[:-1], operator.mul, initial=self.numpy_dtype.itemsize))[: len(shape)]
        return strides if self.order == "F" else strides[::-1]

    @cached_property
    def layout(self) -> _core.ArrayLayout:
        """Dtype, shape and strides as the compiled calls keep them."""
        return _core.ArrayLayout(self.numpy_dtype, self.shape, self.strides, self.nbytes, self.order == "F")

    def to_metadata(self) -> bytes:
        """The metadata that says that every plain frame of the stream holds such an array (docs/arrays.md)."""
        fields = {
            "zerobuffer_schema": SCHEMA_VERSION,
            "kind": "array",
            "dtype": self.dtype,
            "shape": list(self.shape),
            "order": self.order,
            "names": None if self.names is None else list(self.names),
        }
        return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> ArrayFormat:
        """From the parsed metadata. Raises CorruptError where it breaks the schema."""
        dtype, shape, order, names = (fields.get(key) for key in ("dtype", "shape", "order", "names"))
        if not isinstance(dtype, str) or not is_list_of(shape, int) or order not in ("C", "F"):
            raise CorruptError("array metadata needs dtype (text), shape (whole numbers) and order (C or F)")
        if names is not None and not is_list_of(names, str):
            raise CorruptError("names in array metadata are neither null nor a list of texts")
        try:
            return cls(
                dtype, tuple(cast("list[int]", shape)), cast(Order, order), None if names is None else tuple(names)
            )
        except InvalidArgumentError as error:
            raise CorruptError(f"array metadata: {error}") from None

    def view(self, buffer: ReadableBuffer) -> npt.NDArray[Any]:
        """The array at the beginning of a buffer, without a copy; as writable as the buffer. It keeps the buffer alive."""
        return self.layout.view(buffer)


@lru_cache(maxsize=64)
def _checked_format(
    dtype: str, shape: Tuple[int, ...], order: Order, names: Optional[Tuple[str, ...]]
) -> ArrayFormat:
    """A format that was made before, or a new one: to check it takes longer than to send a small array."""
    return ArrayFormat(dtype, shape, order, names)


def is_list_of(value: Any, kind: type) -> bool:
    """True for a JSON list of that kind (true and false are no numbers)."""
    return isinstance(value, list) and all(type(item) is kind for item in value)


@dataclass(frozen=True)
class ArrayDescriptor:
    """What stands behind the payload of an array frame (type 2).

    Attributes:
        format: dtype, shape and order of this frame's array (names travel in the metadata only).
        timestamp_ns: when it was captured, by the application's clock, or None.
        send_time_ns: when it was published, CLOCK_MONOTONIC of this machine (`time.monotonic_ns()`), or None.
    """

    format: ArrayFormat
    timestamp_ns: Optional[int] = None
    send_time_ns: Optional[int] = None

    @staticmethod
    def frame_size(array_format: ArrayFormat) -> int:
        """Bytes of a frame with such an array and its descriptor."""
        return _round_up_8(array_format.nbytes) + _LEAST_DESCRIPTOR + 8 * len(array_format.shape)

    def to_bytes(self) -> bytes:
        """The descriptor as it ends the frame (docs/arrays.md)."""
        dtype, shape = self.format.dtype, self.format.shape
        flags = (_HAS_TIMESTAMP if self.timestamp_ns is not None else 0) | (
            _HAS_SEND_TIME if self.send_time_ns is not None else 0
        )
        try:
            head = _HEAD.pack(
                _DESCRIPTOR_MAGIC,
                SCHEMA_VERSION,
                ord(dtype[1]),
                int(dtype[2:]),
                1 if dtype[0] == ">" else 0,
                1 if self.format.order == "F" else 0,
                len(shape),
                flags,
                0,
                self.format.nbytes,
                self.timestamp_ns or 0,
                self.send_time_ns or 0,
            )
        except struct.error as error:
            raise InvalidArgumentError(f"a timestamp is no signed 64-bit number: {error}") from None
        return head + struct.pack(f"<{len(shape)}Q", *shape) + _TAIL.pack(_LEAST_DESCRIPTOR + 8 * len(shape))

    @classmethod
    def from_frame(cls, data: memoryview) -> ArrayDescriptor:
        """Reads the descriptor at the end of a frame's bytes, and checks all of it.

        Raises:
            CorruptError: anything in it is impossible; the text says what.
        """
        size = data.nbytes
        tail = bytes(data[max(0, size - _MOST_DESCRIPTOR) :])  # fetched once: a hostile writer may change it
        if size < _LEAST_DESCRIPTOR:
            raise CorruptError(f"an array frame of {size} bytes cannot hold a descriptor")
        (length,) = _TAIL.unpack_from(tail, len(tail) - _TAIL.size)
        if not _LEAST_DESCRIPTOR <= length <= len(tail) or length % 8 != 0:
            raise CorruptError(f"a descriptor of {length} bytes in an array frame of {size}")
        magic, version, kind, itemsize, big, order, ndim, flags, reserved, data_bytes, timestamp, send_time = (
            _HEAD.unpack_from(tail, len(tail) - length)
        )
        if magic != _DESCRIPTOR_MAGIC or version != SCHEMA_VERSION:
            raise CorruptError(f"an array descriptor begins with {magic!r}, version {version}")
        if length != _LEAST_DESCRIPTOR + 8 * ndim:
            raise CorruptError(f"an array descriptor of {length} bytes for {ndim} dimensions")
        if big > 1 or order > 1 or reserved != 0 or flags & ~(_HAS_TIMESTAMP | _HAS_SEND_TIME):
            raise CorruptError("an array descriptor with unknown byte order, order, flags or reserved bytes")
        if (timestamp and not flags & _HAS_TIMESTAMP) or (send_time and not flags & _HAS_SEND_TIME):
            raise CorruptError("an array descriptor with a time that its flags deny")
        if itemsize == 1 and big:
            raise CorruptError("an array descriptor with a byte order for single bytes")
        shape = struct.unpack_from(f"<{ndim}Q", tail, len(tail) - length + _HEAD.size)
        byte_order = "|" if itemsize == 1 else ">" if big else "<"
        try:
            array_format = _checked_format(f"{byte_order}{chr(kind)}{itemsize}", shape, "F" if order else "C", None)
        except InvalidArgumentError as error:
            raise CorruptError(f"array descriptor: {error}") from None
        if data_bytes != array_format.nbytes or _round_up_8(data_bytes) + length != size:
            raise CorruptError(
                f"an array of {array_format.nbytes} bytes is described in a frame of {size} with {data_bytes} of data"
            )
        return cls(
            array_format,
            timestamp if flags & _HAS_TIMESTAMP else None,
            send_time if flags & _HAS_SEND_TIME else None,
        )


def _round_up_8(size: int) -> int:
    return (size + 7) & ~7
