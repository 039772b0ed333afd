"""One writer, one reader: order, metadata, a full ring, who comes first. Scenarios 1.1 to 1.8."""

import threading
import time

import pytest
from peer import LIMIT

import zerobuffer
from zerobuffer import Reader, Writer


def numbered(number, size=100):
    return bytes([number % 256]) * size


def writes_frames(channel, name, count, size):
    with Writer.open(name, timeout=LIMIT) as writer:
        writer.write_metadata(b"what comes")
        for number in range(1, count + 1):
            assert writer.write(numbered(number, size), tag=number * 10, type=200)
        channel.say(writer.stats().frames)


def reads_frames(channel, name):
    with Reader.open(name, timeout=LIMIT) as reader:
        channel.say("ready")
        for frame in reader:
            channel.say([frame.sequence, frame.size, frame.data[0] if frame.size else None])


def test_a_frame_and_the_metadata_before_it_arrive_as_sent(name, start, where):
    """Scenario 1.1"""
    with Reader(name, payload_size=4096) as reader:
        writer = start(writes_frames, name, 1, 100, where=where)
        assert reader.metadata(timeout=LIMIT) == b"what comes"
        frame = reader.read(timeout=LIMIT)
        assert frame is not None
        assert (frame.sequence, frame.type, frame.tag, frame.size, len(frame)) == (1, 200, 10, 100, 100)
        assert bytes(frame) == numbered(1)
        assert frame.info == zerobuffer.FrameInfo(1, 200, 10, 100)
        writer.finish()


def test_ten_frames_arrive_in_order_and_then_the_stream_ends(name, start, where):
    """Scenario 1.2, 4.10"""
    with Reader(name, payload_size=4096) as reader:
        writer = start(writes_frames, name, 10, 100, where=where)
        got = [(frame.sequence, bytes(frame)) for frame in reader]
        assert got == [(number, numbered(number)) for number in range(1, 11)]
        with pytest.raises(zerobuffer.PeerClosedError):
            reader.read(timeout=0)
        assert writer.hear() == 10
        writer.finish()


def test_a_python_reader_in_the_other_process_sees_what_is_written_here(name, start, where):
    """Scenario 1.2"""
    with Writer(name, payload_size=4096) as writer:
        reader = start(reads_frames, name, where=where)
        assert writer.wait_for_readers(1, timeout=LIMIT)
        assert reader.hear() == "ready"
        for number in range(1, 11):
            writer.write(numbered(number))
        assert [reader.hear() for _ in range(10)] == [[number, 100, number] for number in range(1, 11)]
    reader.finish()


def test_a_full_ring_holds_the_writer_back_until_room_is_freed(name):
    """Scenario 1.3"""
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        assert writer.write(bytes(1000))
        assert writer.try_claim(1000) is None
        assert not writer.try_write(bytes(1000))
        before = time.monotonic()
        assert not writer.write(bytes(1000), timeout=0.05)
        assert time.monotonic() - before >= 0.05
        with pytest.raises(zerobuffer.ClaimTimeoutError):
            writer.claim(1000, timeout=0)

        released_at = []

        def free_after_a_while():
            frame = reader.read(timeout=LIMIT)
            time.sleep(0.2)
            released_at.append(time.monotonic())
            frame.release()

        helper = threading.Thread(target=free_after_a_while)
        helper.start()
        with writer.claim(1000, timeout=LIMIT):
            assert released_at, "there was room before any was freed"
        helper.join()
        assert writer.stats().blocked_count >= 1
        assert writer.stats().blocked_time > 0


def test_the_drop_policy_drops_counts_and_tells_the_reader(name):
    """Scenario 1.3"""
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0, full="drop") as writer:
        assert writer.write(bytes(1000))
        assert not writer.write(bytes(1000))
        with pytest.raises(zerobuffer.FrameDroppedError):
            writer.claim(1000)
        assert writer.try_claim(1000) is None
        assert writer.stats().dropped == 3
        reader.read(timeout=LIMIT).release()
        assert writer.write(b"next")
        frame = reader.read(timeout=LIMIT)
        assert (frame.sequence, bytes(frame)) == (2, b"next")
        assert reader.stats().dropped == 3


def writes_burst(channel, name):
    with Writer.open(name, timeout=LIMIT) as writer:
        for number in range(50):
            assert writer.write(numbered(number))
        channel.say("written")
        channel.hear()


def test_a_burst_written_before_the_reader_begins_is_read_whole(name, start, where):
    """Scenario 1.4"""
    with Reader(name, payload_size=64 << 10) as reader:
        writer = start(writes_burst, name, where=where)
        assert writer.hear() == "written"
        writer.say("go on")
        assert [bytes(frame) for frame in reader] == [numbered(number) for number in range(50)]
        writer.finish()


def test_a_slow_reader_holds_the_writer_back_and_loses_nothing(name, start, where):
    """Scenario 1.5"""
    with Reader(name, payload_size=300) as reader:
        writer = start(writes_frames, name, 8, 100, where=where)
        got = []
        for frame in reader:
            time.sleep(0.1)
            got.append(frame.sequence)
            frame.release()
        assert got == list(range(1, 9))
        assert writer.hear() == 8
        writer.finish()


def writes_quickly(channel, name, count):
    with Writer.open(name, timeout=LIMIT) as writer:
        for number in range(count):
            writer.write(number.to_bytes(4, "little") * (1 + number % 50))


def test_ten_thousand_quick_frames_pass_through_a_small_ring(name, start, where):
    """Scenario 1.6"""
    with Reader(name, payload_size=10 << 10) as reader:
        writer = start(writes_quickly, name, 10_000, where=where)
        number = 0
        for frame in reader:
            with frame:
                assert frame.sequence == number + 1
                assert frame.size == 4 * (1 + number % 50)
                assert int.from_bytes(frame.data[:4], "little") == number
            number += 1
        assert number == 10_000
        writer.finish()


def test_a_second_writer_and_a_reader_too_many_are_told_so(name):
    """Scenario 1.7"""
    with Reader(name, payload_size=1000), Writer.open(name, timeout=0):
        with pytest.raises(zerobuffer.WriterExistsError):
            Writer.open(name, timeout=0)
        with pytest.raises(zerobuffer.TooManyReadersError):
            Reader.open(name, timeout=0)
        with pytest.raises(zerobuffer.BufferExistsError):
            Reader(name, payload_size=1000)


def creates_late(channel, name, delay):
    time.sleep(delay)
    with Reader(name, payload_size=1000) as reader:
        channel.say("made")
        with reader.read(timeout=LIMIT) as frame:
            channel.say(bytes(frame).decode())


def test_a_writer_that_comes_first_waits_for_the_buffer(name, start, where):
    """Scenario 1.8"""
    before = time.monotonic()
    with pytest.raises(zerobuffer.BufferNotFoundError):
        Writer.open(name, timeout=0.3)
    assert time.monotonic() - before >= 0.3
    reader = start(creates_late, name, 1.0, where=where)
    with Writer.open(name, timeout=LIMIT) as writer:
        writer.write(b"hello")
        assert reader.hear() == "made"
        assert reader.hear() == "hello"
    reader.finish()


def test_a_reader_that_comes_first_waits_for_the_buffer(name, start, where):
    """Scenario 1.8"""
    reader = start(reads_frames, name, where=where)
    time.sleep(1.0)
    with Writer(name, payload_size=1000) as writer:
        assert writer.wait_for_readers(timeout=LIMIT)
        assert reader.hear() == "ready"
        writer.write(b"x")
        assert reader.hear() == [1, 1, ord("x")]
    reader.finish()


def test_reads_that_find_nothing_say_so_and_keep_to_their_timeout(name):
    with Reader(name, payload_size=1000) as reader:
        assert reader.try_read() is None
        assert reader.read(timeout=0) is None
        before = time.monotonic()
        assert reader.read(timeout=0.05) is None
        assert reader.read_newest(timeout=0.01) is None
        assert reader.read_many(3, timeout=0.01) == []
        assert reader.read_array(timeout=0) is None
        assert reader.metadata(timeout=0) is None
        assert time.monotonic() - before >= 0.05


@pytest.mark.parametrize("timeout", [-1, float("nan"), -0.001])
def test_a_timeout_that_is_no_time_is_refused(name, timeout):
    with Reader(name, payload_size=1000) as reader, pytest.raises(zerobuffer.InvalidArgumentError):
        reader.read(timeout=timeout)


def test_many_frames_come_in_one_call_and_the_newest_alone_in_another(name):
    with Reader(name, payload_size=10_000) as reader, Writer.open(name, timeout=0) as writer:
        with writer.batch():
            for number in range(5):
                writer.write(numbered(number))
            assert reader.try_read() is None, "a batch is published when it ends"
        frames = reader.read_many(3, timeout=LIMIT)
        assert [frame.sequence for frame in frames] == [1, 2, 3]
        for number in range(5, 8):
            writer.write(numbered(number))
        newest = reader.read_newest(timeout=LIMIT)
        assert (newest.sequence, bytes(newest)) == (8, numbered(7))
        assert reader.stats().skipped == 4
        assert reader.stats().frames >= 4
        with pytest.raises(zerobuffer.InvalidArgumentError):
            reader.read_many(0)


def test_a_batch_left_on_an_error_publishes_what_was_written(name):
    with Reader(name, payload_size=10_000) as reader, Writer.open(name, timeout=0) as writer:
        with pytest.raises(RuntimeError), writer.batch():
            writer.write(b"kept")
            with writer.claim(10):
                raise RuntimeError
        assert bytes(reader.read(timeout=LIMIT)) == b"kept"
        assert reader.try_read() is None
        with writer.batch(), pytest.raises(zerobuffer.InvalidArgumentError), writer.batch():
            pass


def test_draining_and_closing_say_what_became_of_the_frames(name):
    with Reader(name, payload_size=10_000) as reader:
        writer = Writer.open(name, timeout=0)
        writer.write(b"one")
        assert not writer.drain(timeout=0.01)
        reader.read(timeout=LIMIT).release()
        assert writer.drain(timeout=LIMIT)
        writer.write(b"two")
        assert writer.close(linger=0.05) == 0, "a reader is attached that will read it"
        assert writer.closed
        assert writer.close() == 0
        assert bytes(next(reader)) == b"two"
    lonely = Writer(name, payload_size=1000)
    lonely.write(b"for nobody")
    assert lonely.close() == 1


def test_an_anonymous_buffer_is_passed_on_by_its_descriptor():
    with Reader.anonymous(payload_size=1000) as reader:
        assert reader.fileno() >= 0
        with Writer.from_fd(reader.fileno()) as writer:
            writer.write(b"no name")
            assert bytes(reader.read(timeout=LIMIT)) == b"no name"
        assert reader.fileno() >= 0
    with Writer.anonymous(payload_size=1000) as writer, Reader.from_fd(writer.fileno()) as reader:
        writer.write(b"other way")
        assert bytes(reader.read(timeout=LIMIT)) == b"other way"
    assert reader.fileno() == -1


def test_what_is_closed_says_so_and_keeps_its_last_counters(name):
    reader = Reader(name, payload_size=1000)
    writer = Writer.open(name, timeout=0)
    writer.write(b"x")
    reader.read(timeout=LIMIT)
    assert writer.info.max_frame_size >= 1000
    assert reader.info.created and not writer.info.created
    writer.close()
    reader.close()
    reader.close()
    with pytest.raises(zerobuffer.HandleClosedError):
        reader.read(timeout=0)
    with pytest.raises(zerobuffer.HandleClosedError):
        writer.write(b"x")
    assert reader.stats().frames == 1
    assert writer.stats().frames == 1
    assert "frames=1" in repr(writer.stats())
    assert writer.info.max_frame_size >= 1000


def test_buffers_can_be_listed_and_looked_at_from_outside(name):
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        writer.write_metadata(b"abc")
        writer.write(b"12345", tag=7)
        assert name in zerobuffer.list_buffers()
        state = zerobuffer.dump_state(name)
        assert (state.name, state.state, state.problem, state.frames) == (name, "ready", "", 1)
        assert state.metadata_written and state.metadata_used == 3
        assert state.writer.presence == "attached"
        assert [place.presence for place in state.readers] == ["attached"]
        assert [(record.sequence, record.size, record.tag) for record in state.records] == [(1, 5, 7)]
        assert "presence='attached'" in repr(state.readers[0])
        assert state.capacity == reader.info.capacity
    with pytest.raises(zerobuffer.BufferNotFoundError):
        zerobuffer.dump_state(name)
