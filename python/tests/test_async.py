"""Readers and writers in event loops: frames, ends, deaths, cancelling, closing, many at once, and nothing left behind."""

import asyncio
import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from peer import LIMIT

import zerobuffer
from zerobuffer import Reader, Writer


def run(coroutine):
    """asyncio.run() with an end to what hangs."""

    async def limited():
        return await asyncio.wait_for(coroutine, LIMIT)

    return asyncio.run(limited())


def waiter_threads():
    """How many threads of this process are the library's own."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        try:
            names.append((task / "comm").read_text().strip())
        except FileNotFoundError:  # it has just ended
            continue
    return names.count("zerobuffer-wait")


def descriptors():
    return len(os.listdir("/proc/self/fd"))


async def waits(task):
    """Lets the task run until it waits with the library."""
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done(), task


class Watch:
    """Counts how often other tasks of the loop get a turn."""

    def __init__(self):
        self.turns = 0
        self._task = asyncio.ensure_future(self._run())

    async def _run(self):
        while True:
            self.turns += 1
            await asyncio.sleep(0)

    def end(self):
        self._task.cancel()


# --- frames


def writes_frames(channel, name, count, pause):
    with Writer.open(name, timeout=LIMIT) as writer:
        for number in range(count):
            time.sleep(pause)
            writer.write(number.to_bytes(4, "little") * (1 + number % 50), type=200, tag=number)
    channel.say("written")


@pytest.mark.parametrize("count, pause", [(3, 0.1), (5000, 0)])
def test_async_for_gives_every_frame_and_ends_when_the_writer_has_closed(name, start, where, count, pause):
    async def read():
        number = 0
        with Reader(name, payload_size=10 << 10) as reader:
            writer = start(writes_frames, name, count, pause, where=where)
            async for frame in reader:
                with frame:
                    assert (frame.sequence, frame.type, frame.tag) == (number + 1, 200, number)
                    assert bytes(frame) == number.to_bytes(4, "little") * (1 + number % 50)
                number += 1
            assert number == count
            with pytest.raises(zerobuffer.PeerClosedError):
                await reader.read_async()
        assert writer.hear() == "written"
        writer.finish()

    run(read())


def reads_frames(channel, name, count):
    with Reader.open(name, timeout=LIMIT) as reader:
        channel.say("attached")
        for number in range(count):
            with reader.read(timeout=LIMIT) as frame:
                assert bytes(frame) == number.to_bytes(4, "little") * 100
        channel.say("read")


def test_write_async_waits_for_room_and_sends_every_frame(name, start, where):
    async def write():
        with Writer(name, payload_size=2000) as writer:
            reader = start(reads_frames, name, 1000, where=where)
            assert reader.hear() == "attached"
            for number in range(1000):
                assert await writer.write_async(number.to_bytes(4, "little") * 100)
            await asyncio.to_thread(writer.drain, LIMIT)
            assert reader.hear() == "read"
        reader.finish()

    run(write())


def test_a_reader_and_a_writer_are_two_tasks_of_one_loop(name):
    async def write():
        with Writer.open(name, timeout=0) as writer:
            await writer.write_async(b"bytes", type=130, tag=7)
            async with writer.claim_async(4, tag=8) as slot:
                slot.data[:] = b"slot"
            await writer.write_array_async(np.arange(6, dtype="<f4").reshape(2, 3))
            async with writer.claim_array_async((2, 2), "int16", order="F", timestamp_ns=5) as array:
                array[:] = [[1, 2], [3, 4]]

    async def read():
        got = []
        with Reader(name, payload_size=300) as reader:
            writing = asyncio.ensure_future(write())
            async for frame in reader:
                with frame:
                    if frame.sequence == 3:
                        assert frame.as_array().tolist() == [[0, 1, 2], [3, 4, 5]]
                    elif frame.sequence == 4:
                        assert frame.as_array().tolist() == [[1, 2], [3, 4]] and frame.timestamp_ns == 5
                    else:
                        got.append((bytes(frame), frame.type, frame.tag))
            await writing
        assert got == [(b"bytes", 130, 7), (b"slot", 0, 8)]

    run(read())


def test_metadata_async_waits_for_the_metadata_and_not_for_frames(name):
    async def read():
        with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
            assert await reader.metadata_async(timeout=0.01) is None
            waiting = asyncio.ensure_future(reader.metadata_async())
            await waits(waiting)
            writer.write_metadata(b"what it is")
            assert await waiting == b"what it is"
            assert await reader.metadata_async(timeout=0) == b"what it is"
        with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
            waiting = asyncio.ensure_future(reader.metadata_async())
            await waits(waiting)
            writer.write(b"a frame")
            await asyncio.sleep(0.2)
            assert not waiting.done()
            writer.close()
            with pytest.raises(zerobuffer.PeerClosedError):
                await waiting

    run(read())


# --- time


def test_timeouts_mean_what_they_mean_elsewhere(name):
    async def both():
        with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
            before = time.monotonic()
            assert await reader.read_async(timeout=0) is None
            assert await reader.read_async(timeout=0.05) is None
            assert await writer.write_async(bytes(1000))
            assert not await writer.write_async(bytes(1000), timeout=0)
            assert not await writer.write_async(bytes(1000), timeout=0.05)
            assert not await writer.write_array_async(np.zeros(900, "u1"), timeout=0.01)
            with pytest.raises(zerobuffer.ClaimTimeoutError):
                async with writer.claim_async(1000, timeout=0.05):
                    pass
            with pytest.raises(zerobuffer.ClaimTimeoutError):
                async with writer.claim_array_async((900,), timeout=0):
                    pass
            assert time.monotonic() - before >= 0.15
            for timeout in (-1, float("nan")):
                with pytest.raises(zerobuffer.InvalidArgumentError):
                    await writer.write_async(bytes(1000), timeout=timeout)
                with pytest.raises(zerobuffer.InvalidArgumentError):
                    await reader.metadata_async(timeout=timeout)
            assert writer.stats().frames == 1

    run(both())


def test_a_frame_that_can_never_fit_and_a_second_claim_are_refused(name):
    async def write():
        with Reader(name, payload_size=1000), Writer.open(name, timeout=0) as writer:
            with pytest.raises(zerobuffer.FrameTooLargeError):
                await writer.write_async(bytes(5000))
            async with writer.claim_async(10):
                with pytest.raises(zerobuffer.ClaimOpenError):
                    await writer.write_async(b"x")

    run(write())


def test_a_writer_that_drops_never_waits(name):
    async def write():
        with Reader(name, payload_size=1000), Writer.open(name, timeout=0, full="drop") as writer:
            assert await writer.write_async(bytes(1000))
            assert not await writer.write_async(bytes(1000))
            with pytest.raises(zerobuffer.FrameDroppedError):
                async with writer.claim_async(1000):
                    pass
            assert not await writer.write_array_async(np.zeros(900, "u1"))
            assert writer.stats().dropped == 3

    run(write())


def test_a_run_of_frames_and_a_run_of_room_leave_other_tasks_their_turn(name):
    async def both():
        with Reader(name, payload_size=100_000) as reader, Writer.open(name, timeout=0) as writer:
            watch = Watch()
            for _ in range(640):
                await writer.write_async(b"x")
            assert watch.turns >= 9
            before = watch.turns
            for _ in range(640):
                (await reader.read_async()).release()
            assert 9 <= watch.turns - before <= 40, "not at every frame"
            watch.end()

    run(both())


# --- ends


def writes_then_stays(channel, name, count):
    writer = Writer.open(name, timeout=LIMIT)
    for number in range(count):
        writer.write(bytes([number]) * 100)
    channel.say("there")
    channel.hear()


def test_a_killed_writers_frames_come_and_then_its_death_is_told_once(name, start):
    """Scenario 4.1"""

    async def read():
        with Reader(name, payload_size=1000) as reader:
            writer = start(writes_then_stays, name, 3)
            assert writer.hear() == "there"
            seen = []

            async def iterate():
                async for frame in reader:
                    seen.append(bytes(frame))
                    frame.release()

            reading = asyncio.ensure_future(iterate())
            await waits(reading)
            assert len(seen) == 3
            writer.kill()
            with pytest.raises(zerobuffer.PeerDeadError):
                await reading
            assert await reader.read_async(timeout=0.15) is None, "told once"
            with Writer.open(name, timeout=LIMIT) as successor:
                successor.write(b"goes on")
                assert bytes(await reader.read_async()) == b"goes on"

    run(read())


def attaches_then_stays(channel, name):
    reader = Reader.open(name, timeout=LIMIT)
    channel.say("attached")
    channel.hear()
    reader.close()


@pytest.mark.parametrize("end, error", [("kill", "PeerDeadError"), ("close", "PeerClosedError")])
def test_a_writer_without_room_learns_that_its_last_reader_is_gone(name, start, end, error):
    """Scenario 4.2"""

    async def write():
        with Writer(name, payload_size=1000) as writer:
            reader = start(attaches_then_stays, name)
            assert reader.hear() == "attached"
            assert await writer.write_async(bytes(1000))
            waiting = asyncio.ensure_future(writer.write_async(bytes(1000)))
            await waits(waiting)
            reader.kill() if end == "kill" else reader.say("close")
            with pytest.raises(getattr(zerobuffer, error)):
                await waiting
            if end == "close":
                reader.finish()

    run(write())


def test_a_reader_that_holds_what_the_writer_waits_for_is_told(name):
    """Scenario 3.5"""

    async def both():
        with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
            await writer.write_async(bytes(1000))
            held = await reader.read_async()
            writing = asyncio.ensure_future(writer.write_async(b"next"))
            await waits(writing)
            with pytest.raises(zerobuffer.HeldFramesBlockError):
                await reader.read_async()
            held.release()
            assert await writing

    run(both())


@pytest.mark.parametrize("elsewhere", [False, True])
def test_closing_ends_the_task_that_waits(name, elsewhere):
    async def both():
        reader = Reader(name, payload_size=1000)
        writer = Writer.open(name, timeout=0)
        assert await writer.write_async(bytes(1000))
        writing = asyncio.ensure_future(writer.write_async(bytes(1000)))
        await waits(writing)
        await asyncio.to_thread(writer.close) if elsewhere else writer.close()
        with pytest.raises(zerobuffer.HandleClosedError):
            await writing
        with Writer.open(name, timeout=0):
            (await reader.read_async()).release()
            reading = asyncio.ensure_future(reader.read_async())
            await waits(reading)
            await asyncio.to_thread(reader.close) if elsewhere else reader.close()
            with pytest.raises(zerobuffer.HandleClosedError):
                await reading
        for end in (reader.read_async(), reader.metadata_async(), writer.write_async(b"")):
            with pytest.raises(zerobuffer.HandleClosedError):
                await end

    run(both())


def test_interrupt_ends_the_wait_of_a_task(name):
    async def both():
        with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
            reading = asyncio.ensure_future(reader.read_async())
            await waits(reading)
            await asyncio.to_thread(reader.interrupt)
            with pytest.raises(zerobuffer.InterruptedWaitError):
                await reading
            writer.write(b"still there")
            assert bytes(await reader.read_async()) == b"still there"

    run(both())


# --- cancelling, and two at once


def test_cancelling_acts_at_once_and_loses_no_frame(name):
    async def read():
        with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
            for number in range(50):
                reading = asyncio.ensure_future(reader.read_async())
                await waits(reading)
                if number % 2:
                    writer.write(bytes([number]))  # the frame and the cancelling come together
                reading.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await reading
                if number % 2:
                    with await reader.read_async() as frame:
                        assert bytes(frame) == bytes([number])
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(reader.read_async(), 0.02)
            if sys.version_info >= (3, 11):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await reader.read_async()
            writer.write(b"last")
            with await asyncio.wait_for(reader.read_async(), LIMIT) as frame:
                assert (bytes(frame), frame.sequence) == (b"last", 26)

    run(read())


def test_a_cancelled_write_sent_nothing_and_a_cancelled_block_discards(name):
    async def write():
        with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
            await writer.write_async(bytes(1000))
            writing = asyncio.ensure_future(writer.write_async(b"never"))
            await waits(writing)
            writing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await writing
            (await reader.read_async()).release()

            async def fill():
                async with writer.claim_async(10):
                    await asyncio.sleep(LIMIT)

            filling = asyncio.ensure_future(fill())
            await waits(filling)
            filling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await filling
            await writer.write_async(b"next")
            assert bytes(await reader.read_async()) == b"next"
            assert writer.stats().frames == 2

    run(write())


def test_a_second_task_or_thread_is_refused_while_one_waits(name):
    async def both():
        with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
            reading = asyncio.ensure_future(reader.read_async())
            await waits(reading)
            for call in (reader.read_async(), reader.metadata_async(), asyncio.to_thread(reader.read)):
                with pytest.raises(zerobuffer.ConcurrentUseError):
                    await call
            assert reader.stats().frames == 0 and reader.peek_metadata() is None
            writer.write(bytes(1000))
            frame = await reading
            writing = asyncio.ensure_future(writer.write_async(b"x"))
            await waits(writing)
            for call in (writer.write_async(b"y"), asyncio.to_thread(writer.drain)):
                with pytest.raises(zerobuffer.ConcurrentUseError):
                    await call
            frame.release()
            assert await writing

    run(both())


def test_many_frames_arrive_whole_while_waits_are_cancelled_all_the_time(name):
    count = 2000

    def write():
        with Writer.open(name, timeout=LIMIT) as writer:
            for number in range(count):
                writer.write(number.to_bytes(4, "little"))
                if number % 7 == 0:
                    time.sleep(0.0005)

    async def read():
        number = 0
        with Reader(name, payload_size=10_000) as reader:
            thread = threading.Thread(target=write)
            thread.start()
            for attempt in itertools.count():
                if number == count:
                    break
                reading = asyncio.ensure_future(reader.read_async())
                for _ in range(attempt % 4):
                    await asyncio.sleep(0)
                reading.cancel()
                try:
                    frame = await reading
                except asyncio.CancelledError:
                    continue
                with frame:
                    assert int.from_bytes(bytes(frame), "little") == number
                number += 1
            with pytest.raises(zerobuffer.PeerClosedError):
                await reader.read_async()
            thread.join()

    run(read())


# --- many, and what is left


def writes_to_all(channel, name, buffers, frames):
    writers = [Writer.open(f"{name}-{number}", timeout=LIMIT) for number in range(buffers)]
    for number in range(frames):
        for writer in writers:
            writer.write(bytes([number]), timeout=LIMIT)
    for writer in writers:
        writer.close()
    channel.say("written")


def test_two_hundred_readers_wait_in_one_loop_on_two_threads_of_the_library(name, start):
    async def read_all(reader):
        seen = []
        async for frame in reader:
            with frame:
                seen.append(bytes(frame)[0])
        return seen

    async def read():
        readers = [Reader(f"{name}-{number}", payload_size=500) for number in range(200)]
        tasks = [asyncio.ensure_future(read_all(reader)) for reader in readers]
        await waits(tasks[-1])
        assert threading.active_count() == threads
        writer = start(writes_to_all, name, 200, 20)
        for seen in await asyncio.gather(*tasks):
            assert seen == list(range(20))
        assert waiter_threads() == 2, "127 readers each"
        for reader in readers:
            reader.close()
        assert writer.hear() == "written"
        writer.finish()

    threads = threading.active_count()
    run(read())


def test_several_loops_in_several_threads_wait_at_the_same_time(name):
    answers = {}

    def loop(number):
        async def exchange():
            with Reader(f"{name}-{number}", payload_size=500) as reader:

                async def write():
                    with Writer.open(f"{name}-{number}", timeout=0) as writer:
                        for value in range(300):
                            await writer.write_async(bytes([value % 256]) * 100)

                writing = asyncio.ensure_future(write())
                answers[number] = 0
                async for frame in reader:
                    with frame:
                        assert bytes(frame) == bytes([answers[number] % 256]) * 100
                    answers[number] += 1
                await writing

        run(exchange())

    threads = [threading.Thread(target=loop, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert answers == dict.fromkeys(range(4), 300)


def test_one_reader_may_go_from_one_loop_to_the_next(name):
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        for number in range(5):
            assert run(reader.read_async(timeout=0.01)) is None
            writer.write(bytes([number]))
            frame = run(reader.read_async())
            assert bytes(frame) == bytes([number])
            frame.release()
            assert reader.read(timeout=0.01) is None


def test_neither_descriptors_nor_threads_are_left(name):
    async def once():
        with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
            reading = asyncio.ensure_future(reader.read_async())
            await waits(reading)
            await writer.write_async(bytes(1000))
            (await reading).release()
            cancelled = asyncio.ensure_future(reader.read_async())
            await waits(cancelled)
            cancelled.cancel()
            closed = asyncio.ensure_future(reader.read_async())
            with pytest.raises(asyncio.CancelledError):
                await cancelled
            await waits(closed)
            reader.close()
            with pytest.raises(zerobuffer.HandleClosedError):
                await closed

    run(once())
    gc.collect()
    before = descriptors(), waiter_threads()
    for _ in range(20):
        run(once())
    gc.collect()
    assert (descriptors(), waiter_threads()) == before


def test_a_task_whose_loop_ended_leaves_the_reader_usable(name):
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        loop = asyncio.new_event_loop()
        coroutine = reader.read_async()
        task = loop.create_task(coroutine)
        loop.run_until_complete(asyncio.sleep(0.02))
        assert not task.done()
        loop.close()
        coroutine.close()  # as the garbage collector does
        task._log_destroy_pending = False
        del task
        writer.write(b"x")
        assert bytes(reader.read(timeout=LIMIT)) == b"x"


ALONE = """
import asyncio, os, sys, threading
import zerobuffer
name, how = sys.argv[1:]

def waiters():
    return sum(open(f"/proc/self/task/{task}/comm").read() == "zerobuffer-wait\\n" for task in os.listdir("/proc/self/task"))

async def main():
    reader = zerobuffer.Reader(name, payload_size=1000)
    writer = zerobuffer.Writer.open(name, timeout=0)
    before = len(os.listdir("/proc/self/fd"))
    writer.write(b"there already")
    (await reader.read_async()).release()
    assert waiters() == 0, "nothing had to be waited for"
    assert len(os.listdir("/proc/self/fd")) == before
    task = asyncio.ensure_future(reader.read_async())
    await asyncio.sleep(0.05)
    assert waiters() == 1 and threading.active_count() == 1
    assert len(os.listdir("/proc/self/fd")) == before + 1
    if how == "exit":
        sys.exit(7)
    if how == "fork":
        child = os.fork()
        if child == 0:
            try:
                reader.try_read()
            except zerobuffer.ForkedError:
                sys.exit(5)  # cancels what the parent waits for, in the child
            os._exit(6)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
        writer.write(b"after the fork")
        assert bytes(await task) == b"after the fork"
        sys.exit(7)

asyncio.run(main())
"""


@pytest.mark.parametrize("how", ["exit", "fork"])
def test_a_process_that_forks_or_exits_while_a_task_waits_ends_well(name, how):
    """Scenario 4.11"""
    done = subprocess.run(
        [sys.executable, "-c", ALONE, name, how], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert (done.returncode, done.stderr) == (7, "")


CTRL_C = """
import asyncio, sys
import zerobuffer

async def main():
    with zerobuffer.Reader(sys.argv[1], payload_size=1000) as reader:
        print("waiting", flush=True)
        await reader.read_async()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_ctrl_c_ends_a_loop_that_waits(name):
    """Scenario 4.12"""
    with subprocess.Popen([sys.executable, "-c", CTRL_C, name], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "waiting\n"
            time.sleep(0.15)
            process.send_signal(signal.SIGINT)
            said, _ = process.communicate(timeout=LIMIT)
        finally:
            process.kill()
    assert said == "interrupted\n"
