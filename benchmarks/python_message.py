"""What all sides in Python have in common, ours and the peers': the message, the picture, and how they are timed and checked.
The same numbers as in cpp/cli/bench/message.hpp. Must not know what carries them."""

import itertools
import struct
import time
from typing import Any, Callable, Dict, List, Tuple, cast

import numpy as np
import numpy.typing as npt

CONNECT = 30.0
MESSAGE_SIZE = 64
BETWEEN_LOOKS_AT_THE_CLOCK = 1024
SHAPE = (1080, 1920, 3)
PAGE = 4096
STOP = 1 << 62  # as a sequence: ends a loop
CURVE_SHARES = (0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1)

Image = npt.NDArray[np.uint8]
Sequences = npt.NDArray[np.uint64]
Answer = Dict[str, Any]  # the line with which a side answers: "value", and "latency" where single operations were timed


def stop_at(milliseconds: float) -> int:
    return time.perf_counter_ns() + int(milliseconds * 1_000_000)


def check(got: int, expected: int) -> None:
    if got != expected:
        raise SystemExit("a message came out of order or changed: the measurement is worthless")


WORD = struct.Struct("<Q")
put_word: Callable[..., None] = WORD.pack_into  # put_word(message, 0, sequence)
read_word = cast("Callable[..., Tuple[int]]", WORD.unpack_from)  # read_word(message)[0] is the sequence


def time_round_trips(exchange: Callable[[bytearray], int], milliseconds: int) -> Answer:
    """The median in nanoseconds. `exchange` sends a message and returns the sequence that came back. The first fifth of the
    time warms up."""
    times: List[int] = []
    message = bytearray(MESSAGE_SIZE)
    warm, end = stop_at(milliseconds / 5), stop_at(milliseconds)
    for sequence in itertools.count(1):
        last = bool(times) and time.perf_counter_ns() >= end
        put_word(message, 0, STOP if last else sequence)
        begin = time.perf_counter_ns()
        got = exchange(message)
        if begin >= warm:
            times.append(time.perf_counter_ns() - begin)
        if last:
            break
        check(got, sequence)
    return answer_of(times[:-1])


def answer_of(times: List[int]) -> Answer:
    p50, p99, p999 = (float(value) for value in np.quantile(times, (0.5, 0.99, 0.999)))
    curve = [[share, float(value)] for share, value in zip(CURVE_SHARES, np.quantile(times, CURVE_SHARES))]
    return {"value": p50, "latency": {"mean": float(np.mean(times)), "p50": p50, "p99": p99, "p999": p999, "curve": curve}}


def new_picture() -> Image:
    return np.full(SHAPE, 3, dtype=np.uint8)


def sequence_word(image: Image) -> Sequences:
    """The place in a picture for its sequence: stored just before it is sent."""
    word: Sequences = image.reshape(-1)[:8].view("<u8")
    return word


def look_at(image: Image) -> int:
    """One byte of each page, as somebody who reads a picture in place at least does. The picture's sequence."""
    data = image.reshape(-1)
    if int(data[::PAGE].sum(dtype=np.int64)) == 0:
        raise SystemExit("an empty picture came: the measurement is worthless")
    return int(data[:8].view("<u8")[0])


def messages_per_second(receive: Callable[[], int]) -> Answer:
    """Million messages per second, from the first arrival to the last. `receive` returns the sequence of the next one."""
    count = 1
    check(receive(), 1)
    begin = time.perf_counter_ns()
    while True:
        sequence = receive()
        if sequence == STOP:
            return {"value": count * 1e3 / (time.perf_counter_ns() - begin)}
        count += 1
        check(sequence, count)


def pictures_per_second(receive: Callable[[], int]) -> Answer:
    """GB/s, from the first arrival to the last, that of the end among them. `receive` returns the sequence of the next one."""
    rate = messages_per_second(receive)["value"]
    return {"value": rate * 1e6 * SHAPE[0] * SHAPE[1] * SHAPE[2] / 1e9}
