"""Many small messages of one size in one call: write_messages and read_messages."""

import threading
import time

import numpy as np
import pytest
from peer import LIMIT

from zerobuffer import HandleClosedError, InterruptedWaitError, InvalidArgumentError, PeerClosedError, Reader, Writer, WrongSizeError

SIZE = 64


def numbered(first, count):
    """A message of 8 numbers in each row; no two rows are the same."""
    return np.arange(first * 8, (first + count) * 8, dtype="<u8").reshape(count, 8)


@pytest.fixture
def ends():
    with Reader.anonymous(payload_size=4096, max_readers=2) as reader, Writer.from_fd(reader.fileno()) as writer:
        yield reader, writer


def fits(writer):
    return writer.info.capacity // (SIZE + 64)


def test_messages_come_through_a_small_ring_whole_and_in_order(ends):
    reader, writer = ends
    count = 5000
    sent = []
    thread = threading.Thread(target=lambda: sent.append(writer.write_messages(numbered(0, count), timeout=LIMIT)))
    thread.start()
    room = np.empty((300, 8), "<u8")
    taken = 0
    while taken < count:
        n = reader.read_messages(room, timeout=LIMIT)
        assert n > 0
        assert np.array_equal(room[:n], numbered(taken, n))
        taken += n
    thread.join(LIMIT)
    assert sent == [count]
    assert (reader.stats().frames, reader.stats().bytes, reader.stats().held) == (count, count * SIZE, 0)


def test_each_message_is_a_frame_like_any_other(ends):
    reader, writer = ends
    assert writer.write_messages(numbered(0, 3), type=200, tag=7) == 3
    for i in range(3):
        with reader.read(timeout=0) as frame:
            assert (frame.sequence, frame.type, frame.tag, frame.size) == (i + 1, 200, 7, SIZE)
            assert bytes(frame.data) == numbered(i, 1).tobytes()
    writer.write(numbered(3, 1))
    room = bytearray(2 * SIZE)
    assert reader.read_messages(room, SIZE) == 1
    assert room == numbered(3, 1).tobytes() + bytes(SIZE)  # what is behind them is as it was


def test_of_messages_without_room_the_first_are_sent_and_counted(ends):
    reader, writer = ends
    room = fits(writer)
    everything = numbered(0, room + 10)
    assert writer.write_messages(everything, timeout=0.01) == room
    assert writer.write_messages(everything[room:], timeout=0) == 0
    into = np.empty((1000, 8), "<u8")  # more than is copied with the GIL
    assert reader.read_messages(into) == room
    assert writer.write_messages(everything[room:]) == 10
    assert reader.read_messages(into[room:]) == 10
    assert np.array_equal(into[: room + 10], everything)
    assert reader.read_messages(into, timeout=0) == 0
    assert reader.read_messages(into[:1], timeout=0.01) == 0


def test_a_message_is_a_row_an_item_of_a_structured_array_or_what_message_size_says(ends):
    reader, writer = ends
    records = np.zeros(3, [("id", "<u4"), ("value", "<f8")])
    records["id"] = [1, 2, 3]
    assert writer.write_messages(records) == 3
    got = np.zeros_like(records)
    assert reader.read_messages(got) == 3
    assert got["id"].tolist() == [1, 2, 3]
    assert writer.write_messages(b"abcdef", 2) == 3
    text = bytearray(8)
    assert reader.read_messages(text, message_size=2) == 3
    assert text == b"abcdef\0\0"
    assert writer.write_messages(np.zeros((4, 2, 3), "u1")) == 4
    assert reader.read().size == 6


def test_no_messages_are_no_error_and_what_is_no_whole_number_is_one(ends):
    reader, writer = ends
    assert writer.write_messages(np.empty((0, 8))) == 0
    assert writer.write_messages(b"", 8) == 0
    assert reader.read_messages(np.empty((0, 8))) == 0
    for call in (writer.write_messages, reader.read_messages):
        for wrong in ((bytearray(10),), (bytearray(10), 3), (bytearray(10), 0), (bytearray(10), -1), (np.empty((2, 0)),)):
            with pytest.raises(InvalidArgumentError):
                call(*wrong)
        with pytest.raises(TypeError):
            call("text", 1)
        with pytest.raises(TypeError):
            call(bytearray(8), 8.0)
        with pytest.raises((BufferError, ValueError)):
            call(np.empty((4, 4))[:, ::2])
        with pytest.raises(InvalidArgumentError):
            call(bytearray(8), 8, timeout=-1)
    with pytest.raises((BufferError, ValueError)):
        reader.read_messages(b"read-only", 9)
    assert writer.stats().frames == 0


def test_a_frame_of_another_size_stays_and_is_told(ends):
    reader, writer = ends
    writer.write_messages(numbered(0, 2))
    writer.write(b"another")
    room = np.empty((5, 8), "<u8")
    assert reader.read_messages(room) == 2
    for _ in range(2):
        with pytest.raises(WrongSizeError, match="7 bytes") as error:
            reader.read_messages(room)
        assert error.value.needed == 7
    assert bytes(reader.read(timeout=0).data) == b"another"


def test_messages_beside_a_held_frame_leave_it_and_their_room_comes_back_with_it(ends):
    reader, writer = ends
    room = fits(writer)
    writer.write_messages(numbered(0, room))
    into = np.empty((room, 8), "<u8")
    with reader.read() as held:
        assert reader.read_messages(into) == room - 1
        assert writer.write_messages(numbered(room, 1), timeout=0) == 0
        assert bytes(held.data) == numbered(0, 1).tobytes()
    assert writer.write_messages(numbered(room, room), timeout=0) == room


def test_each_of_two_readers_gets_every_message(ends):
    reader, writer = ends
    with Reader.from_fd(reader.fileno()) as second:
        writer.write_messages(numbered(0, 20))
        for each in (reader, second):
            into = np.empty((30, 8), "<u8")
            assert each.read_messages(into) == 20
            assert np.array_equal(into[:20], numbered(0, 20))


def test_waits_let_other_threads_run_and_end_with_an_interrupt_or_close(ends):
    reader, writer = ends
    raised = []

    def wait():
        try:
            reader.read_messages(bytearray(SIZE), SIZE)
        except Exception as error:
            raised.append(type(error))

    for end, expected in ((reader.interrupt, InterruptedWaitError), (reader.close, HandleClosedError)):
        thread = threading.Thread(target=wait)
        thread.start()
        time.sleep(0.05)
        end()
        thread.join(LIMIT)
        assert raised.pop() is expected


def test_an_interrupt_of_a_writer_that_sent_some_is_heard_of_by_the_next_call(ends):
    _, writer = ends
    room = fits(writer)
    writer.interrupt()
    assert writer.write_messages(numbered(0, room + 1)) == room
    with pytest.raises(InterruptedWaitError):
        writer.write_messages(numbered(0, 1))


def test_messages_that_are_dropped_are_counted():
    with Reader.anonymous(payload_size=4096) as reader, Writer.from_fd(reader.fileno(), full="drop") as writer:
        room = fits(writer)
        assert writer.write_messages(numbered(0, room + 5)) == room
        assert writer.write_messages(numbered(0, 5)) == 0
        assert writer.stats().dropped == 10


def test_the_last_messages_of_a_writer_come_before_the_end_of_the_stream(ends):
    reader, writer = ends
    writer.write_messages(numbered(0, 3))
    writer.close()
    room = bytearray(10 * SIZE)
    assert reader.read_messages(room, SIZE) == 3
    with pytest.raises(PeerClosedError):
        reader.read_messages(room, SIZE)
    with pytest.raises(HandleClosedError):
        writer.write_messages(room, SIZE)
