"""One writer and many readers. Scenario 8.1."""

import time

import pytest
from peer import LIMIT

import zerobuffer
from zerobuffer import Reader, Writer


def sums_up(channel, name, count, pause):
    with Reader.open(name, timeout=LIMIT, max_held=8) as reader:
        channel.say("attached")
        sequences, total = [], 0
        for frame in reader:
            with frame:
                sequences.append(frame.sequence)
                total += sum(frame.data)
            time.sleep(pause)
        channel.say([sequences == list(range(1, count + 1)), total])


@pytest.mark.parametrize("readers", [1, 4, 16])
def test_each_of_many_readers_sees_every_frame(name, start, where, readers):
    """Scenario 8.1"""
    if where == "process":
        readers = min(readers, 4)
    count = 200
    with Writer(name, payload_size=2000, max_readers=readers) as writer:
        peers = [start(sums_up, name, count, 0.003 * (number == 0), where=where) for number in range(readers)]
        for peer in peers:
            assert peer.hear() == "attached"
        assert writer.wait_for_readers(readers, timeout=LIMIT)
        for number in range(count):
            assert writer.write(bytes([number % 256]) * (number % 300), timeout=LIMIT)
    expected = sum(number % 256 * (number % 300) for number in range(count))
    for peer in peers:
        assert peer.hear() == [True, expected]
        peer.finish()


def test_a_late_reader_begins_now_or_with_the_oldest_frame(name):
    """Scenario 8.1"""
    with Writer(name, payload_size=10_000, max_readers=3) as writer, Reader.open(name, timeout=0) as first:
        for number in range(3):
            writer.write(bytes([number]))
        with Reader.open(name, timeout=0) as now, Reader.open(name, timeout=0, join="oldest") as oldest:
            writer.write(b"\3")
            assert [frame.sequence for frame in now.read_many(9, timeout=LIMIT)] == [4]
            assert [frame.sequence for frame in oldest.read_many(9, timeout=LIMIT)] == [1, 2, 3, 4]
            assert [frame.sequence for frame in first.read_many(9, timeout=LIMIT)] == [1, 2, 3, 4]
            with pytest.raises(zerobuffer.TooManyReadersError):
                Reader.open(name, timeout=0)
            with pytest.raises(zerobuffer.InvalidArgumentError):
                writer.wait_for_readers(4, timeout=0)
            assert writer.stats().readers == 3


def test_a_reader_that_closes_no_longer_holds_the_others_back(name):
    """Scenario 8.1"""
    with Writer(name, payload_size=1000, max_readers=2) as writer, Reader.open(name, timeout=0) as stays:
        leaves = Reader.open(name, timeout=0)
        writer.write(bytes(1000))
        stays.read(timeout=LIMIT).release()
        assert not writer.try_write(bytes(1000))
        leaves.close()
        assert writer.write(bytes(1000), timeout=LIMIT)
