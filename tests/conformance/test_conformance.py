"""The core and the reference, which share nothing but SPEC.md, read and continue what the other wrote."""

import os
from collections import deque
from pathlib import Path

import pytest
import zbref
import zerobuffer
from hypothesis import given, settings
from hypothesis import strategies as st
from shared_segment import SharedSegment, sealed_memfd


def content(size, seed):
    return bytes((seed * 37 + i * 11 + i // 251) & 0xFF for i in range(size))


def of_core(frame):
    return frame.sequence, frame.type, frame.tag, bytes(frame.data)


def of_reference(frame):
    return frame.sequence, frame.type, frame.tag, bytes(frame.payload)


class Core:
    """The core as a writer and a reader of a shared segment."""

    def __init__(self, shared):
        self.shared = shared

    def open_writer(self):
        self.writer = zerobuffer.Writer.from_fd(self.shared.fd, burst_size=64, wait="block")

    def write(self, data, kind, tag, claimed):
        slot = self.writer.try_claim(claimed, type=kind, tag=tag)
        if slot is None:
            return False
        with slot.data as view:
            view[: len(data)] = data
        slot.commit(len(data))
        return True

    def begin_anew(self, spares):
        """The core does so by itself."""

    def discard(self, size):
        slot = self.writer.try_claim(size)
        if slot is not None:
            slot.discard()

    def close_writer(self):
        self.writer.close()

    def open_reader(self, join):
        self.reader = zerobuffer.Reader.from_fd(self.shared.fd, join=join)
        self.held = {}

    def read(self):
        frame = self.reader.try_read()
        if frame is None:
            return None
        self.held[frame.sequence] = frame
        return of_core(frame)

    def release(self, sequence):
        frame = self.held.pop(sequence)
        seen = of_core(frame)
        frame.release()
        return seen

    def close_reader(self):
        for sequence in list(self.held):
            self.release(sequence)
        self.reader.close()


class Reference:
    """The reference likewise, with the locks that say that it lives."""

    def __init__(self, shared):
        self.shared = shared

    def open_writer(self):
        self.unlock_writer = self.shared.live_in(0)
        self.writer = zbref.Writer(self.shared.segment)

    def write(self, data, kind, tag, claimed):
        try:
            self.writer.claim(claimed)[: len(data)] = data
        except zbref.RingFull:
            return False
        self.writer.commit(len(data), kind, tag)
        return True

    def begin_anew(self, spares):
        self.writer.begin_anew(spares)

    def discard(self, size):
        try:
            self.writer.claim(size)
        except zbref.RingFull:
            return
        self.writer.discard()

    def close_writer(self):
        self.writer.close()
        self.unlock_writer()

    def open_reader(self, join, alive=()):
        self.reader = zbref.Reader(self.shared.segment, join, alive)
        self.unlock_reader = self.shared.live_in(1 + self.reader.slot)
        self.held = {}

    def read(self):
        frame = self.reader.read()
        if frame is None:
            return None
        self.held[frame.sequence] = frame
        return of_reference(frame)

    def release(self, sequence):
        frame = self.held.pop(sequence)
        seen = of_reference(frame)
        self.reader.release(frame)
        return seen

    def close_reader(self):
        self.reader.close()
        self.unlock_reader()


STEPS = st.one_of(
    st.tuples(st.just("write"), st.integers(0, 700), st.integers(0, 700)),
    st.tuples(st.just("anew"), st.booleans()),
    st.tuples(st.just("talk"), st.integers(1, 40), st.integers(0, 100)),
    st.tuples(st.just("discard"), st.integers(0, 700)),
    st.tuples(st.just("read"), st.integers(0, 1)),
    st.tuples(st.just("release"), st.integers(0, 1), st.integers(0, 9)),
    st.tuples(st.just("successor"), st.integers(0, 1)),
)


@settings(max_examples=60, deadline=None)
@given(
    payload=st.integers(1, 600),
    metadata=st.integers(0, 130),
    spare=st.integers(0, 3),
    steps=st.lists(STEPS, max_size=60),
)
def test_both_write_in_turn_and_both_read_everything(payload, metadata, spare, steps):
    """Scenario 1.2, 2.3, 2.5, 2.6, 3.1, 4.3, 8.1"""
    made = zbref.Segment.create(payload, metadata, 2 + spare)
    shared = SharedSegment(sealed_memfd(bytes(made.buffer)))
    sides = [Core(shared), Reference(shared)]
    sides[0].open_reader("oldest")
    sides[1].open_reader("oldest", alive=(0,))
    writing = sides[0]
    writing.open_writer()
    unread, held, sequence = [deque(), deque()], [[], []], 0
    largest = made.geometry.max_frame_size
    for step in steps:
        if step[0] == "write":
            claimed, size = min(step[1], largest), min(step[1], step[2], largest)
            frame = (sequence + 1, 128 + sequence % 7, sequence * 5, content(size, sequence))
            done = writing.write(frame[3], frame[1], frame[2], claimed)
            if not done and not any(unread) and not any(held):
                assert [side.read() for side in sides] == [None, None], "drained readers step over padding"
                assert writing.write(frame[3], frame[1], frame[2], claimed)
                done = True
            if done:
                sequence += 1
                for queue in unread:
                    queue.append(frame)
        elif step[0] == "talk":
            while any(unread) or any(held):
                for side, queue, kept in zip(sides, unread, held):
                    while kept:
                        expected = kept.pop()
                        assert side.release(expected[0]) == expected
                    if queue:
                        kept.append(queue.popleft())
                        assert side.read() == kept[-1]
            assert [side.read() for side in sides] == [None, None]
            for _ in range(step[1]):
                sequence += 1
                frame = (sequence, 128, sequence, content(min(step[2], largest), sequence))
                if not writing.write(frame[3], 128, sequence, len(frame[3])):
                    assert [side.read() for side in sides] == [None, None], "drained readers step over padding"
                    assert writing.write(frame[3], 128, sequence, len(frame[3]))
                for side in sides:
                    assert side.read() == frame
                    assert side.release(sequence) == frame
        elif step[0] == "anew":
            writing.begin_anew(step[1])
        elif step[0] == "discard":
            writing.discard(min(step[1], largest))
        elif step[0] == "read":
            expected = unread[step[1]].popleft() if unread[step[1]] else None
            assert sides[step[1]].read() == expected
            if expected is not None:
                held[step[1]].append(expected)
        elif step[0] == "release" and held[step[1]]:
            expected = held[step[1]].pop(step[2] % len(held[step[1]]))
            assert sides[step[1]].release(expected[0]) == expected, "a held frame never changes"
        elif step[0] == "successor":
            writing.close_writer()
            writing = sides[step[1]]
            writing.open_writer()
    for side in sides:
        side.close_reader()
    writing.close_writer()
    shared.close()


@settings(max_examples=40, deadline=None)
@given(
    payload=st.integers(1, 3000),
    metadata=st.integers(0, 300),
    readers=st.integers(1, 64),
    sizes=st.lists(st.integers(0, 500), max_size=30),
)
def test_the_reference_reads_what_the_core_made(payload, metadata, readers, sizes):
    """Scenario 1.1, 2.4, 2.8"""
    with zerobuffer.Writer.anonymous(payload_size=payload, metadata_size=metadata, max_readers=readers) as writer:
        shared = SharedSegment(os.dup(writer.fileno()))
        geometry = shared.segment.geometry
        assert geometry == zbref.Geometry.plan(payload, metadata, readers)
        assert writer.info.max_frame_size == geometry.max_frame_size >= payload
        about = content(metadata, 3)
        writer.write_metadata(about)
        sent = []
        for size in sizes:
            data = content(min(size, geometry.max_frame_size), len(sent))
            if writer.try_write(data, type=128 + len(sent), tag=len(sent)):
                sent.append((len(sent) + 1, 128 + len(sent), len(sent), data))
        copy = shared.copy()
        assert zbref.read_metadata(copy) == about
        reader = zbref.Reader(copy)
        assert [of_reference(frame) for frame in iter(reader.read, None)] == sent
        assert copy.writer_place() == zbref.layout.Place(zbref.layout.ATTACHED, 1)
    assert shared.segment.writer_place() == zbref.layout.Place(zbref.layout.CLOSED, 1)
    shared.close()


@settings(max_examples=40, deadline=None)
@given(
    payload=st.integers(1, 3000),
    metadata=st.integers(0, 300),
    before=st.lists(st.integers(0, 500), max_size=5),
    spares=st.booleans(),
    frames=st.lists(st.tuples(st.integers(0, 500), st.booleans()), max_size=30),
    closed=st.booleans(),
)
def test_the_core_reads_what_the_reference_made(payload, metadata, before, spares, frames, closed):
    """Scenario 1.1, 2.5, 4.1, 4.10"""
    made = zbref.Segment.create(payload, metadata)
    writer, sent = zbref.Writer(made), []
    writer.write_metadata(content(metadata, 3))
    if before:  # frames that were there before the ring began anew
        reader = zbref.Reader(made)
        for size in before:
            try:
                writer.write(content(min(size, made.geometry.max_frame_size), size))
            except zbref.RingFull:
                assert reader.read() is None
                continue
            reader.release(reader.read())
        assert reader.read() is None
        assert writer.begin_anew(spares)
        reader.close()
    gone = writer.count
    for size, restart in frames:
        data = content(min(size, made.geometry.max_frame_size), len(sent))
        try:
            sequence = writer.write(data, 128 + gone + len(sent), gone + len(sent), restart)
        except zbref.RingFull:
            continue
        sent.append((sequence, 127 + sequence, sequence - 1, data))
    if closed:
        writer.close()
    shared = SharedSegment(sealed_memfd(bytes(made.buffer)))
    with zerobuffer.Reader.from_fd(shared.fd, join="oldest") as reader:
        assert reader.metadata(timeout=0) == content(metadata, 3)
        seen = []
        for _ in sent:
            with reader.read(timeout=20) as frame:
                seen.append(of_core(frame))
        assert seen == sent
        if closed:
            assert list(reader) == []
        else:
            with pytest.raises(zerobuffer.PeerDeadError):
                reader.read(timeout=20)
    assert shared.segment.place(0) == zbref.layout.Place(zbref.layout.FREE, 2 if before else 1)
    assert shared.segment.get_slot(0, "read_count") == gone + len(sent)
    assert shared.segment.get_slot(0, "read_pos") == shared.segment.get("write_pos")
    shared.close()


def test_a_ring_that_the_core_begins_anew_is_the_same_ring_to_the_reference():
    """Scenario 2.5, 4.3, 8.1"""
    shared = SharedSegment(sealed_memfd(bytes(zbref.Segment.create(4000, max_readers=3).buffer)))
    writer, sides = Core(shared), [Core(shared), Reference(shared)]
    writer.open_writer()
    sides[0].open_reader("oldest")
    sides[1].open_reader("oldest", alive=(0,))
    origins = set()
    for i in range(400):
        frame = (i + 1, 0, i, content(4000 - i if i % 9 == 8 else i % 150, i))  # the large ones fit only at offset 0
        assert writer.write(frame[3], frame[1], frame[2], len(frame[3])), "a drained ring takes every frame at once"
        origins.add(shared.segment.get("origin_pos"))
        for side in sides:
            assert side.read() == frame
            assert side.release(i + 1) == frame
    assert len(origins) > 2
    writer.close_writer()
    successor = Reference(shared)
    successor.open_writer()
    assert successor.write(content(4000, 1), 0, 0, 4000) or [side.read() for side in sides] == [None, None]
    for side in sides:
        side.close_reader()
    successor.close_writer()
    shared.close()


def test_the_core_resumes_a_reader_of_the_reference_and_the_reverse():
    """Scenario 4.15"""
    for first, second in ((Core, Reference), (Reference, Core)):
        shared = SharedSegment(sealed_memfd(bytes(zbref.Segment.create(480, max_readers=2).buffer)))
        writer = Core(shared)
        writer.open_writer()
        dead = first(shared)
        dead.open_reader("oldest")
        sent = [(i + 1, 0, i, content(20, i)) for i in range(5)]
        for frame in sent:
            assert writer.write(frame[3], frame[1], frame[2], 20)
        assert [dead.read() for _ in range(3)] == sent[:3]
        dead.release(1)
        dead.release(3)
        left = SharedSegment(sealed_memfd(bytes(shared.segment.buffer)))  # the same bytes, and nobody lives there
        resumed = second(left)
        resumed.open_reader("resume")
        assert [resumed.read() for _ in range(4)] == sent[1:]
        resumed.close_reader()
        dead.close_reader()
        writer.close_writer()
        left.close()
        shared.close()


def test_the_last_one_out_of_a_named_segment_of_the_reference_removes_it():
    """Scenario 4.5"""
    path = Path("/dev/shm") / f"zbconformance-{os.getpid()}"
    made = zbref.Segment.create(480)
    zbref.Writer(made).write(b"from a writer that is gone")
    try:
        path.touch(mode=0o600)
        path.write_bytes(made.buffer)
        with zerobuffer.Reader.open(path.name, timeout=0) as reader:
            assert [bytes(reader.try_read().data)] == [b"from a writer that is gone"]
            on_disk = zbref.Segment(bytearray(path.read_bytes()))
            assert on_disk.place(0) == zbref.layout.Place(zbref.layout.ACTIVE, 1)
        assert not path.exists()
    finally:
        path.unlink(missing_ok=True)


def test_a_stale_segment_of_the_reference_is_taken_over():
    """Scenario 4.5"""
    path = Path("/dev/shm") / f"zbconformance-{os.getpid()}"
    made = zbref.Segment.create(480)
    zbref.Writer(made)
    zbref.Reader(made)
    try:
        path.touch(mode=0o600)
        path.write_bytes(made.buffer)
        stale = zbref.Segment.open(path)
        with zerobuffer.Reader(path.name, payload_size=1000):
            with pytest.raises(zbref.Retired):
                zbref.Segment(stale.buffer)
            assert zbref.Segment(bytearray(path.read_bytes())).geometry == zbref.Geometry.plan(1000, 4096)
        assert not path.exists()
    finally:
        path.unlink(missing_ok=True)
