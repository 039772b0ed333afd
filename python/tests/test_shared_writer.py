"""Frames forwarded without a copy: where they lie, how long they stay, what happens where they cannot be shared.
Scenarios 7.1, 7.2 and 7.4."""

import gc
import pickle
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from peer import LIMIT
from test_holding import address, lies_in_the_segment
from test_threads import Call

import zerobuffer
from zerobuffer import Reader, SharedWriter, Writer


class Chain:
    """A writer, buffer A, a relay (reader and writer), buffer B, a reader."""

    def __init__(self, name, *, a=100_000, b=10_000, slots_a=2, slots_b=2, max_held=256):
        self.source = Reader(f"{name}-a", payload_size=a, share_slots=slots_a, max_held=max_held)
        self.writer = Writer.open(f"{name}-a", timeout=0)
        self.reader = Reader(f"{name}-b", payload_size=b, share_slots=slots_b)
        self.output = Writer.open(f"{name}-b", timeout=0)
        self.shared = SharedWriter(self.output, self.source)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for end in (self.shared, self.output, self.reader, self.writer, self.source):
            end.close()

    def relay(self, **options):
        return self.shared.forward(self.source.read(timeout=LIMIT), timeout=LIMIT, **options)


def test_a_forwarded_frame_lies_where_it_was_written(name):
    """Scenario 7.1"""
    with Chain(name) as chain:
        assert chain.shared.can_share and chain.shared.why_not == ""
        assert chain.output.info.share_slots == chain.writer.info.share_slots == 2
        for number in range(1, 21):
            chain.writer.write(bytes([number]) * 5000, type=130, tag=number)
            assert chain.relay() == "shared"
            with chain.reader.read(timeout=LIMIT) as frame:
                assert lies_in_the_segment(f"{name}-a", address(frame), 5000)
                assert (frame.sequence, frame.type, frame.tag, bytes(frame)) == (number, 130, number, bytes([number]) * 5000)
                assert memoryview(frame).readonly
        chain.writer.write(b"x" * 5000)
        chain.relay()
        with chain.reader.read(timeout=LIMIT):
            source, output = (zerobuffer.dump_state(f"{name}-{which}") for which in "ab")
            assert [pin.pinned_for for pin in source.pins if pin.holds] == [output.segment_id]
            assert [(each.name, each.segment_id) for each in output.sources] == [(source.name, source.segment_id)]
            assert output.records[-1].shared and output.records[-1].source_sequence == 21
        stats = chain.shared.stats()
        assert (stats.shared_frames, stats.shared_bytes, stats.copied_frames, stats.copied_bytes) == (21, 105_000, 0, 0)
        assert chain.reader.stats().shared_frames == 21 and chain.reader.stats().shared_copied_bytes == 0


def test_what_the_owner_of_the_source_changes_is_seen_through_the_chain(name):
    """Scenario 7.1"""
    with Chain(name) as chain:
        with chain.writer.claim(5000) as slot:
            view = np.asarray(slot)
            view[:] = 1
        assert chain.relay() == "shared"
        frame = chain.reader.read(timeout=LIMIT)
        view[17] = 99  # against the rules, for this test: the same bytes
        assert frame.data[17] == 99


def test_shared_frames_and_the_writers_own_are_mixed(name):
    chance = random.Random(3)
    with Chain(name) as chain:
        for number in range(300):
            data = bytes([number % 256]) * chance.randrange(4000)
            if chance.random() < 0.5:
                chain.writer.write(data, tag=number, timeout=LIMIT)
                chain.relay(type=200)
            else:
                chain.output.write(data, tag=number, type=200, timeout=LIMIT)
            with chain.reader.read(timeout=LIMIT) as frame:
                assert (frame.sequence, frame.tag, frame.type, bytes(frame)) == (number + 1, number, 200, data)
        assert chain.shared.stats().copied_frames <= 300


def test_the_source_cannot_overwrite_what_a_reader_of_the_output_still_looks_at(name):
    """Scenario 7.2"""
    with Chain(name, a=10_000) as chain:
        chain.writer.write(b"\xaa" * 5000)
        assert chain.relay() == "shared"
        frame = chain.reader.read(timeout=LIMIT)
        part = np.asarray(frame)[100:200]
        frame.release()
        del frame
        written = 0
        for _ in range(50):
            if not chain.writer.try_write(b"\x55" * 5000):
                break
            written += 1
            chain.source.read(timeout=LIMIT).release()
        assert written < 50, "there is no room for more as long as the slice lives"
        assert part.tolist() == [0xAA] * 100
        del part
        gc.collect()
        assert chain.writer.write(b"\x55" * 5000, timeout=LIMIT)


def test_a_frame_that_is_given_away_is_released_and_one_that_is_looked_at_is_not_given(name):
    with Chain(name) as chain:
        chain.writer.write(b"x" * 100)
        frame = chain.source.read(timeout=LIMIT)
        view = memoryview(frame)
        with pytest.raises(zerobuffer.InvalidArgumentError, match="view"):
            chain.shared.forward(frame)
        assert not frame.released and bytes(view) == b"x" * 100
        view.release()
        assert chain.shared.forward(frame) in ("shared", "copied")
        assert frame.released and frame.sequence == 1
        with pytest.raises(zerobuffer.ReleasedError):
            chain.shared.forward(frame)
        with pytest.raises(TypeError):
            chain.shared.forward(b"no frame")
        with pytest.raises(TypeError):
            pickle.dumps(chain.shared)


@pytest.mark.parametrize("slots_a, slots_b", [(0, 2), (2, 0), (0, 0)])
def test_where_nothing_can_be_shared_the_same_call_copies_and_says_so(name, slots_a, slots_b):
    """Scenario 7.4"""
    with Chain(name, slots_a=slots_a, slots_b=slots_b) as chain:
        assert not chain.shared.can_share and "share_slots" in chain.shared.why_not
        for number in range(10):
            chain.writer.write(bytes([number]) * 2000, tag=number)
            assert chain.relay() == "copied"
            with chain.reader.read(timeout=LIMIT) as frame:
                assert lies_in_the_segment(f"{name}-b", address(frame), 2000)
                assert (frame.tag, bytes(frame)) == (number, bytes([number]) * 2000)
        stats = chain.shared.stats()
        assert (stats.copied_frames, stats.copied_bytes, stats.shared_frames) == (10, 20_000, 0)


def test_an_anonymous_source_is_copied(name):
    """Scenario 7.4"""
    with (
        Reader.anonymous(payload_size=10_000) as source,
        Writer.from_fd(source.fileno()) as writer,
        Reader(name, payload_size=10_000, share_slots=1) as reader,
        Writer.open(name, timeout=0) as output,
        SharedWriter(output, source) as shared,
    ):
        assert not shared.can_share and shared.why_not
        writer.write(b"y" * 1000)
        assert shared.forward(source.read(timeout=LIMIT)) == "copied"
        assert bytes(reader.read(timeout=LIMIT)) == b"y" * 1000


def test_no_room_in_the_output_leaves_the_frame_as_it_was(name):
    with Chain(name, a=200_000, b=1000) as chain:
        frame = None
        with pytest.raises(zerobuffer.ClaimTimeoutError):
            for _ in range(100):
                chain.writer.write(b"z" * 500)
                frame = chain.source.read(timeout=LIMIT)
                chain.shared.forward(frame, timeout=0.01)
        assert not frame.released and bytes(frame) == b"z" * 500
        chain.reader.read(timeout=LIMIT).release()
        assert chain.shared.forward(frame, timeout=LIMIT) == "shared"


def test_closing_waits_for_the_readers_if_it_is_told_to(name):
    with Chain(name) as chain:
        chain.writer.write(b"x" * 5000)
        chain.relay()
        frame = chain.reader.read(timeout=LIMIT)
        assert chain.shared.stats().kept == 1
        closing = Call(chain.shared.close, linger=LIMIT)
        time.sleep(0.05)
        assert closing.is_alive()
        frame.release()
        assert closing.result() == 0
        assert chain.shared.closed and chain.shared.close() == 0 and not chain.shared.can_share
        assert chain.shared.stats().shared_frames == 1
        with pytest.raises(zerobuffer.HandleClosedError):
            chain.shared.forward(frame)
        chain.writer.write(b"y")
        assert chain.source.read(timeout=LIMIT) is not None, "reader and writer stay open"


def test_frames_that_were_given_up_are_told_as_lost_and_never_as_other_bytes(name):
    with Chain(name, a=10_000) as chain:
        for number in range(3):
            chain.writer.write(bytes([number]) * 2000)
            chain.relay()
        assert chain.shared.close() == 3
        for number in range(20):
            if not chain.writer.try_write(b"\xff" * 2000):
                break
            chain.source.read(timeout=LIMIT).release()
        chain.output.write(b"the last one")
        seen, lost = [], 0
        while True:
            try:
                frame = chain.reader.read(timeout=LIMIT)
            except zerobuffer.FrameLostError:
                lost += 1
                continue
            with frame:
                seen.append(bytes(frame))
            if seen[-1] == b"the last one":
                break
        assert lost + len(seen) == 4 and chain.reader.stats().lost == lost > 0
        assert all(data in [bytes([number]) * 2000 for number in range(3)] for data in seen[:-1])


INTERRUPTED = """
import sys
import zerobuffer
name = sys.argv[1]
source = zerobuffer.Reader(name + "-a", payload_size=100000, share_slots=1)
writer = zerobuffer.Writer.open(name + "-a")
reader = zerobuffer.Reader(name + "-b", payload_size=100, share_slots=1)
output = zerobuffer.Writer.open(name + "-b")
shared = zerobuffer.SharedWriter(output, source)
try:
    print("waiting", flush=True)
    for _ in range(100):
        writer.write(b"x" * 500)
        shared.forward(source.read())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_ends_the_wait_for_room(name):
    """Scenario 4.12"""
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED, name], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        process.wait()
    assert (said, process.returncode) == ("interrupted\n", 0)


def test_arrays_are_shared_with_their_descriptors(name):
    with Chain(name) as chain:
        array = np.arange(600, dtype="<f4").reshape(20, 30)
        with chain.writer.claim_array((20, 30), "float32", timestamp_ns=5) as room:
            room[:] = array
        frame = chain.source.read(timeout=LIMIT)
        described = frame.type == zerobuffer.ARRAY_FRAME_TYPE
        assert chain.shared.forward(frame) == "shared"
        with chain.reader.read(timeout=LIMIT) as frame:
            assert described and frame.as_array().tolist() == array.tolist() and frame.timestamp_ns == 5
