"""Video in frames: pixel format, size, planes and frame rate of a stream, as its metadata says them (docs/arrays.md).

Owns the video schema and the layout of planes. Must not know readers and writers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional, Tuple, cast

import numpy as np

from .arrays import SCHEMA_VERSION, is_list_of
from .errors import CorruptError, InvalidArgumentError

if TYPE_CHECKING:
    import numpy.typing as npt

    from ._core import ReadableBuffer

# Per plane: bytes per pixel, and by how much width and height are divided (rounded up).
_PLANES = {
    "gray8": ((1, 1, 1),),
    "rgb24": ((3, 1, 1),),
    "bgr24": ((3, 1, 1),),
    "rgba": ((4, 1, 1),),
    "bgra": ((4, 1, 1),),
    "yuv420p": ((1, 1, 1), (1, 2, 2), (1, 2, 2)),
    "yuv422p": ((1, 1, 1), (1, 2, 1), (1, 2, 1)),
    "yuv444p": ((1, 1, 1), (1, 1, 1), (1, 1, 1)),
    "nv12": ((1, 1, 1), (2, 2, 2)),
}

PIXEL_FORMATS = tuple(_PLANES)
_MAX_SIDE = 1 << 20


@dataclass(frozen=True)
class VideoFormat:
    """What every picture of a video stream looks like.

    Attributes:
        pixel_format: one of PIXEL_FORMATS: gray8, rgb24, bgr24, rgba, bgra, yuv420p, yuv422p, yuv444p, nv12.
        width, height: in pixels.
        frame_rate: pictures per second as (numerator, denominator), or None where it is unknown or varies.
        strides: bytes from row to row, one number per plane; None (the default) for rows without gaps.

    Planes follow each other without a gap: plane n begins where plane n-1 ends (stride × rows).

    Example:
        >>> video = VideoFormat("rgb24", 1920, 1080, frame_rate=(30, 1))
        >>> video.nbytes
        6220800
    """

    pixel_format: str
    width: int
    height: int
    frame_rate: Optional[Tuple[int, int]] = None
    strides: Optional[Tuple[int, ...]] = None

    def __post_init__(self) -> None:
        if self.pixel_format not in _PLANES:
            raise InvalidArgumentError(
                f"pixel_format is {self.pixel_format!r}; it must be one of {', '.join(PIXEL_FORMATS)}"
            )
        if not (0 < self.width <= _MAX_SIDE and 0 < self.height <= _MAX_SIDE):
            raise InvalidArgumentError(f"a picture of {self.width} × {self.height}; each side must be 1 … {_MAX_SIDE}")
        if self.frame_rate is not None and not all(0 < part < 2**31 for part in self.frame_rate):
            raise InvalidArgumentError(f"frame_rate is {self.frame_rate}; both numbers must be 1 … 2**31 - 1")
        tight = tuple(row_bytes for row_bytes, _, _ in self._plane_sizes())
        strides = tight if self.strides is None else self.strides
        if len(strides) != len(tight) or any(
            not least <= stride <= 8 * _MAX_SIDE for stride, least in zip(strides, tight)
        ):
            raise InvalidArgumentError(f"strides are {strides}; for this picture they must be at least {tight}")
        object.__setattr__(self, "strides", strides)

    def _plane_sizes(self) -> list[tuple[int, int, int]]:
        """Bytes of a row, rows and bytes per pixel of each plane."""
        return [
            (-(-self.width // across) * pixel, -(-self.height // down), pixel)
            for pixel, across, down in _PLANES[self.pixel_format]
        ]

    @property
    def nbytes(self) -> int:
        """Bytes of a picture."""
        assert self.strides is not None
        return sum(stride * rows for stride, (_, rows, _) in zip(self.strides, self._plane_sizes()))

    @property
    def shape(self) -> Tuple[int, ...]:
        """Shape of the uint8 array that as_array() gives.

        (height, width) or (height, width, channels) for one plane; (rows of all planes × half widths, width) as other
        libraries have it for yuv420p and nv12 of even size without gaps; (nbytes,) else.
        """
        sizes = self._plane_sizes()
        row_bytes, rows, pixel = sizes[0]
        if len(sizes) == 1:
            return (rows, self.width) if pixel == 1 else (rows, self.width, pixel)
        tight = self.strides == tuple(size[0] for size in sizes)
        return (self.nbytes // row_bytes, row_bytes) if tight and self.nbytes % row_bytes == 0 else (self.nbytes,)

    def view(self, buffer: ReadableBuffer) -> npt.NDArray[np.uint8]:
        """The picture at the beginning of a buffer as a uint8 array of `shape`, without a copy."""
        view = memoryview(cast(memoryview, buffer))
        if len(_PLANES[self.pixel_format]) == 1:
            return self.planes(view)[0]
        return np.frombuffer(view, np.uint8, self.nbytes).reshape(self.shape)

    def planes(self, buffer: memoryview) -> list[npt.NDArray[np.uint8]]:
        """The planes at the beginning of a buffer (`frame.data`, say), without a copy.

        Returns:
            For each plane a uint8 array of shape (rows, columns) or (rows, columns, bytes per pixel), whose first
            stride is the plane's. They keep the buffer alive.

        Raises:
            InvalidArgumentError: the buffer is too small.
        """
        assert self.strides is not None
        flat = np.frombuffer(buffer, np.uint8)
        if flat.size < self.nbytes:
            raise InvalidArgumentError(f"a picture takes {self.nbytes} bytes; the buffer has {flat.size}")
        planes = []
        start = 0
        for stride, (row_bytes, rows, pixel) in zip(self.strides, self._plane_sizes()):
            plane = flat[start : start + stride * rows].reshape(rows, stride)[:, :row_bytes]
            if pixel > 1:
                plane = np.lib.stride_tricks.as_strided(
                    plane, (rows, row_bytes // pixel, pixel), (stride, pixel, 1), writeable=plane.flags.writeable
                )
            planes.append(plane)
            start += stride * rows
        return planes

    def to_metadata(self) -> bytes:
        """The metadata that says that the stream is such a video (docs/arrays.md)."""
        assert self.strides is not None
        fields = {
            "zerobuffer_schema": SCHEMA_VERSION,
            "kind": "video",
            "pixel_format": self.pixel_format,
            "width": self.width,
            "height": self.height,
            "strides": list(self.strides),
            "frame_rate": None if self.frame_rate is None else list(self.frame_rate),
        }
        return json.dumps(fields, separators=(",", ":")).encode()

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> VideoFormat:
        """From the parsed metadata. Raises CorruptError where it breaks the schema."""
        pixel_format, width, height, strides, rate = (
            fields.get(key) for key in ("pixel_format", "width", "height", "strides", "frame_rate")
        )
        if not isinstance(pixel_format, str) or type(width) is not int or type(height) is not int:
            raise CorruptError("video metadata needs pixel_format (text), width and height (whole numbers)")
        if strides is not None and not is_list_of(strides, int):
            raise CorruptError("strides in video metadata are neither null nor a list of whole numbers")
        if rate is not None and not (is_list_of(rate, int) and len(rate) == 2):
            raise CorruptError("frame_rate in video metadata is neither null nor two whole numbers")
        try:
            return cls(
                pixel_format,
                width,
                height,
                None if rate is None else cast("tuple[int, int]", tuple(rate)),
                None if strides is None else tuple(strides),
            )
        except InvalidArgumentError as error:
            raise CorruptError(f"video metadata: {error}") from None
