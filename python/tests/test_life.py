"""Life and death: killed, stopped, replaced, forked, left at exit. Scenarios 4.1 to 4.15 as far as Python can show them
from outside; the kills between single steps are the C++ tests' part."""

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time

import pytest
from peer import LIMIT

import zerobuffer
from zerobuffer import Reader, Writer


def writes_then_stays(channel, name, count, then):
    writer = Writer.open(name, timeout=LIMIT)
    for number in range(count):
        writer.write(bytes([number]) * 100)
    if then == "claim":
        slot = writer.claim(100)
        slot.data[:50] = b"h" * 50  # in the middle of the copy
    channel.say("there")
    if then == "wait":
        writer.drain()
        writer.write(bytes(900))
        writer.claim(1000)
    channel.hear()


@pytest.mark.parametrize("then, count", [("idle", 0), ("claim", 0), ("idle", 3), ("claim", 3), ("wait", 3)])
@pytest.mark.parametrize("wait", ["spin", "spin_then_block", "block"])
def test_a_killed_writers_frames_are_read_and_then_its_death_is_told_once(name, start, then, count, wait):
    """Scenario 4.1, 4.5"""
    with Reader(name, payload_size=1000, wait=wait) as reader:
        writer = start(writes_then_stays, name, count, then)
        assert writer.hear() == "there"
        writer.kill()
        seen = []
        with pytest.raises(zerobuffer.PeerDeadError):
            for frame in reader:
                seen.append(bytes(frame))
                frame.release()
        assert seen == [bytes([number]) * 100 for number in range(count)]
        assert reader.read(timeout=0.01) is None, "told once"


def test_a_death_ends_the_wait_of_a_reader_that_is_blocked(name, start):
    """Scenario 4.1"""
    with Reader(name, payload_size=1000) as reader:
        writer = start(writes_then_stays, name, 0, "idle")
        assert writer.hear() == "there"
        killer = threading.Timer(0.2, writer.kill)
        killer.start()
        with pytest.raises(zerobuffer.PeerDeadError):
            reader.read(timeout=LIMIT)
        killer.join()


def reads_then_stays(channel, name, count, join):
    reader = Reader.open(name, timeout=LIMIT, join=join)
    channel.say("attached")
    held = [reader.read(timeout=LIMIT) for _ in range(count)]
    channel.say([frame.sequence for frame in held])
    if channel.hear() == "close":
        reader.close()


def test_a_writer_learns_of_its_readers_death_while_it_is_blocked(name, start):
    """Scenario 4.2"""
    with Writer(name, payload_size=1000) as writer:
        reader = start(reads_then_stays, name, 1, "automatic")
        assert reader.hear() == "attached"
        writer.write(bytes(1000))
        assert reader.hear() == [1]
        reader.kill()
        with pytest.raises(zerobuffer.PeerDeadError):
            writer.write(bytes(1000), timeout=LIMIT)
        assert writer.forget_dead_readers() == 1
        assert writer.write(bytes(1000), timeout=LIMIT)


def test_other_readers_go_on_when_one_is_killed(name, start):
    """Scenario 4.2, 8.1"""
    with Writer(name, payload_size=1000, max_readers=2) as writer, Reader.open(name, timeout=0) as other:
        victim = start(reads_then_stays, name, 1, "automatic")
        assert victim.hear() == "attached"
        writer.write(bytes(1000))
        assert victim.hear() == [1]
        victim.kill()
        other.read(timeout=LIMIT).release()
        for _ in range(5):
            assert writer.write(bytes(1000), timeout=LIMIT)
            other.read(timeout=LIMIT).release()
        assert writer.stats().readers_lost == 1


def test_a_writer_is_replaced_and_the_sequence_goes_on(name, start):
    """Scenario 4.3"""
    with Reader(name, payload_size=10_000) as reader:
        first = start(writes_then_stays, name, 3, "claim")
        assert first.hear() == "there"
        first.kill()
        deadline = time.monotonic() + LIMIT
        while True:  # the death of the first is seen by its lock; the place is then taken over
            try:
                writer = Writer.open(name, timeout=0)
                break
            except zerobuffer.WriterExistsError:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        with writer:
            writer.write(b"from the second")
            frames = reader.read_many(10, timeout=LIMIT)
            assert [frame.sequence for frame in frames] == [1, 2, 3, 4]
            assert bytes(frames[3]) == b"from the second"
        with pytest.raises(zerobuffer.PeerClosedError):
            reader.read(timeout=LIMIT)
        with Writer.open(name, timeout=0) as third:
            third.write(b"from the third")
            assert [frame.sequence for frame in reader.read_many(10, timeout=LIMIT)] == [5]


def test_a_replaced_reader_begins_at_the_live_position_or_where_the_dead_one_was(name, start):
    """Scenario 4.4, 4.15"""
    with Writer(name, payload_size=10_000, max_readers=2) as writer:
        victim = start(reads_then_stays, name, 2, "automatic")
        assert victim.hear() == "attached"
        for number in range(1, 5):
            writer.write(bytes([number]))
        assert victim.hear() == [1, 2]
        victim.kill()
        with Reader.open(name, timeout=0, join="now") as late, Reader.open(name, timeout=0, join="resume") as heir:
            writer.write(b"\5")
            assert [frame.sequence for frame in heir.read_many(10, timeout=LIMIT)] == [1, 2, 3, 4, 5]
            assert heir.stats().lost == 0
            assert [frame.sequence for frame in late.read_many(10, timeout=LIMIT)] == [5]
            with pytest.raises((zerobuffer.NothingToResumeError, zerobuffer.TooManyReadersError)):
                Reader.open(name, timeout=0, join="resume")


def makes_and_writes(channel, name):
    with Reader(name, payload_size=1000), Writer.open(name, timeout=0) as writer:
        writer.write(b"never read")
        channel.say("there")
        channel.hear()


def test_a_buffer_whose_users_all_died_is_taken_over(name, start):
    """Scenario 4.5"""
    both = start(makes_and_writes, name)
    assert both.hear() == "there"
    with pytest.raises(zerobuffer.BufferExistsError):
        Reader(name, payload_size=1000)
    both.kill()
    assert zerobuffer.dump_state(name).stale
    with Reader(name, payload_size=2000) as reader, Writer.open(name, timeout=0) as writer:
        writer.write(b"new")
        frame = reader.read(timeout=LIMIT)
        assert (frame.sequence, bytes(frame)) == (1, b"new")


def writes_slowly(channel, name, count):
    with Writer.open(name, timeout=LIMIT) as writer:
        channel.say("there")
        for number in range(count):
            writer.write(bytes([number]))
            time.sleep(0.002)


@pytest.mark.parametrize("stopped", [1.0, 10.0])
def test_a_stopped_writer_is_not_dead(name, start, stopped):
    """Scenario 4.1, 4.6"""
    with Reader(name, payload_size=1000) as reader:
        writer = start(writes_slowly, name, 100)
        assert writer.hear() == "there"
        writer.signal(signal.SIGSTOP)
        seen = [frame.sequence for frame in reader.read_many(200, timeout=0.1)]
        assert reader.read(timeout=stopped) is None or len(seen) < 100
        writer.signal(signal.SIGCONT)
        gc.collect()
        last = reader.stats().frames
        for frame in reader:
            last += 1
            assert frame.sequence == last
        assert last == 100
        writer.finish()


def test_a_stopped_reader_is_neither_dead_nor_evicted(name, start):
    """Scenario 4.2, 4.6"""
    with Writer(name, payload_size=1000) as writer:
        reader = start(reads_then_stays, name, 3, "automatic")
        assert reader.hear() == "attached"
        reader.signal(signal.SIGSTOP)
        assert writer.write(bytes(1000))
        assert not writer.write(b"", timeout=1.0)
        assert writer.stats().readers == 1
        reader.signal(signal.SIGCONT)
        reader.kill()
        writer.forget_dead_readers()


def test_two_creators_at_once_and_exactly_one_wins(name, start):
    """Scenario 4.8"""
    for round_ in range(20):
        peers = [start(creates_at, f"{name}-{round_}", where=where) for where in ("thread", "thread")]
        for peer in peers:
            peer.say("go")
        said = [peer.hear() for peer in peers]
        for peer in peers:
            peer.say("end")
            peer.finish()
        assert sorted(said) == ["made", "told"]


def creates_at(channel, name):
    channel.hear()
    try:
        reader = Reader(name, payload_size=1000)
    except zerobuffer.BufferExistsError:
        channel.say("told")
        channel.hear()
        return
    channel.say("made")
    channel.hear()
    reader.close()


def test_opening_and_closing_leaks_nothing(name):
    """Scenario 4.9"""

    def used():
        gc.collect()
        with open("/proc/self/maps") as maps:
            return len(os.listdir("/proc/self/fd")), sum(name in line or "zerobuffer" in line for line in maps)

    def cycle():
        with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
            writer.write(b"x")
            array = reader.read_array(timeout=LIMIT)
            with writer.claim(10) as slot:
                view = memoryview(slot)
        del array, slot, view

    cycle()
    before = used()
    for _ in range(300):
        cycle()
    assert used() == before


EXITS = """
import atexit, sys, threading, time
ended = threading.Event()  # registered before the package, hence waited for after it has closed everything
atexit.register(lambda: how not in ("thread", "reader") or ended.wait(30))
import zerobuffer
name, how = sys.argv[1:]
def call_until_closed(call):
    try:
        call()
    except zerobuffer.HandleClosedError as error:
        print(type(error).__name__, file=sys.stderr, flush=True)
        ended.set()
writer = zerobuffer.Writer.open(name, timeout=30)
writer.write(b"last words")
kept = writer.claim(10) if how == "claim" else None
if how == "thread":
    largest = writer.info.max_frame_size
    threading.Thread(target=call_until_closed, args=[lambda: writer.claim(largest)], daemon=True).start()
    time.sleep(0.2)
elif how == "reader":
    own = zerobuffer.Reader.anonymous(payload_size=100)
    threading.Thread(target=call_until_closed, args=[own.read], daemon=True).start()
    time.sleep(0.2)
elif how == "exception":
    raise SystemExit(0)
elif how == "batch":
    writer.batch().__enter__()
    writer.write(b"in a batch")
elif how == "cycle":
    cycle = [writer]
    cycle.append(cycle)
    del writer
"""


@pytest.mark.parametrize("how", ["plain", "claim", "thread", "reader", "exception", "batch", "cycle"])
def test_a_process_that_exits_without_closing_is_no_dead_peer(name, how):
    """Scenario 4.10"""
    with Reader(name, payload_size=1000) as reader:
        process = subprocess.run(
            [sys.executable, "-c", EXITS, name, how], timeout=LIMIT, capture_output=True, text=True, check=False
        )
        assert process.returncode == 0
        if how in ("thread", "reader"):
            assert process.stderr == "HandleClosedError\n", "the daemon thread's call was ended"
        else:
            assert process.stderr == ""
        got = [bytes(frame) for frame in reader]
        assert got == [b"last words"] + ([b"in a batch"] if how == "batch" else [])


def in_the_child(name, reader, writer, frame, report):
    said = []
    for call in (
        lambda: reader.read(timeout=0),
        lambda: reader.try_read(),
        lambda: reader.metadata(timeout=0),
        lambda: writer.write(b"child"),
        lambda: writer.claim(5),
        lambda: writer.drain(timeout=0),
        lambda: writer.write_metadata(b"child"),
    ):
        try:
            call()
            said.append("worked")
        except zerobuffer.ForkedError:
            said.append("refused")
    said.append(bytes(frame).decode())
    frame.release()
    reader.interrupt()
    writer.stats()
    reader.close()
    writer.close()
    report.put(said)


def test_a_forked_child_is_refused_and_the_parent_unharmed(name):
    """Scenario 4.11"""
    fork = multiprocessing.get_context("fork")
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        writer.write(b"before")
        frame = reader.read(timeout=LIMIT)
        report = fork.Queue()
        child = fork.Process(target=in_the_child, args=(name, reader, writer, frame, report))
        child.start()
        said = report.get(timeout=LIMIT)
        child.join(LIMIT)
        assert child.exitcode == 0
        assert said == ["refused"] * 7 + ["before"]
        assert bytes(frame) == b"before" and reader.stats().held == 1
        frame.release()
        writer.write(b"after")
        assert bytes(reader.read(timeout=LIMIT)) == b"after"
        assert zerobuffer.dump_state(name).writer.presence == "attached"


def test_a_child_forked_while_another_thread_waits_can_still_end(name):
    """Scenario 4.11"""
    from test_threads import Call, in_use, wait_until

    with Reader(name, payload_size=1000) as reader:
        waiting = Call(reader.read, timeout=LIMIT)
        wait_until(lambda: in_use(reader))
        child = os.fork()
        if child == 0:
            try:
                reader.close()
                os._exit(7)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        with Writer.open(name, timeout=0) as writer:
            writer.write(b"to the parent")
            assert bytes(waiting.result()) == b"to the parent"


def opens_in_the_child(name, report):
    with Writer.open(name, timeout=LIMIT) as writer:
        report.put(writer.write(b"from the child"))


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_a_child_that_opens_the_buffer_itself_works(name, method):
    """Scenario 4.11"""
    context = multiprocessing.get_context(method)
    with Reader(name, payload_size=1000) as reader:
        report = context.Queue()
        child = context.Process(target=opens_in_the_child, args=(name, report))
        child.start()
        assert bytes(reader.read(timeout=LIMIT)) == b"from the child"
        assert report.get(timeout=LIMIT) is True
        child.join(LIMIT)
        assert child.exitcode == 0
        with pytest.raises(zerobuffer.PeerClosedError):
            reader.read(timeout=LIMIT)


def test_a_reader_cannot_be_sent_to_another_process(name):
    import pickle

    with Reader(name, payload_size=1000) as reader, pytest.raises(TypeError):
        pickle.dumps(reader)


def test_a_frame_is_never_read_with_a_successors_metadata(name):
    """Scenario 4.14"""
    import numpy as np

    with Reader(name, payload_size=10_000) as reader:
        with Writer.open(name, timeout=0) as first:
            first.write_array(np.arange(4, dtype="<i2"))
        with Writer.open(name, timeout=0) as second:
            with pytest.raises(zerobuffer.MetadataInUseError):
                second.write_metadata(b"other")
            second.write_array(np.ones((2, 2)))  # says itself what it is
            old, new = reader.read_many(2, timeout=LIMIT)
            assert old.as_array().tolist() == [0, 1, 2, 3] and old.as_array().dtype == "<i2"
            assert new.as_array().tolist() == [[1, 1], [1, 1]]
            del old, new
        with Writer.open(name, timeout=0) as third:
            third.write_array(np.zeros(3, "<f4"))
            assert reader.read_array(timeout=LIMIT).dtype == "<f4"
            assert reader.known_format() == zerobuffer.ArrayFormat("<f4", (3,))
