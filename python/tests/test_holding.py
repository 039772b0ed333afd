"""How long bytes live: frames held, views that outlive everything, no copy anywhere. Scenarios 3.1 to 3.5."""

import gc
import hashlib
import os
import random
import threading

import numpy as np
import pytest
from peer import LIMIT

import zerobuffer
from zerobuffer import Reader, Writer


@pytest.fixture
def ends(name):
    with Reader(name, payload_size=10_000) as reader, Writer.open(name, timeout=0) as writer:
        yield reader, writer


def address(buffer):
    return np.frombuffer(buffer, np.uint8).__array_interface__["data"][0]


def lies_in_the_segment(name, start, size):
    """Whether these addresses are a mapping of the buffer's file."""
    inode = str(os.stat(f"/dev/shm/{name}").st_ino)
    with open("/proc/self/maps") as maps:
        for line in maps:
            addresses, _, _, _, mapped = line.split()[:5]
            low, high = (int(part, 16) for part in addresses.split("-"))
            if mapped == inode and low <= start and start + size <= high:
                return True
    return False


def test_held_frames_never_change_and_room_comes_back_as_the_oldest_goes(name):
    """Scenario 3.1"""
    chance = random.Random(7)
    with Reader(name, payload_size=20_000) as reader, Writer.open(name, timeout=0) as writer:
        held = []
        for number in range(400):
            data = chance.randbytes(chance.randrange(0, 3000))
            while not writer.try_write(data):
                frame, digest = held.pop(chance.randrange(len(held)))
                assert hashlib.md5(frame).digest() == digest
                frame.release()
            frame = reader.read(timeout=LIMIT)
            held.append((frame, hashlib.md5(data).digest()))
            for frame, digest in held:
                assert hashlib.md5(frame).digest() == digest
        assert reader.stats().held >= len(held)
        chance.shuffle(held)
        for frame, digest in held:
            assert hashlib.md5(frame).digest() == digest
            frame.release()
        assert reader.stats().held == 0
        assert writer.drain(timeout=LIMIT)


def test_a_payload_kept_after_its_frame_was_dropped_stays_intact(ends):
    """Scenario 3.2"""
    reader, writer = ends
    writer.write(b"a" * 1000)
    view = memoryview(reader.read(timeout=LIMIT))
    gc.collect()
    for _ in range(200):
        if not writer.try_write(b"b" * 1000):
            break
        if (frame := reader.try_read()) is not None:
            frame.release()
    assert bytes(view) == b"a" * 1000


def test_several_payloads_keep_their_own_bytes(ends):
    """Scenario 3.2"""
    reader, writer = ends
    arrays = []
    for number in range(5):
        writer.write(bytes([number]) * 500)
        arrays.append(np.asarray(reader.read(timeout=LIMIT)))
    assert [set(array.tolist()) for array in arrays] == [{number} for number in range(5)]
    assert len({array.__array_interface__["data"][0] for array in arrays}) == 5


def test_dropping_the_last_view_returns_the_room(name):
    """Scenario 3.2"""
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        writer.write(bytes(1000))
        frame = reader.read(timeout=LIMIT)
        array = np.asarray(frame)
        part = array[10:20][::2]
        assert frame.exports >= 1
        frame.release()
        assert frame.released and reader.stats().held == 1
        del frame, array
        assert writer.try_claim(1000) is None, "a slice still needs the bytes"
        del part
        assert reader.stats().held == 0
        assert writer.try_write(bytes(1000))


def test_views_outlive_the_frame_the_reader_and_close(name):
    """Scenario 3.2"""
    reader = Reader(name, payload_size=10_000)
    writer = Writer.open(name, timeout=0)
    for number in range(3):
        writer.write(bytes([number]) * 1000)
    first, second, third = reader.read_many(3, timeout=LIMIT)
    view, array = memoryview(first), np.asarray(second)
    reader.close()
    del first, second, reader
    writer.close()
    del writer
    gc.collect()
    assert bytes(view) == bytes(1000)
    assert array.tolist() == [1] * 1000
    assert bytes(third) == b"\2" * 1000
    view.release()
    del array
    third.release()


def test_views_of_a_reader_that_was_only_forgotten_live_on(name):
    """Scenario 3.2"""
    with Writer(name, payload_size=10_000) as writer:
        reader = Reader.open(name, timeout=0)
        writer.write(b"kept")
        array = reader.read_array(timeout=LIMIT)
        del reader
        gc.collect()
        assert array.tobytes() == b"kept"
        del array
        gc.collect()
        assert zerobuffer.dump_state(name).readers[0].presence != "attached"


def test_releasing_twice_is_harmless_from_any_thread(ends):
    """Scenario 3.3"""
    reader, writer = ends
    for _ in range(50):
        writer.write(b"x" * 100)
        frame = reader.read(timeout=LIMIT)
        threads = [threading.Thread(target=frame.release) for _ in range(4)]
        for thread in threads:
            thread.start()
        frame.release()
        for thread in threads:
            thread.join()
        frame.release()
        assert reader.stats().held == 0
    assert writer.drain(timeout=LIMIT)


def test_a_released_frame_gives_no_bytes_but_still_says_what_it_was(ends):
    """Scenario 3.3"""
    reader, writer = ends
    writer.write(b"12345", tag=4, type=130)
    with reader.read(timeout=LIMIT) as frame:
        pass
    for use in (memoryview, np.asarray, bytes, lambda frame: frame.data, lambda frame: frame.as_array()):
        with pytest.raises(zerobuffer.ReleasedError):
            use(frame)
    assert frame.info == (1, 130, 4, 5)
    assert "released" in repr(frame)
    with pytest.raises(BufferError):
        memoryview(frame)


def test_received_frames_cannot_be_written(ends):
    """Scenario 3.4"""
    reader, writer = ends
    writer.write_array(np.arange(10, dtype="<i4"))
    frame = reader.read(timeout=LIMIT)
    view, array, plain = memoryview(frame), frame.as_array(), np.asarray(frame)
    assert view.readonly and not array.flags.writeable and not plain.flags.writeable
    with pytest.raises(TypeError):
        view[0] = 1
    with pytest.raises(ValueError):
        array[0] = 1
    for each in (array, plain):
        with pytest.raises(ValueError):
            each.flags.writeable = True
    assert array.tolist() == list(range(10))


def fills_ring(channel, name):
    with Writer.open(name, timeout=LIMIT) as writer:
        for _ in range(20):
            writer.write(bytes(500), timeout=LIMIT)


def test_a_reader_that_holds_what_the_writer_needs_is_told_instead_of_waiting_for_ever(name, start, where):
    """Scenario 3.5"""
    with Reader(name, payload_size=2000) as reader:
        writer = start(fills_ring, name, where=where)
        with pytest.raises(zerobuffer.HeldFramesBlockError):
            list(reader)
        gc.collect()
        rest = 0
        for frame in reader:
            frame.release()
            rest += 1
        assert 0 < rest < 20
        writer.finish()


def test_too_many_held_frames_are_an_error_and_not_a_loss(name):
    with Reader(name, payload_size=10_000, max_held=4) as reader, Writer.open(name, timeout=0) as writer:
        for _ in range(6):
            writer.write(b"x")
        frames = [reader.read(timeout=LIMIT) for _ in range(4)]
        with pytest.raises(zerobuffer.TooManyHeldError):
            reader.read(timeout=LIMIT)
        frames[2].release()
        frames[0].release()
        frames[1].release()
        assert reader.read(timeout=LIMIT).sequence == 5


def test_nothing_is_copied_on_the_way_in_or_out(ends, name):
    reader, writer = ends
    with writer.claim(1000) as slot:
        assert lies_in_the_segment(name, address(slot), 1000)
    with writer.claim_array((10, 10), "<f8") as array:
        assert lies_in_the_segment(name, array.__array_interface__["data"][0], array.nbytes)
        assert array.__array_interface__["data"][0] % 64 == 0
    frame = reader.read(timeout=LIMIT)
    assert lies_in_the_segment(name, address(frame), 1000)
    array = reader.read_array(timeout=LIMIT)
    assert lies_in_the_segment(name, array.__array_interface__["data"][0], array.nbytes)
    assert array.__array_interface__["data"][0] % 64 == 0
    assert address(frame) == address(frame.data) == np.asarray(frame).__array_interface__["data"][0]


def test_views_of_a_slot_never_fault_and_the_array_becomes_read_only(name):
    reader = Reader(name, payload_size=10_000)
    writer = Writer.open(name, timeout=0)
    with writer.claim_array((100,), "uint8") as array:
        array[:] = 5
        part = array[:10]
    with pytest.raises(ValueError):
        array[0] = 1
    slot = writer.claim(100)
    view = memoryview(slot)
    writer.close()
    reader.close()
    view[0] = 1  # to no good, but without a fault
    part[0] = 7
    assert array[1] == 5
    slot.discard()
    with pytest.raises(zerobuffer.HandleClosedError):
        slot.commit()
    del slot, view, array, part, writer, reader


def test_a_frame_keeps_its_bytes_while_the_ring_fills_up_behind_it(name):
    with Reader(name, payload_size=100_000, max_held=4096) as reader, Writer.open(name, timeout=0) as writer:
        writer.write(b"\xaa" * 100)
        kept = reader.read(timeout=LIMIT)
        while writer.try_write(b"\x55" * 100):
            reader.read(timeout=LIMIT).release()
        assert bytes(kept) == b"\xaa" * 100
        kept.release()
        for _ in range(20_000):
            assert writer.try_write(b"\x55" * 100)
            reader.read(timeout=LIMIT).release()
