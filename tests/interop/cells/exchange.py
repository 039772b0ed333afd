"""One writer and one reader, from start to clean end, and all that they must agree on. Owns the ordinary course of a pair."""

from dataclasses import dataclass
from typing import List, Sequence

from .bench import Bench, Report, agree, require
from .patterns import Digest, compare_digests, crc_text, read_digests
from .programs import Language


@dataclass(frozen=True)
class Exchange:
    """What both sides reported."""

    written: Report
    read: Report
    digests: List[Digest]


def exchange(
    bench: Bench,
    writer: Language,
    reader: Language,
    *,
    making: Sequence[object],
    writing: Sequence[object],
    reading: Sequence[object] = (),
    expected: Sequence[Digest],
    made_by_writer: bool = False,
) -> Exchange:
    """Sends frames from one to the other and compares what both say with each other and with what is expected.

    `making` are the options of whoever makes the buffer. Both digest every frame; the reader's other checks are its options.
    """
    name = bench.name()
    sent, seen = bench.file("sent"), bench.file("seen")
    write = ["write", name, "--checksum", "--digests", sent, *writing]
    read = ["read", name, "--checksum", "--digests", seen, *reading]
    if made_by_writer:
        source = bench.start(writer, *write, "--create", "--wait-readers", 1, *making)
        sink = bench.start(reader, *read)
    else:
        sink = bench.start(reader, *read, "--create", *making)
        source = bench.start(writer, *write)
    written, got = source.end(), sink.end()

    compare_digests(f"the writer ({writer.title})", read_digests(sent), expected)
    compare_digests(f"the reader ({reader.title})", read_digests(seen), expected)
    agree("frames", expected=len(expected), writer=written["frames"], reader=got["frames"])
    for field in ("bytes", "first_sequence", "last_sequence", "checksum", "metadata_size", "metadata_crc"):
        agree(field, writer=written[field], reader=got[field])
    agree("last sequence", expected=len(expected), reader=got["last_sequence"])
    agree("lost frames", expected=0, reader=got["lost"])
    agree("unread frames", expected=0, writer=written["unread"])
    require(got["seconds"] >= 0 and written["seconds"] >= 0, "a time is negative")
    return Exchange(written, got, read_digests(seen))


def expect_metadata(report: Report, metadata: bytes) -> None:
    agree("size of the metadata", expected=len(metadata), report=report["metadata_size"])
    agree("CRC of the metadata", expected=crc_text(metadata), report=report["metadata_crc"])
