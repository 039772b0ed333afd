"""Arrays: every dtype, shape and order arrives as it was sent; what travels where; the bytes of docs/arrays.md."""

import json
import struct
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from peer import LIMIT

import zerobuffer
from zerobuffer import ArrayDescriptor, ArrayFormat, Reader, Writer, parse_metadata

DTYPES = ["|b1", "|i1", "|u1", "<i2", ">i2", "<u4", ">u8", "<i8", "<f2", "<f4", ">f4", "<f8", "<c8", ">c16"]


@pytest.fixture
def ends(name):
    with Reader(name, payload_size=100_000) as reader, Writer.open(name, timeout=0) as writer:
        yield reader, writer


def same(first, second):
    return (first.dtype, first.shape) == (second.dtype, second.shape) and first.tobytes() == second.tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_arrives_as_sent(ends, dtype):
    reader, writer = ends
    sent = np.arange(12).astype(dtype).reshape(3, 4)
    assert writer.write_array(sent)
    frame = reader.read(timeout=LIMIT)
    assert (frame.type, frame.size) == (0, sent.nbytes), "the metadata says it: no descriptor"
    got = frame.as_array()
    assert same(got, sent) and not got.flags.owndata and not got.flags.writeable


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        hnp.arrays(
            st.sampled_from(DTYPES), hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5), fill=st.nothing()
        ),
        min_size=1,
        max_size=4,
    ),
    st.sampled_from(["C", "F", "reversed", "strided"]),
)
def test_arrays_of_changing_shapes_strides_and_orders_arrive_as_sent(name, arrays, layout):
    with Reader(name, payload_size=100_000) as reader, Writer.open(name, timeout=0) as writer:
        for array in arrays:
            if layout == "F":
                array = np.asfortranarray(array)
            elif layout == "reversed" and array.ndim:
                array = array[::-1]
            elif layout == "strided" and array.ndim:
                array = np.repeat(array, 2, axis=-1)[..., ::2]
            assert writer.write_array(array)
            got = reader.read_array(timeout=LIMIT)
            assert same(got, array)
            del got


def test_the_first_array_writes_the_metadata_and_others_describe_themselves(ends):
    reader, writer = ends
    first = np.arange(6, dtype="<f4").reshape(2, 3)
    writer.write_array(first, names=("row", "column"))
    expected = (
        b'{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[2,3],"order":"C","names":["row","column"]}'
    )
    assert reader.metadata(timeout=LIMIT) == expected
    assert reader.known_format() == ArrayFormat("<f4", (2, 3), "C", ("row", "column"))
    writer.write_array(first + 1)
    writer.write_array(np.zeros((4, 4), "|u1"))
    writer.write_array(first, timestamp_ns=-7)
    frames = reader.read_many(9, timeout=LIMIT)
    assert [frame.type for frame in frames] == [0, 0, 2, 2]
    assert [frame.timestamp_ns for frame in frames] == [None, None, None, -7]
    assert frames[2].as_array().shape == (4, 4)
    assert same(frames[3].as_array(), first)


def test_an_order_and_strides_that_differ_from_the_stream_are_brought_into_its_order(ends):
    reader, writer = ends
    array = np.arange(6, dtype="<i4").reshape(2, 3)
    writer.write_array(array)
    writer.write_array(np.asfortranarray(array))
    writer.write_array(np.repeat(array, 2, axis=1)[:, ::2])
    frames = reader.read_many(9, timeout=LIMIT)
    assert [frame.type for frame in frames] == [0, 0, 0]
    assert all(same(frame.as_array(), array) and frame.as_array().flags.c_contiguous for frame in frames)


def test_a_fortran_stream_stays_fortran(ends):
    reader, writer = ends
    array = np.asfortranarray(np.arange(6, dtype="<i4").reshape(2, 3))
    writer.write_array(array)
    with writer.claim_array((2, 3), "<i4", order="F") as room:
        assert room.flags.f_contiguous
        room[:] = array
    for frame in reader.read_many(9, timeout=LIMIT):
        assert frame.type == 0
        assert same(frame.as_array(), array) and frame.as_array().flags.f_contiguous


@pytest.mark.parametrize("order", ["C", "F"])
def test_after_the_first_array_each_other_one_arrives_as_what_it_is_and_only_like_ones_go_without_descriptor(ends, order):
    reader, writer = ends
    first = np.array(np.arange(6, dtype="<i4").reshape(2, 3), order=order)
    large = np.array(np.arange(24, dtype="<i4").reshape(4, 6), order=order)
    writer.write_array(first)
    cases = {  # how an array is made, and whether it is what the metadata says
        "another of the kind": (first * 7, 0),
        "its transpose": (first.T, 2),
        "the other order": (np.array(first, order="C" if order == "F" else "F"), 0),
        "every second item of a larger one": (large[::2, ::2], 0),
        "backwards": (first[::-1], 0),
        "an item more": (np.zeros((2, 3, 1), "<i4"), 2),
        "as many in a row": (np.arange(6, dtype="<i4"), 2),
        "one item": (np.array(5, "<i4"), 2),
        "of the same size": (first.astype("<f4"), 2),
        "unsigned": (first.astype("<u4"), 2),
        "the other byte order": (first.astype(">i4"), 2),
        "a masked one": (np.ma.masked_array(first, mask=True), 0),
        "read-only": (np.broadcast_to(np.int32(3), (2, 3)), 0),
        "a list": ([[1, 2, 3], [4, 5, 6]], 2),  # of 64-bit numbers
    }
    reader.read_array(timeout=LIMIT)
    for case, (sent, frame_type) in cases.items():
        assert writer.write_array(sent, tag=2**64 - 1), case
        frame = reader.read(timeout=LIMIT)
        assert (frame.type, frame.tag) == (frame_type, 2**64 - 1), case
        assert same(frame.as_array(), np.asarray(sent)), case
        frame.release()


def test_an_array_like_those_before_it_is_refused_as_any_other(name):
    array = np.arange(100, dtype="|u1")
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0, full="drop") as writer:
        assert writer.write_array(array)
        for arguments in ({"tag": -1}, {"tag": 2**64}, {"timeout": -1}, {"names": ("a", "b")}, {"timestamp_ns": 2**63}):
            with pytest.raises(zerobuffer.InvalidArgumentError):
                writer.write_array(array, **arguments)
        assert writer.stats().frames == 1
        while writer.write_array(array):
            pass
        assert writer.stats().dropped == 1
        reader.close()
        writer.close()
        with pytest.raises(zerobuffer.HandleClosedError):
            writer.write_array(array)


def test_a_plain_frame_that_is_not_what_the_metadata_says_is_corrupt_also_after_good_ones(ends):
    reader, writer = ends
    writer.write_array(np.zeros(4, "<i2"))
    assert reader.read_array(timeout=LIMIT).tolist() == [0] * 4
    for data in (b"", b"1234567", b"123456789"):
        writer.write(data)
        with pytest.raises(zerobuffer.CorruptError):
            reader.read_array(timeout=LIMIT)
    writer.write(b"12345678", type=128)
    assert reader.read_array(timeout=LIMIT).tobytes() == b"12345678", "a type of the application's own is bytes"
    writer.write_array(np.ones(4, "<i2"))
    frame = reader.read(timeout=LIMIT)
    frame.release()
    with pytest.raises(zerobuffer.ReleasedError):
        frame.as_array()


def test_an_array_of_the_known_kind_stays_when_its_reader_is_closed(ends):
    reader, writer = ends
    for value in (1, 2, 3):
        writer.write_array(np.full((2, 2), value))
    first, second, third = reader.read(timeout=LIMIT), reader.read(timeout=LIMIT), reader.read(timeout=LIMIT)
    assert first.as_array().tolist() == [[1, 1], [1, 1]]
    kept = second.as_array()
    second.release()
    reader.close()
    assert kept.tolist() == [[2, 2], [2, 2]] and third.as_array().tolist() == [[3, 3], [3, 3]]


def test_an_array_claimed_and_filled_in_place_arrives(ends):
    reader, writer = ends
    with writer.claim_array((2, 2), "float64", tag=3) as room:
        room[:] = [[1, 2], [3, 4]]
    assert not room.flags.writeable
    frame = reader.read(timeout=LIMIT)
    assert frame.tag == 3 and frame.as_array().tolist() == [[1, 2], [3, 4]]
    assert frame.send_time_ns is None


def test_an_error_in_the_block_discards_the_array(ends):
    reader, writer = ends
    with pytest.raises(ZeroDivisionError), writer.claim_array((2, 2), "float64") as room:
        room[:] = 1 / 0
    assert not room.flags.writeable
    writer.write_array(np.ones((2, 2)))
    frame = reader.read(timeout=LIMIT)
    assert frame.sequence == 1 and frame.as_array().tolist() == [[1, 1], [1, 1]]


def test_a_full_ring_gives_false_or_the_claims_own_error(name):
    with Reader(name, payload_size=1000), Writer.open(name, timeout=0) as writer:
        assert writer.write_array(np.zeros(1000, "u1"))
        assert not writer.write_array(np.zeros(1000, "u1"), timeout=0)
        assert not writer.write_array(np.zeros(500, "u1"), timeout=0.01)
        with pytest.raises(zerobuffer.ClaimTimeoutError):
            writer.claim_array((1000,), "u1", timeout=0)


def test_an_array_that_can_never_fit_does_not_become_the_streams_format(ends):
    reader, writer = ends
    with pytest.raises(zerobuffer.FrameTooLargeError):
        writer.write_array(np.zeros(200_000, "u1"))
    writer.write_array(np.zeros(3, "<f4"))
    assert reader.read(timeout=LIMIT).type == 0
    assert reader.known_format() == ArrayFormat("<f4", (3,))


def test_timestamp_and_send_time_travel_with_the_frame(ends):
    reader, writer = ends
    before = time.monotonic_ns()
    writer.write_array(np.zeros(3), timestamp_ns=123)
    with writer.claim_array((3,), "f8", timestamp_ns=2**63 - 1) as room:
        room[:] = 1
    first, second = reader.read_many(9, timeout=LIMIT)
    assert (first.timestamp_ns, second.timestamp_ns) == (123, 2**63 - 1)
    assert before <= first.send_time_ns <= second.send_time_ns <= time.monotonic_ns()
    with pytest.raises(zerobuffer.InvalidArgumentError):
        writer.write_array(np.zeros(3), timestamp_ns=2**63)
    assert writer.write_array(np.zeros(3)), "the failed one left no claim behind"


def test_metadata_of_the_applications_own_makes_every_array_describe_itself(ends):
    reader, writer = ends
    writer.write_metadata(b"mine")
    writer.write_array(np.zeros((2, 2), "<i4"))
    frame = reader.read(timeout=LIMIT)
    assert frame.type == 2 and frame.as_array().shape == (2, 2)
    assert reader.metadata(timeout=LIMIT) == b"mine" and reader.known_format() is None


@pytest.mark.parametrize("metadata", [b'{"zerobuffer_schema":2,"kind":"array"}', b'{"zerobuffer_schema":1,"kind":'])
def test_metadata_of_a_schema_that_this_version_does_not_read_is_written_and_arrays_describe_themselves(ends, metadata):
    reader, writer = ends
    writer.write_metadata(metadata)
    assert writer.write_array(np.arange(3))
    frame = reader.read(timeout=LIMIT)
    assert reader.metadata(timeout=LIMIT) == metadata and frame.type == 2 and frame.as_array().tolist() == [0, 1, 2]


def test_arrays_after_plain_frames_or_without_room_for_metadata_describe_themselves(name):
    with Reader(name, payload_size=1000, metadata_size=0) as reader, Writer.open(name, timeout=0) as writer:
        writer.write_array(np.zeros((2, 2), "<i4"))
        assert reader.read_array(timeout=LIMIT).shape == (2, 2)
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        writer.write(b"plain")
        writer.write_array(np.zeros((2, 2), "<i4"))
        assert reader.read_array(timeout=LIMIT).tobytes() == b"plain"
        assert reader.read_array(timeout=LIMIT).shape == (2, 2)


def test_frames_without_any_format_are_bytes(ends):
    reader, writer = ends
    writer.write(b"\1\2\3")
    writer.write(b"")
    first, empty = reader.read_many(2, timeout=LIMIT)
    assert first.as_array().dtype == np.uint8 and first.as_array().tolist() == [1, 2, 3]
    assert empty.as_array().tolist() == [] and bytes(empty) == b"" and not empty.as_array().flags.writeable


@pytest.mark.parametrize("dtype", ["O", "U4", "S4", "M8[ns]", "V8", [("a", "<i4")], "g"])
def test_dtypes_that_no_frame_can_carry_are_refused(ends, dtype):
    _, writer = ends
    with pytest.raises(zerobuffer.InvalidArgumentError):
        writer.claim_array((2,), dtype)
    assert writer.write_array(np.zeros(1))


@pytest.mark.parametrize("dtype", ["<i08", "|u01", "<f", "f4", "=f4", "<f3", "|b2"])
def test_dtypes_in_metadata_are_written_exactly_as_specified(dtype):
    metadata = ArrayFormat("<f4", (2,)).to_metadata().replace(b"<f4", dtype.encode())
    with pytest.raises(zerobuffer.CorruptError):
        parse_metadata(metadata)


def test_wrong_shapes_names_and_orders_are_refused(ends):
    _, writer = ends
    for arguments in ({"shape": (-1,)}, {"shape": (2,) * 33}, {"shape": (2**61, 4)}, {"shape": (2,), "names": ("a", "b")}):
        with pytest.raises(zerobuffer.InvalidArgumentError):
            writer.claim_array(**arguments)
    with pytest.raises(zerobuffer.InvalidArgumentError):
        writer.claim_array((2,), order="K")


def test_the_descriptor_is_to_the_byte_what_the_document_says(ends):
    reader, writer = ends
    writer.write_metadata(b"")
    writer.write_array(np.array([[1, 2, 3]], ">i2"), timestamp_ns=-2)
    frame = reader.read(timeout=LIMIT)
    raw = bytes(frame)
    assert raw[:6] == bytes([0, 1, 0, 2, 0, 3]) and len(raw) == 8 + 48 + 16
    fields = struct.unpack("<4sHBBBBBBIQqqQQQ", raw[8:])
    assert fields == (b"ZBAR", 1, ord("i"), 2, 1, 0, 2, 3, 0, 6, -2, frame.send_time_ns, 1, 3, 64)


def test_formats_survive_the_way_through_metadata():
    for array_format in (ArrayFormat("<f4", ()), ArrayFormat("|u1", (0, 3), "F"), ArrayFormat(">c16", (1,), "C", ("Zeit…",))):
        assert parse_metadata(array_format.to_metadata()) == array_format
        assert json.loads(array_format.to_metadata())["zerobuffer_schema"] == 1
        frame = bytes((array_format.nbytes + 7) // 8 * 8) + ArrayDescriptor(array_format).to_bytes()
        described = ArrayDescriptor.from_frame(memoryview(frame))
        assert (described.timestamp_ns, described.send_time_ns) == (None, None)
        assert described.format.shape == array_format.shape
        assert ArrayDescriptor.frame_size(array_format) == len(frame)
    assert parse_metadata(b"") is None and parse_metadata(b'{"other": 1}') is None


def test_a_successor_goes_on_with_the_same_metadata(name):
    with Reader(name, payload_size=1000) as reader:
        for _ in range(3):
            with Writer.open(name, timeout=0) as writer:
                writer.write_array(np.arange(4.0))
            frame = reader.read(timeout=LIMIT)
            assert frame.type == 0 and frame.as_array().tolist() == [0, 1, 2, 3]
