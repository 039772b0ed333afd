#!/usr/bin/env python3
"""One side of a measurement in Python. Obeys lines on standard input, and answers each with a line of JSON: an object that
holds "value" where this side is the one that measured. Owns what is measured in Python, not how it is compared.

    WORKLOAD first|second NAME MILLISECONDS       NAME: of the buffers
"""

import json
import sys
import time
from typing import Any, Callable, Dict, Optional

import numpy as np

from python_message import (
    BETWEEN_LOOKS_AT_THE_CLOCK, CONNECT, MESSAGE_SIZE, STOP, WORD, Answer, Image, Sequences, check, look_at, messages_per_second,
    new_picture, pictures_per_second, put_word, read_word, sequence_word, stop_at, time_round_trips,
)
from zerobuffer import DuplexClient, ImmutableDuplexServer, MutableDuplexServer, Reader, Request, Writer

SMALL_RING = 1 << 20
IN_A_CALL = 1024  # messages of the workload stream64_batch
NUMBERS = np.arange(IN_A_CALL, dtype=np.uint64)
FRAMES_WAITING = 200  # of the single costs


def await_reader(writer: Writer) -> None:
    if not writer.wait_for_readers(1, timeout=CONNECT):
        raise SystemExit("the other side did not come")


def ask(name: str, milliseconds: int) -> Answer:
    with Writer(f"{name}.request", payload_size=SMALL_RING) as request:
        with Reader(f"{name}.response", payload_size=SMALL_RING) as response:
            await_reader(request)

            def exchange(message: bytearray) -> int:
                request.write(message)
                frame = response.read()
                assert frame is not None
                with frame:
                    return read_word(frame)[0]

            return time_round_trips(exchange, milliseconds)


def answer(name: str, _milliseconds: int) -> None:
    with Reader.open(f"{name}.request", timeout=CONNECT) as request:
        with Writer.open(f"{name}.response", timeout=CONNECT) as response:
            for frame in request:
                with frame:
                    message = bytes(frame.data)
                response.write(message)
                if read_word(message)[0] == STOP:
                    return


def call(name: str, milliseconds: int) -> Answer:
    """call64 and call64_in_place."""
    with DuplexClient.open(name, timeout=CONNECT) as client:

        def exchange(message: bytearray) -> int:
            with client.call(message) as response:
                sequence = read_word(response)[0]
                check(read_word(response, 8)[0], answered(sequence))
                return sequence

        return time_round_trips(exchange, milliseconds)


def answered(sequence: int) -> int:
    """What a server puts into the second word of its answer, so that nobody takes a request for one."""
    return sequence ^ 0xFFFFFFFFFFFFFFFF


def serve_calls(name: str, _milliseconds: int) -> None:
    with ImmutableDuplexServer(name) as server:

        def handler(request: Request) -> bytearray:
            message = bytearray(request.data)
            sequence = read_word(message)[0]
            put_word(message, 8, answered(sequence))
            if sequence == STOP:
                server.interrupt()
            return message

        server.serve(handler)


def serve_calls_in_place(name: str, _milliseconds: int) -> None:
    with MutableDuplexServer(name) as server:

        def handler(request: Request) -> None:
            data = request.bytes
            sequence = read_word(data)[0]
            put_word(data, 8, answered(sequence))
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
            for _ in range(BETWEEN_LOOKS_AT_THE_CLOCK // batch):
                if batch == 1:
                    sequence += 1
                    put_word(message, 0, sequence)
                    writer.write(message)
                    continue
                with writer.batch():
                    for _ in range(batch):
                        sequence += 1
                        put_word(message, 0, sequence)
                        writer.write(message)
        put_word(message, 0, STOP)
        writer.write(message)
        writer.close(linger=CONNECT)


def receive_messages(name: str, _milliseconds: int) -> Answer:
    with Reader.open(name, timeout=CONNECT) as reader:
        frames = iter(reader)

        def receive() -> int:
            with next(frames) as frame:
                return read_word(frame)[0]

        return messages_per_second(receive)


def send_batches(name: str, milliseconds: int) -> None:
    """Messages as rows of a numpy array, many with one call. The stop sequence is the last one of a call."""
    batch = np.ones((IN_A_CALL, MESSAGE_SIZE // WORD.size), np.uint64)
    sequences = batch[:, 0]
    sequences[:] = NUMBERS + np.uint64(1)
    with Writer(name, payload_size=SMALL_RING) as writer:
        await_reader(writer)
        end = stop_at(milliseconds)
        while time.perf_counter_ns() < end:
            check(writer.write_messages(batch), IN_A_CALL)
            sequences += IN_A_CALL
        sequences[-1] = STOP
        check(writer.write_messages(batch), IN_A_CALL)
        writer.close(linger=CONNECT)


def receive_batches(name: str, _milliseconds: int) -> Answer:
    """Million messages per second, from the first arrival to the last."""
    room = np.empty((IN_A_CALL, MESSAGE_SIZE // WORD.size), np.uint64)
    sequences = room[:, 0]
    with Reader.open(name, timeout=CONNECT) as reader:
        first = count = reader.read_messages(room)
        begin = time.perf_counter_ns()
        check_all(sequences[:count], 1)
        while True:
            came = reader.read_messages(room)
            last = sequences[came - 1] == STOP
            check_all(sequences[: came - 1 if last else came], count + 1)
            count += came
            if last:
                return {"value": (count - first) * 1e3 / (time.perf_counter_ns() - begin)}


def check_all(got: Sequences, expected: int) -> None:
    if not np.array_equal(got - np.uint64(expected), NUMBERS[: len(got)]):
        check(0, 1)


def send_pictures(name: str, milliseconds: int) -> None:
    """frame6m_read and frame6m_copy: numpy pictures, copied in by write_array."""
    image = new_picture()
    word = sequence_word(image)
    with Writer(name, frame_size=image.nbytes) as writer:
        await_reader(writer)
        end = stop_at(milliseconds)
        sequence = 0
        while sequence < 16 or time.perf_counter_ns() < end:
            sequence += 1
            word[0] = sequence
            writer.write_array(image)
        word[0] = STOP
        writer.write_array(image)
        writer.close(linger=CONNECT)


def receive_pictures(name: str, copy_out: bool) -> Answer:
    """Read in place, or copied out into the same memory each time."""
    mine: Optional[Image] = new_picture() if copy_out else None
    with Reader.open(name, timeout=CONNECT) as reader:
        frames = iter(reader)

        def receive() -> int:
            with next(frames) as frame:
                if mine is None:
                    return look_at(frame.as_array())
                np.copyto(mine, frame.as_array())
            return look_at(mine)

        return pictures_per_second(receive)


def least_cost(read_waiting: Callable[[Reader], None], write: Callable[[Writer], object], milliseconds: int) -> Answer:
    """Nanoseconds of one frame, read and given back, in one process: the least of many rounds. The frames are waiting: nobody
    sleeps."""
    least = 0
    with Reader.anonymous(payload_size=SMALL_RING) as reader, Writer.from_fd(reader.fileno()) as writer:
        end = stop_at(milliseconds)
        while not least or time.perf_counter_ns() < end:
            for _ in range(FRAMES_WAITING):
                write(writer)
            begin = time.perf_counter_ns()
            read_waiting(reader)
            taken = time.perf_counter_ns() - begin
            least = min(least or taken, taken)
    return {"value": least / FRAMES_WAITING}


def read_and_release(reader: Reader) -> None:
    read: Callable[[], Any] = reader.read
    for _ in range(FRAMES_WAITING):
        read().release()


def read_arrays(reader: Reader) -> None:
    read_array = reader.read_array
    for _ in range(FRAMES_WAITING):
        read_array()  # nobody keeps it: that gives it back


def read_release(_name: str, milliseconds: int) -> Answer:
    message = b"x" * MESSAGE_SIZE
    return least_cost(read_and_release, lambda writer: writer.write(message), milliseconds)


def read_array(_name: str, milliseconds: int) -> Answer:
    image = np.ones((4, 16), np.uint8)
    return least_cost(read_arrays, lambda writer: writer.write_array(image), milliseconds)


Side = Callable[[str, int], Optional[Answer]]
SIDES: Dict[str, Dict[str, Side]] = {
    "rtt64": {"first": ask, "second": answer},
    "stream64": {"first": lambda name, time: send_messages(name, time, 1), "second": receive_messages},
    "stream64_batch16": {"first": lambda name, time: send_messages(name, time, 16), "second": receive_messages},
    "stream64_batch": {"first": send_batches, "second": receive_batches},
    "frame6m_read": {"first": send_pictures, "second": lambda name, _time: receive_pictures(name, copy_out=False)},
    "frame6m_copy": {"first": send_pictures, "second": lambda name, _time: receive_pictures(name, copy_out=True)},
    "call64": {"first": call, "second": serve_calls},
    "call64_in_place": {"first": call, "second": serve_calls_in_place},
    "read_release": {"first": read_release},
    "read_array": {"first": read_array},
}


def main() -> None:
    for line in sys.stdin:
        workload, role, name, milliseconds = line.split()
        print(json.dumps(SIDES[workload][role](name, int(milliseconds)) or {}), flush=True)


if __name__ == "__main__":
    main()
