#!/usr/bin/env python3
"""What Python programs use between processes where they do not use ZeroBuffer, in the patterns of python_side.py. One process
that has its other side as a child, as multiprocessing wants it: obeys lines on standard input, answers each with a line of JSON.
Owns how each system is used, not how it is compared; knows nothing of ZeroBuffer.

    python_peers.py CPU                             CPU: where the child runs
    PATTERN_SYSTEM first NAME MILLISECONDS          NAME: a path that nobody else uses
"""

import ctypes
import json
import multiprocessing
import os
import signal
import sys
import time
from multiprocessing import shared_memory
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import numpy as np
import zmq

from python_message import (
    BETWEEN_LOOKS_AT_THE_CLOCK, MESSAGE_SIZE, PAGE, SHAPE, STOP, Answer, Image, look_at, messages_per_second, new_picture,
    pictures_per_second, put_word, read_word, sequence_word, stop_at, time_round_trips,
)

FRAME_SIZE = SHAPE[0] * SHAPE[1] * SHAPE[2]
RING_MESSAGES = (1 << 20) // MESSAGE_SIZE  # under way, as in our ring of 1 MiB
IN_FLIGHT = 3  # pictures
PR_SET_PDEATHSIG = 1
PROCESSES = multiprocessing.get_context("fork")


class End(NamedTuple):
    """One side of a system, as it is opened in its process."""

    send: Callable[[Any], object]  # a message or a picture; whatever has its bytes may be changed then
    receive: Callable[[], Any]  # the next one: bytes, or a picture
    release: Callable[[], object]  # what was received is not looked at any more
    close: Callable[[], object]


def nothing() -> None:
    pass


class Pipe:
    """multiprocessing.Pipe(): a Unix socket. Pictures are copied out into the same memory each time."""

    def __init__(self, _path: str, frames: bool) -> None:
        self.frames = frames
        self.ends = PROCESSES.Pipe()

    def open(self, first: bool) -> End:
        mine, others = self.ends if first else self.ends[::-1]
        others.close()
        if not self.frames:
            return End(mine.send_bytes, mine.recv_bytes, nothing, mine.close)
        image = new_picture()

        def receive() -> Image:
            mine.recv_bytes_into(image.data.cast("B"))
            return image

        return End(lambda picture: mine.send_bytes(picture.data.cast("B")), receive, nothing, mine.close)


class Queue:
    """multiprocessing.Queue(): objects, pickled by a thread of the sender's; so that each needs bytes of its own."""

    def __init__(self, _path: str, frames: bool) -> None:
        self.frames = frames
        self.queues = [PROCESSES.Queue(IN_FLIGHT if frames else RING_MESSAGES) for _ in range(2)]

    def open(self, first: bool) -> End:
        out, into = self.queues if first else self.queues[::-1]
        copy: Callable[[Any], Any] = bytes
        if self.frames:
            copy = np.copy

        def close() -> None:
            out.close()
            out.join_thread()

        return End(lambda message: out.put(copy(message)), into.get, nothing, close)


class SharedMemory:
    """multiprocessing.shared_memory: slots in turn, as many as our ring has room for, and two semaphores for each direction.
    Pictures by numpy, read in place or copied out into the same memory each time."""

    def __init__(self, path: str, frames: bool, copy_out: bool = False) -> None:
        self.frames, self.copy_out = frames, copy_out
        # of pictures one more than in flight: the one that is being written
        self.slots, self.slot_size = (IN_FLIGHT + 1, FRAME_SIZE) if frames else (RING_MESSAGES, MESSAGE_SIZE)
        size = self.slots * self.slot_size * (1 if frames else 2)  # pictures go one way only
        self.memory = shared_memory.SharedMemory(Path(path).name, create=True, size=size)
        np.frombuffer(self.memory.buf, np.uint8)[:] = 0
        self.free = [PROCESSES.Semaphore(self.slots) for _ in range(2)]
        self.full = [PROCESSES.Semaphore(0) for _ in range(2)]

    def open(self, first: bool) -> End:
        out, into = (0, 1) if first else (1, 0)
        np.frombuffer(self.memory.buf, np.uint8)[::PAGE].sum()  # maps every page now
        return self.open_frames(first) if self.frames else self.open_messages(out, into)

    def open_messages(self, out: int, into: int) -> End:
        data, size, total = self.memory.buf, MESSAGE_SIZE, self.slots * MESSAGE_SIZE
        out_free, out_full, in_free, in_full = self.free[out], self.full[out], self.free[into], self.full[into]
        out_at, in_at, out_base, in_base = 0, 0, out * total, into * total

        def send(message: bytearray) -> None:
            nonlocal out_at
            out_free.acquire()
            data[out_base + out_at : out_base + out_at + size] = message
            out_at = (out_at + size) % total
            out_full.release()

        def receive() -> bytes:
            nonlocal in_at
            in_full.acquire()
            message = bytes(data[in_base + in_at : in_base + in_at + size])
            in_at = (in_at + size) % total
            in_free.release()
            return message

        return End(send, receive, nothing, nothing)

    def open_frames(self, first: bool) -> End:
        slots: List[Image] = [np.ndarray(SHAPE, np.uint8, self.memory.buf, slot * FRAME_SIZE) for slot in range(self.slots)]
        free, full = self.free[0], self.full[0]
        mine = new_picture() if self.copy_out else None
        at = 0

        def send(picture: Image) -> None:
            nonlocal at
            free.acquire()
            np.copyto(slots[at % self.slots], picture)
            at += 1
            full.release()

        def receive() -> Image:
            nonlocal at
            full.acquire()
            slot = slots[at % self.slots]
            at += 1
            if mine is None:
                return slot
            np.copyto(mine, slot)
            free.release()
            return mine

        return End(send, receive, nothing if self.copy_out else free.release, nothing)

    def remove(self) -> None:
        self.memory.unlink()


class ZeroMQ:
    """pyzmq: a pair of PAIR sockets over ipc. What was received is read where the library has put it."""

    def __init__(self, path: str, frames: bool) -> None:
        self.address, self.frames = f"ipc://{path}.zmq", frames

    def open(self, first: bool) -> End:
        context = zmq.Context()
        socket = context.socket(zmq.PAIR)
        if self.frames:
            socket.set_hwm(IN_FLIGHT)
        if first:
            socket.bind(self.address)
        else:
            socket.connect(self.address)

        def receive_picture() -> Image:
            return np.frombuffer(socket.recv(copy=False).buffer, np.uint8)

        def close() -> None:
            socket.close(linger=30_000)
            context.term()

        receive: Callable[[], Any] = socket.recv
        if self.frames:
            receive = receive_picture
        return End(socket.send, receive, nothing, close)


SYSTEMS: Dict[str, Callable[..., Any]] = {
    "multiprocessing_pipe": Pipe, "multiprocessing_queue": Queue, "shared_memory": SharedMemory, "pyzmq": ZeroMQ,
}


def answer_round_trips(end: End, _milliseconds: int) -> None:
    while True:
        message = end.receive()
        end.send(message)
        if read_word(message)[0] == STOP:
            return


def ask(end: End, milliseconds: int) -> Answer:
    send, receive = end.send, end.receive

    def exchange(message: bytearray) -> int:
        send(message)
        return read_word(receive())[0]

    return time_round_trips(exchange, milliseconds)


def send_messages(end: End, milliseconds: int) -> None:
    send = end.send
    message = bytearray(MESSAGE_SIZE)
    until = stop_at(milliseconds)
    sequence = 0
    while time.perf_counter_ns() < until:
        for _ in range(BETWEEN_LOOKS_AT_THE_CLOCK):
            sequence += 1
            put_word(message, 0, sequence)
            send(message)
    put_word(message, 0, STOP)
    send(message)


def receive_messages(end: End, _milliseconds: int) -> Answer:
    receive = end.receive
    return messages_per_second(lambda: read_word(receive())[0])


def send_pictures(end: End, milliseconds: int) -> None:
    image = new_picture()
    word = sequence_word(image)
    until = stop_at(milliseconds)
    sequence = 0
    while sequence < 16 or time.perf_counter_ns() < until:
        sequence += 1
        word[0] = sequence
        end.send(image)
    word[0] = STOP
    end.send(image)


def receive_pictures(end: End, _milliseconds: int) -> Answer:
    def receive() -> int:
        image = end.receive()
        sequence = look_at(image)
        end.release()
        return sequence

    return pictures_per_second(receive)


class Pattern(NamedTuple):
    """What the process itself does, which measures, and its child; and how the system is made for that."""

    parent: Callable[[End, int], Answer]
    child: Callable[[End, int], None]
    options: Dict[str, bool]


PATTERNS = {
    "rtt64": Pattern(ask, answer_round_trips, {"frames": False}),
    "one_way64": Pattern(receive_messages, send_messages, {"frames": False}),
    "frame6m_read": Pattern(receive_pictures, send_pictures, {"frames": True}),
    "frame6m_copy": Pattern(receive_pictures, send_pictures, {"frames": True}),
}


def run_child(pattern: Pattern, system: Any, finished: Any, cpu: int, milliseconds: int) -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # a child that nobody waits for must not stay
    os.sched_setaffinity(0, {cpu})
    end = system.open(first=False)
    pattern.child(end, milliseconds)
    finished.acquire()  # what is closed too early may lose what it has sent
    end.close()


def measure(workload: str, path: str, milliseconds: int, cpu: int) -> Answer:
    name = next(name for name in PATTERNS if workload.startswith(f"{name}_"))
    pattern, system_name = PATTERNS[name], workload[len(name) + 1 :]
    options = {**pattern.options, "copy_out": True} if workload == "frame6m_copy_shared_memory" else pattern.options
    system = SYSTEMS[system_name](path, **options)
    finished = PROCESSES.Semaphore(0)
    child = PROCESSES.Process(target=run_child, args=(pattern, system, finished, cpu, milliseconds))

    def look_after_the_child(_signal: int, _frame: Optional[object]) -> None:
        if child.exitcode:
            raise SystemExit(f"the child of {workload} failed")

    child.start()
    signal.signal(signal.SIGCHLD, look_after_the_child)
    end = system.open(first=True)
    answer = pattern.parent(end, milliseconds)
    finished.release()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    end.close()
    child.join()
    if isinstance(system, SharedMemory):
        system.remove()
    return answer


def main() -> None:
    cpu = int(sys.argv[1])
    for line in sys.stdin:
        workload, _first, path, milliseconds = line.split()
        print(json.dumps(measure(workload, path, int(milliseconds), cpu)), flush=True)


if __name__ == "__main__":
    main()
