"""The rules of the ring, checked against a queue."""

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zbref import (
    FrameTooLarge,
    MetadataExists,
    MetadataInUse,
    MetadataTooLarge,
    NothingToResume,
    Reader,
    RingFull,
    Segment,
    TooManyReaders,
    Writer,
    read_metadata,
)
from zbref.reader import free_dead_slot


def content(size, seed):
    return bytes((seed * 31 + i * 7) & 0xFF for i in range(size))


def drain(reader):
    frames = []
    while (frame := reader.read()) is not None:
        frames.append((frame.sequence, frame.type, frame.tag, bytes(frame.payload)))
        reader.release(frame)
    return frames


def test_a_frame_of_the_largest_size_fits_a_drained_ring_at_every_offset():
    """Scenario 2.1"""
    for payload in (1, 32, 33, 100, 256, 500):
        units = Segment.create(payload).geometry.capacity // 64
        for offset in range(units):
            segment = Segment.create(payload)
            writer, reader = Writer(segment), Reader(segment)
            for _ in range(offset):
                writer.write(b"")
                assert len(drain(reader)) == 1
            largest = content(segment.geometry.max_frame_size, offset)
            try:
                writer.write(largest)
            except RingFull:
                assert reader.read() is None, "there is nothing but padding"
                writer.write(largest)
            assert drain(reader) == [(offset + 1, 0, 0, largest)]


def test_one_byte_more_than_the_largest_frame_is_refused_at_once():
    """Scenario 2.2"""
    segment = Segment.create(100)
    with pytest.raises(FrameTooLarge):
        Writer(segment).claim(segment.geometry.max_frame_size + 1)
    assert segment.get("write_pos") == 0


def test_a_discarded_claim_leaves_no_trace_even_where_it_needed_padding():
    segment = Segment.create(224)
    writer, reader = Writer(segment), Reader(segment)
    for _ in range(3):
        writer.write(b"x")
    drain(reader)
    before = bytes(segment.buffer[:1024])
    writer.claim(100)
    writer.discard()
    after = bytearray(segment.buffer[:1024])
    after[0xB8:0xC0] = before[0xB8:0xC0]  # the renewed reclaim_pos says nothing of the claim
    assert bytes(after) == before
    assert writer.write(b"y") == 4


def test_a_shrunk_commit_takes_only_what_it_needs():
    """Scenario 2.6"""
    segment = Segment.create(1000)
    writer = Writer(segment)
    writer.claim(900)[:4] = b"abcd"
    assert writer.commit(4) == 1
    assert segment.get("write_pos") == 64


def test_frames_let_go_in_any_order_come_back_with_the_oldest():
    segment = Segment.create(480)
    writer, reader = Writer(segment), Reader(segment)
    for i in range(8):
        writer.write(bytes([i]))
    frames = [reader.read() for _ in range(8)]
    for frame in reversed(frames[1:]):
        reader.release(frame)
        assert segment.get_slot(0, "read_pos") == 0
        with pytest.raises(RingFull):
            writer.write(b"")
    reader.release(frames[0])
    reader.release(frames[0])
    assert segment.get_slot(0, "read_pos") == 512
    assert segment.get_slot(0, "read_count") == 8
    writer.write(b"")


@settings(max_examples=300, deadline=None)
@given(
    payload=st.integers(1, 700),
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("write"), st.integers(0, 800), st.integers(0, 800), st.booleans()),
            st.tuples(st.just("discard"), st.integers(0, 800)),
            st.tuples(st.just("read")),
            st.tuples(st.just("release"), st.integers(0, 5)),
            st.tuples(st.just("succeed")),
            st.tuples(st.just("resume")),
        ),
        max_size=60,
    ),
)
def test_the_ring_is_a_queue(payload, steps):
    segment = Segment.create(payload)
    writer, reader = Writer(segment), Reader(segment)
    largest = segment.geometry.max_frame_size
    unread, held, sequence = deque(), [], 0
    for step in steps:
        if step[0] == "write":
            claimed, shrunk, restart = min(step[1], largest), min(step[2], step[1], largest), step[3]
            data = content(shrunk, sequence)
            try:
                writer.claim(claimed, restart)[:shrunk] = data
            except RingFull:
                if unread or held:
                    continue
                assert reader.read() is None, "a drained reader has stepped over the padding"
                writer.claim(claimed)[:shrunk] = data
            sequence += 1
            assert writer.commit(shrunk, type=128 + sequence % 5, tag=sequence * 3) == sequence
            unread.append((sequence, 128 + sequence % 5, sequence * 3, data))
        elif step[0] == "discard":
            try:
                writer.claim(min(step[1], largest))
            except RingFull:
                continue
            writer.discard()
        elif step[0] == "read":
            frame = reader.read()
            if frame is None:
                assert not unread
            else:
                expected = unread.popleft()
                assert (frame.sequence, frame.type, frame.tag, bytes(frame.payload)) == expected
                held.append((frame, expected))
        elif step[0] == "release" and held:
            frame, expected = held.pop(step[1] % len(held))
            assert bytes(frame.payload) == expected[3], "a held frame never changes"
            reader.release(frame)
        elif step[0] == "succeed":
            writer = Writer(segment)
        elif step[0] == "resume":
            unread.extendleft(expected for _, expected in reversed(sorted(held, key=lambda h: h[0].position)))
            if held:
                oldest = min(frame.sequence for frame, _ in held)
                missing = {e[0] for e in unread}
                again = [e for e in released_between(segment, oldest) if e[0] not in missing]
                unread = deque(sorted([*unread, *again]))
            held = []
            reader = Reader(segment, "resume")
    for frame, expected in held:
        assert bytes(frame.payload) == expected[3]


def released_between(segment, oldest):
    """Frames from `oldest` on that still lie in the ring: a resumed reader gets them again."""
    copy = Segment(bytearray(segment.buffer))
    return [entry for entry in drain(Reader(copy, "resume")) if entry[0] >= oldest]


def test_two_readers_each_see_every_frame_and_the_slower_one_holds_the_writer_back():
    """Scenario 8.1"""
    segment = Segment.create(224, max_readers=2)
    writer, fast, slow = Writer(segment), Reader(segment), Reader(segment)
    for i in range(4):
        writer.write(bytes([i]))
    assert [f[0] for f in drain(fast)] == [1, 2, 3, 4]
    with pytest.raises(RingFull):
        writer.write(b"")
    frame = slow.read()
    slow.release(frame)
    assert writer.write(b"") == 5
    assert [f[0] for f in drain(slow)] == [2, 3, 4, 5]
    with pytest.raises(TooManyReaders):
        Reader(segment, alive=(0, 1))


def test_nothing_is_reclaimed_while_no_reader_is_attached():
    segment = Segment.create(224)
    writer = Writer(segment)
    for i in range(4):
        writer.write(bytes([i]))
    with pytest.raises(RingFull):
        writer.write(b"")
    assert [f[0] for f in drain(Reader(segment))] == [1, 2, 3, 4]


def test_later_readers_join_now_or_at_the_oldest_frame():
    segment = Segment.create(480, max_readers=3)
    writer, first = Writer(segment), Reader(segment)
    writer.write(b"a")
    assert drain(Reader(segment)) == []
    oldest = Reader(segment, "oldest")
    assert [f[0] for f in drain(oldest)] == [1]
    assert segment.get_slot(1, "read_count") == 1
    assert [f[0] for f in drain(first)] == [1]


def test_a_resumed_reader_gets_every_frame_that_was_not_let_go():
    """Scenario 4.15"""
    segment = Segment.create(480)
    writer, reader = Writer(segment), Reader(segment)
    for i in range(3):
        writer.write(bytes([i]))
    reader.release(reader.read())
    reader.read()
    resumed = Reader(segment, "resume")
    assert [f[0] for f in drain(resumed)] == [2, 3]
    assert segment.place(0).epoch == 2


def test_a_reader_whose_slot_was_freed_is_told_how_many_frames_it_lost():
    """Scenario 4.15"""
    segment = Segment.create(224, max_readers=2)
    writer, dead, other = Writer(segment), Reader(segment), Reader(segment)
    for i in range(4):
        writer.write(bytes([i]))
    dead.release(dead.read())
    drain(other)
    free_dead_slot(segment, 0)
    for i in range(3):
        writer.write(bytes([4 + i]))
    other.close()
    resumed = Reader(segment, "resume", alive=(1,))
    frames = drain(resumed)
    assert frames[-1][0] == 7
    assert resumed.lost == frames[0][0] - 1 - 1 > 0
    resumed.close()
    with pytest.raises(NothingToResume):
        Reader(segment, "resume")


def test_a_freed_reader_whose_room_somebody_slower_kept_gets_nothing_twice():
    """Scenario 4.15"""
    segment = Segment.create(480, max_readers=2)
    writer, dead, slow = Writer(segment), Reader(segment), Reader(segment)
    for i in range(4):
        writer.write(bytes([i]))
    for _ in range(2):
        dead.release(dead.read())
    free_dead_slot(segment, 0)
    resumed = Reader(segment, "resume", alive=(1,))
    assert [f[0] for f in drain(resumed)] == [3, 4]
    assert resumed.lost == 0
    assert [f[0] for f in drain(slow)] == [1, 2, 3, 4]


def test_reading_the_newest_counts_what_it_passes_over():
    segment = Segment.create(480)
    writer, reader = Writer(segment), Reader(segment)
    for i in range(4):
        writer.write(bytes([i]))
    reader.release(reader.read())
    frame = reader.read_newest()
    assert frame.sequence == 4
    assert segment.get_slot(0, "skipped") == 2
    reader.release(frame)
    assert reader.read_newest() is None


def test_a_batch_is_published_as_one():
    segment = Segment.create(480)
    writer, reader = Writer(segment), Reader(segment)
    writer.batch_open = True
    writer.write(b"a")
    writer.write(b"b")
    assert reader.read() is None
    writer.publish()
    assert [f[0] for f in drain(reader)] == [1, 2]


def test_a_successor_goes_on_with_the_sequence_whatever_store_its_predecessor_was_killed_at():
    """Scenario 4.3"""
    segment = Segment.create(480)
    writer = Writer(segment)
    writer.write(b"a")
    torn = segment.get_counts()
    torn[1 - [p for p, _ in torn].index(64)] = (128, 77)  # the next entry, without the write_pos that makes it count
    segment.set_counts(torn)
    assert Writer(segment).write(b"b") == 2


def test_metadata_are_written_once_and_a_successor_may_not_change_them_under_unread_frames():
    """Scenario 2.8, 4.14"""
    segment = Segment.create(100, metadata_size=8)
    writer, reader = Writer(segment), Reader(segment)
    assert read_metadata(segment) is None
    with pytest.raises(MetadataTooLarge):
        writer.write_metadata(bytes(9))
    writer.write_metadata(b"12345678")
    with pytest.raises(MetadataExists):
        writer.write_metadata(b"12345678")
    writer.write(b"")
    Writer(segment).write_metadata(b"12345678")
    successor = Writer(segment)
    with pytest.raises(MetadataInUse):
        successor.write_metadata(b"new")
    drain(reader)
    successor.write_metadata(b"new")
    assert read_metadata(segment) == b"new"
    assert segment.get("reclaim_pos") == segment.get("write_pos")


def test_metadata_may_change_when_every_reader_has_left_but_not_before_the_first_has_come():
    """Scenario 4.14"""
    segment = Segment.create(100)
    Writer(segment).write(b"for the first reader")
    with pytest.raises(MetadataInUse):
        Writer(segment).write_metadata(b"new")
    Reader(segment).close()
    Writer(segment).write_metadata(b"new")
    assert drain(Reader(segment, "oldest")) == []
