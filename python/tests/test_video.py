"""Video: the format of a stream, its planes, and the times of each picture."""

import numpy as np
import pytest
from peer import LIMIT

import zerobuffer
from zerobuffer import PIXEL_FORMATS, Reader, VideoFormat, Writer, parse_metadata


@pytest.mark.parametrize("pixel_format", PIXEL_FORMATS)
@pytest.mark.parametrize("size", [(16, 8), (7, 5), (1, 1)])
def test_planes_cover_the_picture_and_nothing_else(pixel_format, size):
    tight = VideoFormat(pixel_format, *size)
    padded = VideoFormat(pixel_format, *size, strides=tuple(stride + 3 for stride in tight.strides))
    for video in (tight, padded):
        assert parse_metadata(video.to_metadata()) == video
        buffer = bytearray(video.nbytes)
        planes = video.planes(memoryview(buffer))
        assert planes[0].shape[:2] == (size[1], size[0])
        for plane in planes:
            plane[...] = 255
        assert sum(buffer) == 255 * sum(plane.size for plane in planes)
        assert video.view(memoryview(buffer)).shape == video.shape
    assert sum(plane.size for plane in tight.planes(memoryview(bytes(tight.nbytes)))) == tight.nbytes


def test_known_sizes():
    assert VideoFormat("rgb24", 1920, 1080).nbytes == 6_220_800
    assert VideoFormat("rgb24", 1920, 1080).shape == (1080, 1920, 3)
    assert VideoFormat("gray8", 4, 3).shape == (3, 4)
    assert VideoFormat("yuv420p", 1920, 1080).nbytes == 1920 * 1080 * 3 // 2
    assert VideoFormat("nv12", 1920, 1080).shape == (1620, 1920)
    assert VideoFormat("yuv420p", 7, 5).nbytes == 7 * 5 + 2 * 4 * 3
    assert VideoFormat("nv12", 7, 5).nbytes == 7 * 5 + 8 * 3


def test_a_video_crosses_with_its_format_and_its_times(name):
    video = VideoFormat("rgb24", 32, 16, frame_rate=(30000, 1001))
    with Reader(name, frame_size=4096) as reader, Writer.open(name, timeout=0) as writer:
        writer.write_metadata(video)
        picture = np.random.default_rng(1).integers(0, 256, video.shape, np.uint8)
        assert writer.write_array(picture, timestamp_ns=40_000_000)
        with writer.claim_array(video.shape, "uint8", timestamp_ns=80_000_000) as room:
            room[:] = picture[::-1]
        assert writer.write(picture)
        assert reader.known_format() == video
        first, second, plain = reader.read_many(3, timeout=LIMIT)
        assert [frame.timestamp_ns for frame in (first, second, plain)] == [40_000_000, 80_000_000, None]
        assert first.send_time_ns <= second.send_time_ns
        assert (first.as_array() == picture).all() and (plain.as_array() == picture).all()
        assert (second.as_array() == picture[::-1]).all()
        assert (video.planes(first.data)[0] == picture).all()
        assert not plain.as_array().flags.writeable
        with pytest.raises(zerobuffer.InvalidArgumentError):
            writer.write_array(picture[1:])
        with pytest.raises(zerobuffer.InvalidArgumentError):
            video.planes(memoryview(b"short"))


def test_a_picture_with_gaps_between_rows_is_seen_without_them(name):
    video = VideoFormat("bgr24", 5, 2, strides=(20,))
    raw = bytes(range(40))
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        writer.write_metadata(video)
        writer.write(raw)
        picture = reader.read_array(timeout=LIMIT)
        assert picture.shape == (2, 5, 3) and picture.strides == (20, 3, 1)
        assert picture[1].ravel().tolist() == list(range(20, 35))
        assert not picture.flags.writeable


@pytest.mark.parametrize(
    "arguments",
    [
        ("rgb25", 4, 4),
        ("rgb24", 0, 4),
        ("rgb24", 4, -1),
        ("rgb24", 4, 1 << 30),
        ("rgb24", 4, 4, (0, 1)),
        ("rgb24", 4, 4, None, (11,)),
        ("yuv420p", 4, 4, None, (4, 2)),
        ("rgb24", 4, 4, None, (1 << 40,)),
    ],
)
def test_formats_that_make_no_sense_are_refused(arguments):
    with pytest.raises(zerobuffer.InvalidArgumentError):
        VideoFormat(*arguments)
