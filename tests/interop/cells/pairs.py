"""Streams from every language to every language: each byte, metadata, types and tags, sizes, wraps, who comes first."""

import random
from typing import List

from .bench import Bench, agree, require
from .cell import PAIRS, Group
from .exchange import exchange, expect_metadata
from .patterns import Digest, content, crc_text
from .programs import Language

pairs = Group("pairs", "Streams: writer → reader", PAIRS)

SEED = 0xDEADBEEF12345678
CAPACITY = 65_536 + 64  # that of a buffer of 64k: docs and protocol/SPEC.md, chapter 6
LARGEST = CAPACITY - 32


def frames_of(pattern: str, sizes: List[int], frames: int, *, type: int = 0, tag: int = 0, seed: int = SEED) -> List[Digest]:
    return [
        Digest.of(content(pattern, sequence, sizes[(sequence - 1) % len(sizes)], seed), sequence, type, tag)
        for sequence in range(1, frames + 1)
    ]


def size_list(sizes: List[int]) -> str:
    return ",".join(str(size) for size in sizes)


@pairs.scenario("2,000 frames of noise, each byte verified", "9.1", "1.2", short=True)
def stream(bench: Bench, writer: Language, reader: Language) -> None:
    options = ["--seed", SEED, "--size", 1024]
    exchange(
        bench, writer, reader,
        making=["--buffer-size", "256k"],
        writing=["--frames", 2000, "--pattern", "random", *options],
        reading=["--verify", "random", *options],
        expected=frames_of("random", [1024], 2000),
    )  # fmt: skip


@pairs.scenario("large frames, the writer makes the buffer", "9.1", "1.8")
def stream_large(bench: Bench, writer: Language, reader: Language) -> None:
    exchange(
        bench, writer, reader,
        making=["--buffer-size", "8m"],
        writing=["--frames", 30, "--size", "1000001"],
        reading=["--verify", "sequential", "--size", "1000001", "--frames", 30],
        expected=frames_of("sequential", [1_000_001], 30),
        made_by_writer=True,
    )  # fmt: skip


@pairs.scenario("all zeros, then all ones", "9.1")
def stream_plain(bench: Bench, writer: Language, reader: Language) -> None:
    for pattern in ("zeros", "ones"):
        exchange(
            bench, writer, reader,
            making=["--buffer-size", "64k"],
            writing=["--frames", 100, "--pattern", pattern],
            reading=["--verify", pattern, "--size", 1024],
            expected=frames_of(pattern, [1024], 100),
        )  # fmt: skip


@pairs.scenario("metadata of text, of exactly the block, of none", "9.1", "1.1", "2.4", short=True)
def metadata(bench: Bench, writer: Language, reader: Language) -> None:
    text = "{ \"of\": \"the application\" } äöü €"
    whole = bytes(random.Random(4).randbytes(4096))
    file = bench.file("metadata")
    file.write_bytes(whole)
    three = frames_of("sequential", [1024], 3)
    done = exchange(
        bench, writer, reader, making=["--buffer-size", "64k"],
        writing=["--frames", 3, "--metadata", text], reading=["--expect-metadata", text], expected=three,
    )  # fmt: skip
    expect_metadata(done.read, text.encode())
    done = exchange(
        bench, writer, reader, making=["--buffer-size", "64k"],
        writing=["--frames", 3, "--metadata-file", file], expected=three, made_by_writer=True,
    )  # fmt: skip
    expect_metadata(done.read, whole)
    done = exchange(bench, writer, reader, making=["--buffer-size", "64k", "--metadata-size", 0], writing=["--frames", 3], expected=three)
    agree("no metadata", expected=None, size=done.read["metadata_size"], crc=done.read["metadata_crc"])


@pairs.scenario("metadata and no frame", "2.8", "4.10")
def metadata_only(bench: Bench, writer: Language, reader: Language) -> None:
    empty = bench.file("empty")
    empty.write_bytes(b"")
    done = exchange(
        bench, writer, reader, making=["--buffer-size", "64k"],
        writing=["--input", empty, "--metadata", "alone"], reading=["--expect-metadata", "alone"], expected=[],
    )  # fmt: skip
    expect_metadata(done.read, b"alone")


@pairs.scenario("types and tags, the largest too", "9.1", short=True)
def types_and_tags(bench: Bench, writer: Language, reader: Language) -> None:
    for type, tag in ((0, 2**64 - 1), (128, 2**63), (65_535, 1)):
        exchange(
            bench, writer, reader, making=["--buffer-size", "64k"],
            writing=["--frames", 5, "--type", type, "--tag", tag], reading=["--verify", "sequential"],
            expected=frames_of("sequential", [1024], 5, type=type, tag=tag),
        )  # fmt: skip
    tagged = [Digest(one.sequence, 200, one.sequence, one.size, one.crc) for one in frames_of("random", [333], 50)]
    exchange(
        bench, writer, reader, making=["--buffer-size", "64k"],
        writing=["--frames", 50, "--size", 333, "--pattern", "random", "--seed", SEED, "--type", "0xc8", "--tag=sequence"],
        reading=["--verify", "random", "--seed", SEED, "--verify-by", "tag"], expected=tagged,
    )  # fmt: skip


@pairs.scenario("0 … 65 bytes and powers of two ±1 up to the capacity", "2.3", "2.1", short=True)
def sizes(bench: Bench, writer: Language, reader: Language) -> None:
    edges = {0, 1, 31, 32, 33, 63, 64, 65, LARGEST - 1, LARGEST}
    edges |= {2**power + step for power in range(17) for step in (-1, 0, 1)}
    rising = sorted(size for size in edges if size <= LARGEST)
    mixed = rising * 2
    random.Random(f"{writer}{reader}").shuffle(mixed)
    all_sizes = rising + rising[::-1] + mixed
    exchange(
        bench, writer, reader,
        making=["--buffer-size", "64k"],
        writing=["--frames", len(all_sizes), "--pattern", "random", "--seed", SEED, "--size", size_list(all_sizes)],
        reading=["--verify", "random", "--seed", SEED, "--size", size_list(all_sizes)],
        expected=frames_of("random", all_sizes, len(all_sizes)),
    )  # fmt: skip


@pairs.scenario("a ring a hundred times smaller than the stream", "1.6", "2.5", "9.1")
def wrap(bench: Bench, writer: Language, reader: Language) -> None:
    mixed = random.Random(f"{reader}{writer}").choices(range(5000), k=97)
    name_of_sizes = size_list(mixed)
    exchange(
        bench, writer, reader,
        making=["--buffer-size", "10k"],
        writing=["--frames", 500, "--size", name_of_sizes],
        reading=["--verify", "sequential", "--size", name_of_sizes],
        expected=frames_of("sequential", mixed, 500),
    )  # fmt: skip


@pairs.scenario("the smallest ring", "2.4")
def smallest_ring(bench: Bench, writer: Language, reader: Language) -> None:
    exchange(
        bench, writer, reader,
        making=["--buffer-size", 1, "--metadata-size", 1],
        writing=["--frames", 100, "--size", "0..32", "--metadata", "m"],
        reading=["--verify", "sequential", "--size", "0..32", "--expect-metadata", "m"],
        expected=frames_of("sequential", list(range(33)), 100),
    )  # fmt: skip


@pairs.scenario("batches, some larger than the ring", "9.1")
def batches(bench: Bench, writer: Language, reader: Language) -> None:
    exchange(
        bench, writer, reader,
        making=["--buffer-size", "16k"],
        writing=["--frames", 333, "--size", "100,200,300", "--batch", 50, "--pattern", "random"],
        reading=["--verify", "random", "--size", "100,200,300"],
        expected=frames_of("random", [100, 200, 300], 333, seed=1),
    )  # fmt: skip


@pairs.scenario("frames that are held do not change", "3.1")
def holding(bench: Bench, writer: Language, reader: Language) -> None:
    exchange(
        bench, writer, reader,
        making=["--buffer-size", "32k"],
        writing=["--frames", 300, "--size", "1..2000"],
        reading=["--verify", "sequential", "--size", "1..2000", "--hold", 5, "--frames", 300],
        expected=frames_of("sequential", list(range(1, 2001)), 300),
    )  # fmt: skip


@pairs.scenario("fifty frames before the reader starts", "1.4")
def burst(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    source = bench.start(writer, "write", name, "--create", "--buffer-size", "1m", "--frames", 50, "--metadata", "early")
    bench.until_frames(name, 50)
    got = bench.start(reader, "read", name, "--verify", "sequential", "--expect-metadata", "early").end()
    agree("frames", expected=50, reader=got["frames"], last=got["last_sequence"], writer=source.end()["frames"])


@pairs.scenario("a slow reader holds the writer back", "1.5", "1.3")
def slow_reader(bench: Bench, writer: Language, reader: Language) -> None:
    done = exchange(
        bench, writer, reader,
        making=["--buffer-size", "8k"],
        writing=["--frames", 60, "--size", 2000],
        reading=["--verify", "sequential", "--delay-us", 5000],
        expected=frames_of("sequential", [2000], 60),
    )  # fmt: skip
    require(done.written["blocked_count"] > 0 and done.written["blocked_seconds"] > 0, "the writer never waited for room")


@pairs.scenario("the reader comes first, the writer half a second later, and the other way round", "1.8")
def one_side_late(bench: Bench, writer: Language, reader: Language) -> None:
    for writer_first in (False, True):
        name = bench.name()
        write: List[object] = ["write", name, "--create", "--frames", 20, "--buffer-size", "64k", "--wait-readers", 1]
        read: List[object] = ["read", name, "--verify", "sequential"]
        sides = [(writer, write), (reader, read)]
        language, words = sides.pop(0 if writer_first else 1)
        first = bench.start(language, *words)
        bench.pause(0.5)
        language, words = sides.pop()
        second = bench.start(language, *words)
        agree("frames", expected=20, first=first.end()["frames"], second=second.end()["frames"])


@pairs.scenario("a file goes through unchanged", "9.1")
def file_through(bench: Bench, writer: Language, reader: Language) -> None:
    source, target = bench.file("source"), bench.file("target")
    data = random.Random(9).randbytes(7 * 4096)
    source.write_bytes(data)
    exchange(
        bench, writer, reader,
        making=["--buffer-size", "64k"],
        writing=["--input", source, "--size", "4k"],
        reading=["--output", target],
        expected=[Digest.of(data[4096 * at : 4096 * (at + 1)], at + 1) for at in range(7)],
    )  # fmt: skip
    agree("CRC of the file", source=crc_text(data), target=crc_text(target.read_bytes()))
