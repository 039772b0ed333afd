"""Frames and rings of every size, and arguments that are none. Scenarios 2.1 to 2.9."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from peer import LIMIT

import zerobuffer
from zerobuffer import Reader, Writer

EDGES = [0, 1, 31, 32, 33, 63, 64, 65, 127, 128, 129, 1023, 1024, 1025]


def pattern(size, seed):
    return bytes((seed + i * 7) % 256 for i in range(min(size, 256))) * (size // 256 + 1)


def test_the_largest_frame_fits_a_drained_ring_wherever_it_stands(name):
    """Scenario 2.1, 2.5"""
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        largest = writer.info.max_frame_size
        assert largest >= 1000
        for step in range(2 * writer.info.capacity // 64):
            if not writer.try_write(pattern(largest, step)[:largest]):
                assert reader.try_read() is None, "the reader had caught up; this steps over the padding"
                assert writer.try_write(pattern(largest, step)[:largest])
            with reader.read(timeout=LIMIT) as frame:
                assert bytes(frame) == pattern(largest, step)[:largest]
            assert writer.try_write(b"a step")
            reader.read(timeout=LIMIT).release()


def test_one_byte_more_than_fits_is_refused_at_once(name):
    """Scenario 2.2"""
    with Reader(name, payload_size=1000), Writer.open(name, timeout=0) as writer:
        for call in (writer.claim, writer.try_claim):
            with pytest.raises(zerobuffer.FrameTooLargeError, match=str(writer.info.max_frame_size)):
                call(writer.info.max_frame_size + 1)
        with pytest.raises(zerobuffer.FrameTooLargeError):
            writer.write(bytes(writer.info.max_frame_size + 1))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.sampled_from(EDGES), st.integers(0, 3000)), max_size=60), st.integers(3000, 9000))
def test_frames_of_any_sizes_in_any_order_arrive_whole(name, sizes, payload_size):
    """Scenario 2.3, 2.4, 2.5"""
    with Reader(name, payload_size=payload_size) as reader, Writer.open(name, timeout=0) as writer:
        sent, got, last = [], [], 0
        for seed, size in enumerate(sizes):
            data = pattern(size, seed)[:size]
            stepped_over_padding = False
            while not writer.try_write(data):
                frame = reader.try_read()
                if frame is None:
                    assert not stepped_over_padding, "no room, and nothing to read"
                    stepped_over_padding = True
                    continue
                got.append(bytes(frame))
                last = frame.sequence
                frame.release()
            sent.append(data)
        while (frame := reader.try_read()) is not None:
            with frame:
                assert frame.sequence == last + 1
                last = frame.sequence
                got.append(bytes(frame))
        assert got == sent


def test_the_smallest_ring_and_metadata_of_every_edge(name):
    """Scenario 2.4"""
    for payload_size, metadata_size in [(1, 0), (1, 1), (777, 63), (4096, 64), (5000, 65)]:
        with (
            Reader(name, payload_size=payload_size, metadata_size=metadata_size) as reader,
            Writer.open(name, timeout=0) as writer,
        ):
            room = writer.info.metadata_size
            assert room >= metadata_size
            with pytest.raises(zerobuffer.MetadataTooLargeError):
                writer.write_metadata(bytes(room + 1))
            writer.write_metadata(pattern(room, 1)[:room])
            assert reader.metadata(timeout=LIMIT) == pattern(room, 1)[:room]
            assert writer.write(b"z" * payload_size)
            assert bytes(reader.read(timeout=LIMIT)) == b"z" * payload_size


def test_a_claim_shrunk_discarded_or_dropped_leaves_no_gap(name):
    """Scenario 2.6"""
    with Reader(name, payload_size=4096) as reader, Writer.open(name, timeout=0) as writer:
        with writer.claim(100) as slot:
            slot.data[:5] = b"short"
            slot.commit(5)
            assert not slot.open
        with pytest.raises(RuntimeError), writer.claim(100):
            raise RuntimeError
        slot = writer.claim(100)
        slot.discard()
        slot.discard()
        del slot
        forgotten = writer.claim(100)
        del forgotten
        with writer.claim(4, tag=9) as slot:
            assert len(slot) == slot.size == 4
            slot.data[:] = b"next"
        got = [(frame.sequence, bytes(frame), frame.tag) for frame in reader.read_many(10, timeout=LIMIT)]
        assert got == [(1, b"short", 0), (2, b"next", 9)]


def test_a_slot_does_what_it_may_and_nothing_else(name):
    with Reader(name, payload_size=4096) as reader, Writer.open(name, timeout=0) as writer:
        slot = writer.claim(10)
        with pytest.raises(zerobuffer.ClaimOpenError):
            writer.claim(10)
        with pytest.raises(zerobuffer.InvalidArgumentError):
            slot.commit(11)
        assert slot.open
        slot.commit(0)
        with pytest.raises(zerobuffer.HandleClosedError):
            slot.commit(0)
        with pytest.raises(zerobuffer.ReleasedError):
            memoryview(slot)
        assert len(reader.read(timeout=LIMIT)) == 0
        with pytest.raises(zerobuffer.HandleClosedError), writer.claim(10):
            writer.close()


def writes_large(channel, name, size):
    with Writer.open(name, timeout=LIMIT) as writer:
        for seed in range(3):
            with writer.claim(size) as slot:
                slot.data[:8] = slot.data[-8:] = seed.to_bytes(8, "little")


def test_a_frame_over_a_hundred_megabytes_crosses(name, start):
    """Scenario 2.7"""
    size = 110 << 20
    with Reader(name, payload_size=size) as reader:
        writer = start(writes_large, name, size)
        seeds = []
        for frame in reader:
            with frame:
                assert frame.size == size and frame.data[:8] == frame.data[-8:]
                seeds.append(frame.data[0])
        assert seeds == [0, 1, 2]
        writer.finish()


def test_metadata_alone_is_enough_and_comes_once(name):
    """Scenario 2.8"""
    with Reader(name, payload_size=1000) as reader:
        with Writer.open(name, timeout=0) as writer:
            writer.write_metadata(b"only this")
            with pytest.raises(zerobuffer.MetadataExistsError):
                writer.write_metadata(b"something else")
        assert reader.metadata(timeout=LIMIT) == b"only this"
        assert list(reader) == []


@pytest.mark.parametrize(
    "options",
    [
        {"payload_size": 0},
        {"payload_size": -1},
        {"payload_size": 1 << 50},
        {"payload_size": 1 << 64},
        {"metadata_size": 1 << 50},
        {"max_readers": 0},
        {"max_readers": 65},
        {"max_readers": 1 << 40},
        {"max_held": 0},
        {"max_held": 70_000},
        {"acknowledge_frames": 0},
        {"acknowledge_interval": -1.0},
        {"wait": "sometimes"},
        {"join": "never"},
        {"frame_size": 0},
        {"frame_size": 100, "payload_size": 100},
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(name, options):
    """Scenario 2.9"""
    with pytest.raises(zerobuffer.InvalidArgumentError) as caught:
        Reader(name, **options)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) > 10


@pytest.mark.parametrize("bad", ["", "a/b", "..", ".hidden", "a\0b", "x" * 300, "ä", "a b", "/a"])
def test_a_name_that_is_none_is_refused(bad):
    """Scenario 2.9"""
    with pytest.raises(zerobuffer.InvalidArgumentError):
        Reader(bad)
    with pytest.raises(zerobuffer.InvalidArgumentError):
        Writer.open(bad, timeout=0)


def test_numbers_out_of_range_are_told_with_their_range(name):
    with Reader(name, payload_size=1000), Writer.open(name, timeout=0) as writer:
        for arguments, text in (
            ({"type": -1}, r"type is -1; it must be 0 … 65535"),
            ({"type": 65536}, r"type is 65536; it must be 0 … 65535"),
            ({"tag": -1}, r"tag is -1; it must be 0 … 18446744073709551615"),
            ({"tag": 1 << 64}, r"tag is 18446744073709551616; it must be 0 …"),
        ):
            for call in (writer.write, writer.try_write):
                with pytest.raises(zerobuffer.InvalidArgumentError, match=text):
                    call(b"", **arguments)
            for claim in (writer.claim, writer.try_claim):
                with pytest.raises(zerobuffer.InvalidArgumentError, match=text):
                    claim(0, **arguments)
        for claim in (writer.claim, writer.try_claim):
            with pytest.raises(zerobuffer.InvalidArgumentError, match="size is -1; it must be 0 …"):
                claim(-1)
        assert writer.write(b"", type=65535, tag=(1 << 64) - 1)


def test_arguments_of_the_wrong_kind_are_type_errors(name):
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        for wrong in ("text", 5, None, object()):
            with pytest.raises(TypeError):
                writer.write(wrong)
            with pytest.raises(TypeError):
                writer.write(b"", type="text" if wrong == 5 else wrong)
            with pytest.raises(TypeError):
                writer.claim(1 if wrong == 5 else wrong, tag=1.5)
        with pytest.raises(TypeError):
            reader.read(timeout="soon")
        with pytest.raises(TypeError):
            reader.read_many(3, 1.0)
        with pytest.raises(TypeError):
            type(writer.batch())()
        with pytest.raises(TypeError):
            zerobuffer.Frame()
        with pytest.raises(TypeError):
            object.__new__(zerobuffer.Frame)
        with pytest.raises((BufferError, ValueError)):
            writer.write(memoryview(b"123456")[::2])


def test_a_ring_for_frames_holds_as_many_as_were_asked_for(name):
    with (
        Reader(name, frame_size=1000, in_flight=3) as reader,
        Writer.open(name, timeout=0) as writer,
    ):
        for _ in range(3):
            assert writer.try_write(bytes(1000))
        assert len(reader.read_many(10, timeout=LIMIT)) == 3
