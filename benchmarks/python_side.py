#!/usr/bin/env python3
"""One side of a measurement in Python. Obeys lines on standard input, and answers each with a line of JSON: an object that
holds "value" where this side is the one that measured. Owns what is measured in Python, not how it is compared.

    WORKLOAD first|second NAME MILLISECONDS       NAME: of the buffers
"""

import itertools
import json
import statistics
import sys
import time
from typing import Callable, Dict, List, Optional

import numpy as np

from zerobuffer import DuplexClient, ImmutableDuplexServer, MutableDuplexServer, Reader, Request, Writer, _core

CONNECT = 30.0
SMALL_RING = 1 << 20
MESSAGE_SIZE = 64
SHAPE = (1080, 1920, 3)
PAGE = 4096
STOP = 1 << 62  # as a sequence: ends a loop
FRAMES_WAITING = 200  # of the workload read_release


def stop_at(milliseconds: int) -> int:
    return time.perf_counter_ns() + milliseconds * 1_000_000


def await_reader(writer: Writer) -> None:
    if not writer.wait_for_readers(1, timeout=CONNECT):
        raise SystemExit("the other side did not come")


def check(got: int, expected: int) -> None:
    if got != expected:
        raise SystemExit("a message came out of order or changed: the measurement is worthless")


def sequence_of(data: memoryview) -> int:
    return int.from_bytes(data[:8], "little")


def time_round_trips(exchange: Callable[[bytearray], int], milliseconds: int) -> float:
    """The median in nanoseconds. `exchange` sends a message and returns the sequence that came back. The first fifth of the
    time warms up."""
    times: List[int] = []
    message = bytearray(MESSAGE_SIZE)
    warm, end = stop_at(milliseconds // 5), stop_at(milliseconds)
    for sequence in itertools.count(1):
        last = bool(times) and time.perf_counter_ns() >= end
        message[:8] = (STOP if last else sequence).to_bytes(8, "little")
        begin = time.perf_counter_ns()
        got = exchange(message)
        if begin >= warm:
            times.append(time.perf_counter_ns() - begin)
        if last:
            break
        check(got, sequence)
    return statistics.median(times)


def ask(name: str, milliseconds: int) -> float:
    with Writer(f"{name}.request", payload_size=SMALL_RING) as request:
        with Reader(f"{name}.response", payload_size=SMALL_RING) as response:
            await_reader(request)

            def exchange(message: bytearray) -> int:
                request.write(message)
                frame = response.read()
                assert frame is not None
                with frame:
                    return sequence_of(frame.data)

            return time_round_trips(exchange, milliseconds)


def answer(name: str, _milliseconds: int) -> None:
    with Reader.open(f"{name}.request", timeout=CONNECT) as request:
        with Writer.open(f"{name}.response", timeout=CONNECT) as response:
            for frame in request:
                with frame:
                    message = bytes(frame.data)
                response.write(message)
                if sequence_of(memoryview(message)) == STOP:
                    return


def call(name: str, milliseconds: int) -> float:
    """call64 and call64_in_place."""
    with DuplexClient.open(name, timeout=CONNECT) as client:

        def exchange(message: bytearray) -> int:
            with client.call(message) as response:
                data = response.data
                check(int.from_bytes(data[8:16], "little"), answered(sequence_of(data)))
                return sequence_of(data)

        return time_round_trips(exchange, milliseconds)


def answered(sequence: int) -> int:
    """What a server puts into the second word of its answer, so that nobody takes a request for one."""
    return sequence ^ 0xFFFFFFFFFFFFFFFF


def serve_calls(name: str, _milliseconds: int) -> None:
    with ImmutableDuplexServer(name) as server:

        def handler(request: Request) -> bytearray:
            message = bytearray(request.data)
            sequence = sequence_of(memoryview(message))
            message[8:16] = answered(sequence).to_bytes(8, "little")
            if sequence == STOP:
                server.interrupt()
            return message

        server.serve(handler)


def serve_calls_in_place(name: str, _milliseconds: int) -> None:
    with MutableDuplexServer(name) as server:

        def handler(request: Request) -> None:
            data = request.bytes
            sequence = sequence_of(data)
            data[8:16] = answered(sequence).to_bytes(8, "little")
            if sequence == STOP:
                server.interrupt()

        server.serve(handler)


def send_messages(name: str, milliseconds: int, batch: int) -> None:
    with Writer(name, payload_size=SMALL_RING) as writer:
        await_reader(writer)
        message = bytearray(MESSAGE_SIZE)
        end = stop_at(milliseconds)
        sequence = 0
        while time.perf_counter_ns() < end:
            for _ in range(1024 // batch):
                if batch == 1:
                    sequence += 1
                    message[:8] = sequence.to_bytes(8, "little")
                    writer.write(message)
                    continue
                with writer.batch():
                    for _ in range(batch):
                        sequence += 1
                        message[:8] = sequence.to_bytes(8, "little")
                        writer.write(message)
        message[:8] = STOP.to_bytes(8, "little")
        writer.write(message)
        writer.close(linger=CONNECT)


def receive_messages(name: str, _milliseconds: int) -> float:
    """Million messages per second, from the first arrival to the last."""
    count = begin = 0
    with Reader.open(name, timeout=CONNECT) as reader:
        for frame in reader:
            with frame:
                sequence = sequence_of(frame.data)
            begin = begin or time.perf_counter_ns()
            if sequence == STOP:
                break
            count += 1
            check(sequence, count)
    return (count - 1) * 1e3 / (time.perf_counter_ns() - begin)


def send_frames(name: str, milliseconds: int) -> None:
    """frame6m_read: numpy pictures, copied in by write_array."""
    image = np.full(SHAPE, 3, dtype=np.uint8)
    sequence_in_image = image.reshape(-1)[:8].view("<u8")
    with Writer(name, frame_size=image.nbytes) as writer:
        await_reader(writer)
        end = stop_at(milliseconds)
        sequence = 0
        while sequence < 16 or time.perf_counter_ns() < end:
            sequence += 1
            sequence_in_image[0] = sequence
            writer.write_array(image)
        sequence_in_image[0] = STOP
        writer.write_array(image)
        writer.close(linger=CONNECT)


def receive_frames(name: str, _milliseconds: int) -> float:
    """GB/s, from the first arrival to the last. Read in place, a byte of each page looked at."""
    count = begin = size = total = 0
    with Reader.open(name, timeout=CONNECT) as reader:
        for frame in reader:
            with frame:
                image = frame.as_array().reshape(-1)
                sequence = int(image[:8].view("<u8")[0])
                total += int(image[::PAGE].sum(dtype=np.int64))
                size = image.nbytes
                del image
            begin = begin or time.perf_counter_ns()
            if sequence == STOP:
                break
            count += 1
            check(sequence, count)
    assert total > 0
    return count * size / (time.perf_counter_ns() - begin)  # those after the first one, that of the end among them


def nanoseconds_per_call(call: Callable[[], None]) -> float:
    begin = time.perf_counter_ns()
    for _ in range(FRAMES_WAITING):
        call()
    return (time.perf_counter_ns() - begin) / FRAMES_WAITING


def read_release(_name: str, milliseconds: int) -> float:
    """What `read` and `release` of a waiting frame cost beyond a call that does nothing, in nanoseconds: each the least of
    many rounds, in turns, in one process. The frames are waiting: nobody sleeps."""
    costs: List[float] = []
    floors: List[float] = []
    with Reader.anonymous(payload_size=SMALL_RING) as reader, Writer.from_fd(reader.fileno()) as writer:

        def read_and_release() -> None:
            frame = reader.read()
            assert frame is not None
            frame.release()

        def nothing() -> None:
            _core.do_nothing()

        end = stop_at(milliseconds)
        while not costs or time.perf_counter_ns() < end:
            for _ in range(FRAMES_WAITING):
                writer.write(b"x" * MESSAGE_SIZE)
            costs.append(nanoseconds_per_call(read_and_release))
            floors.append(nanoseconds_per_call(nothing))
    return min(costs) - min(floors)


Side = Callable[[str, int], Optional[float]]
SIDES: Dict[str, Dict[str, Side]] = {
    "rtt64": {"first": ask, "second": answer},
    "stream64": {"first": lambda name, time: send_messages(name, time, 1), "second": receive_messages},
    "stream64_batch16": {"first": lambda name, time: send_messages(name, time, 16), "second": receive_messages},
    "frame6m_read": {"first": send_frames, "second": receive_frames},
    "call64": {"first": call, "second": serve_calls},
    "call64_in_place": {"first": call, "second": serve_calls_in_place},
    "read_release": {"first": read_release},
}


def main() -> None:
    for line in sys.stdin:
        workload, role, name, milliseconds = line.split()
        value = SIDES[workload][role](name, int(milliseconds))
        print(json.dumps({} if value is None else {"value": value}), flush=True)


if __name__ == "__main__":
    main()
