"""Any bytes in a segment give an answer: a frame, nothing, or an error of SPEC.md, and never anything else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zbref import Corrupt, Incompatible, NotReady, Reader, Retired, Segment, SegmentError, Writer, layout, read_metadata

SMALL = [0, 1, 2, 3, 63, 64, 65, 127, 128, 1023, 1024, 4095, 4096]
HOSTILE = SMALL + [(1 << 31) - 1, (1 << 32) - 1, 1 << 32, (1 << 63) - 64, (1 << 64) - 64, (1 << 64) - 1]


def filled():
    segment = Segment.create(500, metadata_size=64, max_readers=2)
    writer = Writer(segment)
    writer.write_metadata(b"meta")
    for i in range(3):
        writer.write(bytes([i]) * 50 * i)
    return segment


def use(buffer):
    """Everything that a peer does; at most as many frames as can be there."""
    segment = Segment(buffer)
    read_metadata(segment)
    reader = Reader(segment, "oldest")
    for _ in range(segment.geometry.capacity // 64 + 1):
        frame = reader.read()
        if frame is None:
            break
        assert len(frame.payload) <= segment.geometry.max_frame_size
        reader.release(frame)
    else:
        raise AssertionError("more frames than fit")
    Writer(segment).write(b"more")


@pytest.mark.parametrize("field", sorted(layout.OIEB))
def test_every_field_of_the_oieb_may_be_hostile(field):
    """Scenario 5.1"""
    offset, form = layout.OIEB[field]
    size = layout.struct.calcsize(form)
    for at in range(offset, offset + size, 8):
        for value in HOSTILE:
            buffer = bytearray(filled().buffer)
            width = min(8, size)
            buffer[at : at + width] = (value & ((1 << 8 * width) - 1)).to_bytes(width, "little")
            try:
                use(buffer)
            except SegmentError:
                pass


def fitted(field, value):
    if field == "pinned_for":
        return value.to_bytes(8, "little") * 2
    return value & 0x7FFFFFFF if field == "last_cpu" else value


@pytest.mark.parametrize("field", sorted(layout.SLOT))
def test_every_field_of_a_slot_may_be_hostile(field):
    """Scenario 5.1"""
    for value in HOSTILE:
        segment = filled()
        Reader(segment)
        segment.set_slot(0, field, fitted(field, value))
        try:
            use(segment.buffer)
        except SegmentError:
            pass


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 1023), st.integers(0, 255)), max_size=4),
    st.lists(st.tuples(st.integers(0, 319), st.integers(0, 255)), max_size=4),
)
def test_any_bytes_give_an_answer(control, records):
    """Scenario 5.1"""
    segment = filled()
    ring = segment.address(0)
    for at, value in control:
        segment.buffer[at] = value
    for at, value in records:
        segment.buffer[ring + at] = value
    try:
        use(segment.buffer)
    except SegmentError:
        pass


@pytest.mark.parametrize(
    "change, error",
    [
        (lambda s: s.set("oieb_size", 128), Incompatible),
        (lambda s: s.set("version", bytes([1, 1, 0, 0])), Incompatible),
        (lambda s: s.set("magic", 0), Incompatible),
        (lambda s: s.set("feature_flags", 1), Incompatible),
        (lambda s: s.set("state", 0), NotReady),
        (lambda s: s.set("state", 2), Retired),
        (lambda s: s.set("state", 3), Corrupt),
        (lambda s: s.set("segment_size", len(s.buffer) + 1), Corrupt),
        (lambda s: s.set("capacity", 0), Corrupt),
        (lambda s: s.set("capacity", 100), Corrupt),
        (lambda s: s.set("max_readers", 0), Corrupt),
        (lambda s: s.set("max_readers", 65), Corrupt),
        (lambda s: s.set("reader_table_size", 128), Corrupt),
        (lambda s: s.set("metadata_offset", 1024), Corrupt),
        (lambda s: s.set("metadata_offset", (1 << 64) - 64), Corrupt),
        (lambda s: s.set("payload_offset", 4096 + 64), Corrupt),
        (lambda s: s.set("ring_count", 2), Corrupt),
        (lambda s: s.set("share_slots", 1), Corrupt),
    ],
)
def test_each_impossible_value_has_its_own_class_of_error(change, error):
    """Scenario 5.3"""
    segment = filled()
    change(segment)
    with pytest.raises(error):
        Segment(segment.buffer)


@pytest.mark.parametrize("size", [0, 1, 1023, 1024, 8192])
def test_an_empty_a_short_and_a_zero_file_are_no_segments(size):
    """Scenario 5.3"""
    with pytest.raises(Incompatible):
        Segment(bytearray(size))
