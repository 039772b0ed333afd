"""Threads and signals: one object in two threads, interrupt(), close() from elsewhere, Ctrl-C, the GIL. Scenario 4.12."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from peer import LIMIT

import zerobuffer
from zerobuffer import Reader, Writer


class Call(threading.Thread):
    """A call in another thread; result() gives what it returned, or raises what it raised."""

    def __init__(self, function, *arguments, **options):
        super().__init__(daemon=True)
        self._call = lambda: function(*arguments, **options)
        self._result = self._error = None
        self.start()

    def run(self):
        try:
            self._result = self._call()
        except BaseException as error:
            self._error = error

    def result(self):
        self.join(LIMIT)
        assert not self.is_alive(), "the call did not end"
        if self._error is not None:
            raise self._error
        return self._result


def wait_until(condition):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def in_use(end):
    """Whether another thread is inside a call of this reader or writer."""
    try:
        end.metadata(timeout=0) if isinstance(end, Reader) else end.drain(timeout=0)
    except zerobuffer.ConcurrentUseError:
        return True
    return False


def test_the_gil_is_free_while_a_reader_waits(name):
    with Reader(name, payload_size=1000) as reader:
        call = Call(reader.read, timeout=LIMIT)
        wait_until(lambda: in_use(reader))
        with Writer.open(name, timeout=0) as writer:
            writer.write(b"from this thread")
            assert bytes(call.result()) == b"from this thread"


def test_two_threads_in_one_object_are_refused_not_mixed_up(name):
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        waiting = Call(reader.read, timeout=LIMIT)
        wait_until(lambda: in_use(reader))
        for call in (reader.try_read, reader.read, reader.read_newest, lambda: next(reader), reader.metadata):
            with pytest.raises(zerobuffer.ConcurrentUseError):
                call()
        assert reader.stats().frames == 0
        writer.write(bytes(1000))
        frame = waiting.result()
        room = Call(writer.claim, 1000, timeout=LIMIT)
        wait_until(lambda: in_use(writer))
        for call in (lambda: writer.write(b""), lambda: writer.claim(1), lambda: writer.write_metadata(b"")):
            with pytest.raises(zerobuffer.ConcurrentUseError):
                call()
        assert writer.stats().frames == 1
        frame.release()
        room.result().discard()


@pytest.mark.parametrize("wait", ["spin", "spin_then_block", "block"])
def test_interrupt_ends_the_wait_of_another_thread_or_the_next_one(name, wait):
    with Reader(name, payload_size=1000, wait=wait) as reader, Writer.open(name, timeout=0, wait=wait) as writer:
        call = Call(reader.read)
        wait_until(lambda: in_use(reader))
        reader.interrupt()
        with pytest.raises(zerobuffer.InterruptedWaitError):
            call.result()
        reader.interrupt()
        with pytest.raises(zerobuffer.InterruptedWaitError):
            reader.read(timeout=LIMIT)
        assert reader.read(timeout=0.01) is None
        writer.write(bytes(1000))
        call = Call(writer.claim, 1000)
        wait_until(lambda: in_use(writer))
        writer.interrupt()
        with pytest.raises(zerobuffer.InterruptedWaitError):
            call.result()


def test_closing_while_another_thread_waits_ends_the_wait_first(name):
    reader = Reader(name, payload_size=1000)
    writer = Writer.open(name, timeout=0)
    reading = Call(reader.read)
    wait_until(lambda: in_use(reader))
    reader.close()
    with pytest.raises(zerobuffer.HandleClosedError):
        reading.result()
    with Reader.open(name, timeout=0, join="now"):
        writer.write(bytes(1000))
        claiming = Call(writer.claim, 1000)
        wait_until(lambda: in_use(writer))
        writer.close()
        with pytest.raises(zerobuffer.HandleClosedError):
            claiming.result()
        writer.interrupt()
        reader.interrupt()


def test_frames_are_released_while_another_thread_waits_in_their_reader(name):
    with Reader(name, payload_size=2000) as reader, Writer.open(name, timeout=0) as writer:
        writer.write(bytes(1000))
        frame = reader.read(timeout=LIMIT)
        waiting = Call(reader.read, timeout=LIMIT)
        wait_until(lambda: in_use(reader))
        array = np.asarray(frame)
        frame.release()
        del array, frame
        assert writer.drain(timeout=LIMIT)
        writer.write(b"done")
        assert bytes(waiting.result()) == b"done"


def test_arrays_are_looked_at_in_other_threads_while_the_reader_waits(name):
    """The format of a stream is found without the reader's own thread."""
    with Reader(name, payload_size=100_000) as reader, Writer.open(name, timeout=0) as writer:
        writer.write_array(np.arange(6, dtype="<f4").reshape(2, 3))
        frame = reader.read(timeout=LIMIT)
        waiting = Call(reader.read, timeout=LIMIT)
        wait_until(lambda: in_use(reader))
        assert frame.as_array().tolist() == [[0, 1, 2], [3, 4, 5]]
        writer.write(b"end")
        waiting.result()


def test_a_slot_dropped_while_another_thread_drains_is_discarded_afterwards(name):
    with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:
        writer.write(b"x")
        slots = [writer.claim(100)]
        draining = Call(writer.drain, timeout=LIMIT)
        wait_until(lambda: in_use(writer))
        with pytest.raises(zerobuffer.ConcurrentUseError):
            slots[0].commit()
        slots.clear()
        gc.collect()
        reader.read(timeout=LIMIT).release()
        assert draining.result()
        assert writer.write(b"goes on")


def test_both_ends_may_be_threads_of_one_process_under_load(name):
    count = 3000
    with Reader(name, payload_size=5000) as reader:

        def write():
            with Writer.open(name, timeout=LIMIT) as writer:
                for number in range(count):
                    writer.write(number.to_bytes(4, "little") * (number % 200))

        writing = Call(write)
        for number, frame in enumerate(reader):
            with frame:
                assert bytes(frame) == number.to_bytes(4, "little") * (number % 200)
        assert number == count - 1
        writing.result()


INTERRUPTED = """
import sys, threading, time
import zerobuffer
name, what, wait = sys.argv[1:]
reader = zerobuffer.Reader(name, payload_size=1000, wait=wait)
writer = zerobuffer.Writer.open(name, timeout=0, wait=wait)
if what in ("claim", "write", "drain", "close"):
    writer.write(bytes(1000))
calls = {
    "read": lambda: reader.read(),
    "iterate": lambda: [0 for _ in reader],
    "read_newest": lambda: reader.read_newest(),
    "metadata": lambda: reader.metadata(),
    "claim": lambda: writer.claim(1000),
    "write": lambda: writer.write(bytes(1000)),
    "drain": lambda: writer.drain(),
    "close": lambda: writer.close(linger=None),
    "wait_for_readers": lambda: zerobuffer.Writer(name + "b", payload_size=9).wait_for_readers(1),
    "open": lambda: zerobuffer.Writer.open(name + "c"),
}
try:
    print("waiting", flush=True)
    calls[what]()
except KeyboardInterrupt:
    print("interrupted", flush=True)
    if what == "close":
        assert writer.closed
"""


@pytest.mark.parametrize("wait", ["spin", "spin_then_block", "block"])
@pytest.mark.parametrize(
    "what",
    ["read", "iterate", "read_newest", "metadata", "claim", "write", "drain", "close", "wait_for_readers", "open"],
)
def test_ctrl_c_ends_every_wait(name, what, wait):
    """Scenario 4.12"""
    if wait != "spin_then_block" and what not in ("read", "claim"):
        wait = "spin_then_block"  # the way of waiting is the core's and the same for all
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, name, what, wait], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.15)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=LIMIT)
    finally:
        process.kill()
        process.wait()
    assert said == "interrupted\n"
    assert process.returncode == 0


def test_a_signal_that_raises_nothing_is_no_timeout(name):
    """Scenario 4.12"""
    seen = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
    try:
        with Reader(name, payload_size=1000) as reader, Writer.open(name, timeout=0) as writer:

            def disturb():
                for _ in range(5):
                    time.sleep(0.03)
                    os.kill(os.getpid(), signal.SIGUSR1)
                writer.write(b"at last")

            disturbing = Call(disturb)
            assert bytes(reader.read(timeout=LIMIT)) == b"at last"
            disturbing.result()
            assert len(seen) >= 1
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_a_signal_handler_that_raises_ends_the_wait_with_its_error(name):
    class Alarm(Exception):
        pass

    def ring(number, frame):
        raise Alarm

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with Reader(name, payload_size=1000) as reader:
            signal.setitimer(signal.ITIMER_REAL, 0.1)
            with pytest.raises(Alarm):
                reader.read()
            assert reader.read(timeout=0) is None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
