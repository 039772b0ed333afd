"""A ring that begins anew (SPEC.md 7.10): when it may, who learns it, and that nobody loses a frame by it."""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zbref import Corrupt, Reader, RingFull, Segment, Writer
from zbref.layout import ACTIVE, PARKED, Place


def content(size, seed):
    return bytes((seed * 31 + i * 7) & 0xFF for i in range(size))


def drain(reader):
    frames = []
    while (frame := reader.read()) is not None:
        frames.append((frame.sequence, bytes(frame.payload)))
        reader.release(frame)
    return frames


def walked(payload=480, frames=3, readers=1):
    """A ring whose readers have read `frames` frames of one unit and let them go."""
    segment = Segment.create(payload, max_readers=readers)
    writer = Writer(segment)
    ends = [Reader(segment, "oldest", alive=range(slot)) for slot in range(readers)]
    for i in range(frames):
        writer.write(content(20, i))
        for reader in ends:
            reader.release(reader.read())
    return segment, writer, ends


def test_a_ring_that_began_anew_takes_its_largest_frame_at_any_position_without_padding():
    for frames in range(1, 9):
        segment, writer, (reader,) = walked(frames=frames)
        assert writer.begin_anew()
        largest = content(segment.geometry.max_frame_size, frames)
        assert writer.write(largest) == frames + 1
        assert segment.get("write_pos") == frames * 64 + segment.geometry.capacity
        frame = reader.read()
        assert (frame.offset, bytes(frame.payload)) == (0, largest)


def test_it_does_not_while_a_frame_is_unread_or_held():
    segment, writer, (reader,) = walked()
    writer.write(b"unread")
    assert not writer.begin_anew()
    frame = reader.read()
    assert not writer.begin_anew()
    assert segment.get("origin_pos") == 0
    reader.release(frame)
    assert writer.begin_anew()
    assert segment.get("origin_pos") == segment.get("reclaim_pos") == segment.get("write_pos") == 256


def test_it_does_not_between_a_commit_and_its_publication_nor_in_a_claim():
    segment, writer, _ = walked()
    writer.claim(10)
    assert not writer.begin_anew()
    writer.discard()
    writer.batch_open = True
    writer.write(b"not published")
    assert not writer.begin_anew()
    assert segment.get("origin_pos") == 0


def test_it_does_not_while_the_slower_of_two_readers_needs_something():
    segment, writer, (fast, slow) = walked(readers=2)
    writer.write(b"")
    drain(fast)
    assert not writer.begin_anew()
    drain(slow)
    assert writer.begin_anew()


def test_it_does_not_while_nobody_reads():
    """Who joins at the oldest position would lose what was written."""
    segment = Segment.create(480)
    writer = Writer(segment)
    writer.write(b"for the first reader")
    assert not writer.begin_anew()
    assert [data for _, data in drain(Reader(segment))] == [b"for the first reader"]


@pytest.mark.parametrize("pin, begins", [(128, False), (192, True), (PARKED, True)])
def test_a_pin_counts_like_a_reader_unless_it_is_parked(pin, begins):
    segment = Segment.create(480, share_slots=1)
    writer, reader = Writer(segment), Reader(segment)
    for i in range(3):
        writer.write(content(20, i))
    drain(reader)
    segment.set_slot(1, "read_pos", pin)
    segment.set_place(1, Place(ACTIVE, 1, kind=1))
    assert writer.begin_anew() == begins


def test_a_pin_alone_is_no_reader():
    segment = Segment.create(480, share_slots=1)
    writer, reader = Writer(segment), Reader(segment)
    writer.write(b"")
    drain(reader)
    reader.close()
    segment.set_slot(1, "read_pos", 64)
    segment.set_place(1, Place(ACTIVE, 1, kind=1))
    assert not writer.begin_anew()


def test_a_pin_behind_the_readers_keeps_its_frames_and_gives_none_up():
    """Scenario 8.1"""
    segment = Segment.create(224, share_slots=1)
    writer = Writer(segment)
    for i in range(4):
        writer.write(bytes([i]))
    segment.set_slot(1, "read_pos", 64)
    segment.set_place(1, Place(ACTIVE, 1, kind=1))
    with pytest.raises(RingFull):
        writer.write(b"")
    assert segment.get("reclaim_pos") == 0, "a pin says nothing of what nobody has read"
    assert len(drain(Reader(segment))) == 4


def test_a_writer_that_dies_between_the_two_stores_has_changed_nothing():
    segment, writer, (reader,) = walked()
    assert writer.begin_anew()
    successor = Writer(segment)  # after both of them
    successor.write(b"at offset 0")
    frame = reader.read()
    assert (frame.offset, bytes(frame.payload)) == (0, b"at offset 0")
    reader.release(frame)

    segment, writer, (reader,) = walked()
    segment.set("reclaim_pos", segment.get("write_pos"))  # after the first
    Writer(segment).write(b"at offset 192")
    frame = reader.read()
    assert (frame.offset, bytes(frame.payload)) == (192, b"at offset 192")


def test_a_reader_that_sleeps_through_nothing_but_a_new_origin_sees_it_with_the_next_frame():
    segment, writer, (reader,) = walked()
    assert writer.begin_anew()
    assert reader.read() is None
    assert writer.begin_anew(), "once more in the same place is no change"
    writer.write(b"one")
    writer.write(b"two")
    assert [data for _, data in drain(reader)] == [b"one", b"two"]
    assert reader.origin == 192


def test_the_newest_frame_is_found_where_the_ring_began_anew():
    segment, writer, (reader,) = walked()
    assert writer.begin_anew()
    for i in range(3):
        writer.write(content(90, i))
    frame = reader.read_newest()
    assert (frame.sequence, frame.offset, bytes(frame.payload)) == (6, 256, content(90, 2))


@pytest.mark.parametrize("origin", [64, 128, 1 << 40, (1 << 64) - 64, 193])
def test_an_origin_that_is_neither_known_nor_where_the_reader_stands_is_corrupt(origin):
    segment, writer, (reader,) = walked()
    writer.write(b"more")
    segment.set("origin_pos", origin)
    with pytest.raises(Corrupt):
        reader.read()
    assert segment.get_slot(0, "read_pos") == 192, "it does not move"


def test_laps_and_new_beginnings_are_counted_as_wraps_a_full_lap_that_ends_anew_once():
    segment, writer, (reader,) = walked(payload=224, frames=3)
    assert writer.begin_anew() and segment.get("wraps") == 1
    for i in range(4):
        writer.write(bytes([i]))
    drain(reader)
    assert writer.begin_anew() and segment.get("wraps") == 2


def test_spare_units_are_there_only_where_the_ring_has_them():
    segment, writer, (reader,) = walked(payload=480, frames=1)
    assert writer.begin_anew(spares=True)
    for size, length in ((0, 128), (32, 128), (33, 192), (416, 512), (417, 512), (480, 512)):
        writer.write(content(size, 1))
        frame = reader.read()
        assert (frame.offset, frame.length) == (0, length), size
        reader.release(frame)
        assert writer.begin_anew(spares=True)


@settings(max_examples=300, deadline=None)
@given(
    payload=st.integers(1, 700),
    readers=st.integers(1, 3),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.integers(0, 800)),
            st.tuples(st.just("anew"), st.booleans()),
            st.tuples(st.just("read"), st.integers(0, 2), st.integers(1, 4)),
            st.tuples(st.just("hold"), st.integers(0, 2)),
            st.tuples(st.just("succeed")),
            st.tuples(st.just("rejoin"), st.integers(0, 2), st.sampled_from(["now", "oldest"])),
        ),
        max_size=60,
    ),
)
def test_every_reader_sees_every_frame_however_often_the_ring_begins_anew(payload, readers, steps):
    segment = Segment.create(payload, max_readers=readers)
    writer, largest, sent = Writer(segment), segment.geometry.max_frame_size, []
    everybody = set(range(readers))
    ends = [Reader(segment, "oldest", alive=range(slot)) for slot in range(readers)]
    unread, held = [deque() for _ in ends], [[] for _ in ends]

    def released(slot):
        for frame, expected in held[slot]:
            assert bytes(frame.payload) == expected[1], "a held frame never changes"
            ends[slot].release(frame)
        held[slot] = []

    for step in steps:
        slot = step[1] % readers if len(step) > 1 else 0
        if step[0] == "write":
            data = content(min(step[1], largest), len(sent))
            try:
                sequence = writer.write(data)
            except RingFull:
                continue
            sent.append((sequence, data))
            for queue in unread:
                queue.append(sent[-1])
        elif step[0] == "anew":
            at = segment.get("write_pos")
            idle = all(segment.get_slot(each, "read_pos") == at for each in range(readers))
            assert writer.begin_anew(step[1]) == idle
            assert not idle or segment.get("origin_pos") == at
        elif step[0] in ("read", "hold"):
            for _ in range(step[2] if step[0] == "read" else 1):
                frame = ends[slot].read()
                expected = unread[slot].popleft() if unread[slot] else None
                assert (frame and (frame.sequence, bytes(frame.payload))) == expected
                if frame is not None:
                    assert frame.offset + frame.length <= segment.geometry.capacity
                    held[slot].append((frame, expected))
            if step[0] == "read":
                released(slot)
        elif step[0] == "succeed":
            writer = Writer(segment)
        elif step[0] == "rejoin":
            released(slot)
            ends[slot].close()
            ends[slot] = Reader(segment, step[2], alive=everybody - {slot})
            joined = ends[slot].next
            copy = Reader(Segment(bytearray(segment.buffer)), "resume", alive=everybody - {slot})
            unread[slot] = deque(drain(copy))
            assert list(unread[slot]) == (sent[-len(unread[slot]) :] if unread[slot] else [])
            assert joined >= segment.get("origin_pos")
    for slot in range(readers):
        released(slot)
        assert drain(ends[slot]) == list(unread[slot])


class Deaf(Reader):
    """A reader that never looks at the origin again."""

    def _load_write_pos(self):
        now, self.segment = self.segment, Segment(bytearray(self.segment.buffer))
        self.segment.set("origin_pos", self.origin)
        try:
            return super()._load_write_pos()
        finally:
            self.segment = now


class Hasty(Writer):
    """A writer that asks no reader before it begins anew."""

    def begin_anew(self, spares=False):
        self.base = self.origin = self.position
        self.segment.set("reclaim_pos", self.position)
        self.segment.set("origin_pos", self.position)
        return True


def test_the_rules_are_needed():
    """A reader that is deaf to the origin finds no record; a writer that asks nobody writes over what is held."""
    segment, writer, (reader,) = walked()
    deaf = Deaf.__new__(Deaf)
    deaf.__dict__.update(reader.__dict__)
    assert writer.begin_anew()
    writer.write(b"one")
    with pytest.raises(Corrupt):
        deaf.read()
    assert bytes(reader.read().payload) == b"one"

    segment = Segment.create(480)
    hasty, reader = Hasty(segment), Reader(segment)
    hasty.write(b"held")
    frame = reader.read()
    hasty.begin_anew()
    hasty.write(b"over")
    assert bytes(frame.payload) != b"held"
