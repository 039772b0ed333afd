"""The same mistake ends with the same exit code in every language: of one program alone, and of one beside another's buffer."""

import json
import re
import shutil
import signal
import subprocess
from typing import List

import zerobuffer

from .bench import LIMIT, SHM, Bench, agree, require
from .cell import EACH, PAIRS, Group
from .programs import (
    CLOSED_EARLY,
    CORRUPT,
    IN_USE,
    INTERRUPTED,
    NO_SPACE,
    NOT_FOUND,
    OK,
    REFUSED,
    ROOT,
    SHORT_FRAME,
    TERMINATED,
    TIMEOUT,
    UNREAD,
    USAGE,
    VERIFICATION_FAILED,
    Language,
    command_of,
    environment,
)

shared_mistakes = Group("shared_mistakes", "Mistakes beside another: writer → reader", PAIRS)
own_mistakes = Group("own_mistakes", "Each program alone", EACH)

VECTORS = ROOT / "protocol/vectors"
README = ROOT / "relay/README.md"
MAKE_OUTPUT = ("--create-output", "--buffer-size", "64k")


# --- beside another ---------------------------------------------------------------------------------------------------------


@shared_mistakes.scenario("a second writer; the first goes on", "1.7", "9.1", short=True)
def second_writer(bench: Bench, writer: Language, reader: Language) -> None:
    """Here the second column is the language of the second writer."""
    name = bench.name()
    first = bench.start(writer, "write", name, "--create", "--buffer-size", "64k", "--wait-readers", 1, "--frames", 10)
    bench.until_state(name, lambda state: state.writer.presence == "attached", "the first writer is there")
    bench.start(reader, "write", name, "--frames", 10, code=IN_USE).end()
    bench.start(reader, "write", name, "--create", "--frames", 10, code=IN_USE).end()
    got = bench.start(reader, "read", name, "--verify", "sequential").end()
    agree("frames", expected=10, first_writer=first.end()["frames"], reader=got["frames"])


@shared_mistakes.scenario("a reader too many; the first goes on", "1.7", "9.1")
def reader_too_many(bench: Bench, writer: Language, reader: Language) -> None:
    """Here the first column is the language of the reader that came first, and of the writer."""
    name = bench.name()
    first = bench.start(writer, "read", name, "--create", "--buffer-size", "64k", "--verify", "sequential")
    bench.until_state(name, lambda state: bool(state.readers), "the first reader is there")
    bench.start(reader, "read", name, code=IN_USE).end()
    written = bench.start(writer, "write", name, "--frames", 10).end()
    agree("frames", expected=10, writer=written["frames"], reader=first.end()["frames"])


@shared_mistakes.scenario("a frame, and metadata, that never fit", "2.2", "2.4", "9.1")
def too_large(bench: Bench, writer: Language, reader: Language) -> None:
    for mistake in (["--size", "1m"], ["--metadata", "m" * 101], ["--array", "<f8:1000x1000"]):
        name = bench.name()
        sink = bench.start(reader, "read", name, "--create", "--buffer-size", "64k", "--metadata-size", 100)
        written = bench.start(writer, "write", name, "--frames", 2, *mistake, code=NO_SPACE).end()
        agree("frames", expected=0, writer=written["frames"], reader=sink.end()["frames"])


@shared_mistakes.scenario("other bytes, another size, other metadata than expected", "9.1")
def other_than_expected(bench: Bench, writer: Language, reader: Language) -> None:
    expectations: List[List[object]] = [
        ["--verify", "random", "--seed", 2],
        ["--verify", "zeros"],
        ["--verify", "random", "--size", "1024,1025"],
        ["--expect-metadata", "other"],
    ]
    for expectation in expectations:
        name = bench.name()
        sink = bench.start(reader, "read", name, "--create", "--buffer-size", "1m", "--max-readers", 2, *expectation, code=VERIFICATION_FAILED)
        keeper = bench.start(reader, "read", name)  # so that what the writer sees does not depend on when the other ends
        written = bench.start(writer, "write", name, "--wait-readers", 2, "--frames", 20, "--pattern", "random", "--metadata", "this").end()
        agree("frames", expected=20, writer=written["frames"], keeper=keeper.end()["frames"])
        sink.end()


@shared_mistakes.scenario("fewer frames than asked for", "4.10", "9.1")
def fewer_frames(bench: Bench, writer: Language, reader: Language) -> None:
    name = bench.name()
    data = bench.file("data")
    data.write_bytes(b"z" * 2500)
    sink = bench.start(reader, "read", name, "--create", "--buffer-size", "64k", "--frames", 3, code=CLOSED_EARLY)
    written = bench.start(writer, "write", name, "--input", data, "--size", 1000, code=SHORT_FRAME).end()
    agree("frames", expected=2, writer=written["frames"], reader=sink.end()["frames"])


# --- alone ------------------------------------------------------------------------------------------------------------------


@own_mistakes.scenario("the defaults are those of the table, and every verb explains itself", "9.1", short=True)
def defaults(bench: Bench, language: Language) -> None:
    def printed(*arguments: str) -> str:
        done = subprocess.run([*command_of(language), *arguments], capture_output=True, text=True, timeout=LIMIT, env=environment())
        agree(f"exit code of {' '.join(arguments)}", expected=OK, program=done.returncode)
        return done.stdout

    chapter = README.read_text(encoding="utf-8").split("\n## Defaults\n")[1].split("\n## ")[0]
    table = dict(re.findall(r"^\| `(\w+)` \| `?(\w+)`? \|$", chapter, re.MULTILINE))
    expected = {key: int(value) if value.isdigit() else value for key, value in table.items()}
    require(len(expected) >= 20, "the table of defaults in relay/README.md was not found")
    agree("defaults", readme=expected, program=json.loads(printed("--defaults")))
    for verb in ("relay", "write", "read"):
        text = printed(verb, "--help")
        for option in ("--buffer-size", "--timeout-ms", "--json", "--transform" if verb == "relay" else "--checksum"):
            require(option in text, f"{verb} --help does not name {option}")
    for verb, option in (("serve", "--in-place"), ("call", "--in-flight")):
        require(option in printed(verb, "--help"), f"{verb} --help does not name {option}")
    text = printed("--help")
    require(all(verb in text for verb in ("relay", "write", "read", "serve", "call")), "--help does not name the verbs")


@own_mistakes.scenario("wrong arguments", "2.9", short=True)
def wrong_arguments(bench: Bench, language: Language) -> None:
    name = bench.name()
    mistakes: List[List[str]] = [
        [],
        ["copy"],
        ["read"],
        ["write"],
        ["relay", "--input", name],
        ["relay", "--input", name, "--output", name],
        ["relay", "--input", name, "--output", name + "-b", "--transform", "rot13"],
        ["relay", "--input", name, "--output", name + "-b", "--xor-key", "256"],
        ["read", name, "--no-such-option"],
        ["read", name, "--frames"],
        ["serve"],
        ["serve", name, "--lanes", "0"],
        ["serve", name, "--lanes", "1025"],
        ["serve", name, "--request-size", "0"],
        ["call", name],
        ["call", name, "--frames", "5", "--in-flight", "2", "--threads", "2"],
        ["relay", "--input", name, "--output", name + "-b", "--share", "--transform", "xor"],
        ["read", name, "--frames", "-1"],
        ["read", name, "--frames", "ten"],
        ["read", name, "--verify", "noise"],
        ["read", name, "--join", "somewhere"],
        ["read", name, "--verify-by", "size"],
        ["read", "a/b", "--create"],
        ["read", "", "--create"],
        ["read", ".." , "--create"],
        ["read", "n" * 300, "--create"],
        ["read", name, "--create", "--buffer-size", "0"],
        ["read", name, "--create", "--buffer-size", "5x"],
        ["read", name, "--create", "--max-readers", "65"],
        ["read", name, "--create", "--max-readers", "0"],
        ["write", name, "--create", "--type", "65536"],
        ["write", name, "--create", "--tag", "-1"],
        ["write", name, "--create", "--size", "9..3"],
        ["write", name, "--create", "--pattern", "noise"],
        ["write", name, "--create", "--array", "<f3:2"],
        ["write", name, "--create", "--array", "<f4:2x-1"],
        ["write", name, "--create", "--array", "f4"],
    ]  # fmt: skip
    for words in mistakes:
        running = bench.start(language, *words, code=USAGE)
        running.wait()
        require(running.err.read_text() != "" or running.out.read_text() != "", f"nothing explains the mistake in {words}")


@own_mistakes.scenario("no buffer of this name, nothing to resume", "1.8", "2.9")
def no_buffer(bench: Bench, language: Language) -> None:
    short = ["--timeout-ms", 200]
    bench.start(language, "read", bench.name(), *short, code=NOT_FOUND).end()
    bench.start(language, "write", bench.name(), *short, code=NOT_FOUND).end()
    bench.start(language, "call", bench.name(), "--frames", 1, *short, code=NOT_FOUND).end()
    report = bench.start(language, "relay", "--input", bench.name(), "--output", bench.name(), *MAKE_OUTPUT, *short, code=NOT_FOUND).end()
    agree("side", expected="input", relay=report["side"])
    name = bench.name()
    with zerobuffer.Writer(name, payload_size=4096):
        report = bench.start(language, "relay", "--input", name, "--output", bench.name(), *short, code=NOT_FOUND).end()
        agree("side", expected="output", relay=report["side"])
        bench.start(language, "read", name, "--join", "resume", *short, code=NOT_FOUND).end()


@own_mistakes.scenario("nothing comes in time", "1.8")
def nothing_in_time(bench: Bench, language: Language) -> None:
    short = ["--timeout-ms", 200, "--create", "--buffer-size", "64k"]
    bench.start(language, "read", bench.name(), *short, code=TIMEOUT).end()
    bench.start(language, "write", bench.name(), *short, "--wait-readers", 1, code=TIMEOUT).end()
    name = bench.name()
    with zerobuffer.Writer(name, payload_size=4096):
        relay = ["relay", "--input", name, "--output", bench.name(), "--create-output", "--buffer-size", "64k", "--timeout-ms", 200]
        agree("side", expected="input", relay=bench.start(language, *relay, code=TIMEOUT).end()["side"])
        agree("side", expected="output", relay=bench.start(language, *relay, "--wait-readers", 1, code=TIMEOUT).end()["side"])
    with zerobuffer.Reader(bench.name(), payload_size=4096) as reader:  # it never reads, so the ring is full soon
        assert reader.info.created
        report = bench.start(language, "write", bench.names[-1], "--timeout-ms", 200, "--linger-ms", 0, code=TIMEOUT).end()
        require(0 < report["frames"] < 8 and report["blocked_count"] > 0, f"a ring of 4 KiB took {report['frames']} frames")


@own_mistakes.scenario("another version, another kind of file, a damaged buffer", "5.3", short=True)
def not_our_buffer(bench: Bench, language: Language) -> None:
    for vector, code in (("bad_major", REFUSED), ("bad_magic", REFUSED), ("bad_feature", REFUSED)):
        name = bench.name()
        shutil.copyfile(VECTORS / f"{vector}.zb", SHM / name)
        (SHM / name).chmod(0o600)
        short = ["--timeout-ms", 500]
        bench.start(language, "read", name, *short, code=code).end()
        bench.start(language, "write", name, *short, code=code).end()
        report = bench.start(language, "relay", "--input", name, "--output", bench.name(), *MAKE_OUTPUT, *short, code=code).end()
        agree("side", expected="input", relay=report["side"])
        (SHM / name).unlink()


@own_mistakes.scenario("a descriptor that breaks the rules", "5.1", "5.3")
def corrupt_descriptor(bench: Bench, language: Language) -> None:
    good = bytes(64)
    wrong_magic = b"ZBAX" + bytes(44) + (56).to_bytes(8, "little")
    for frame in (b"", b"short", good + wrong_magic, good + b"\xff" * 56):
        for verb in ("read", "relay"):
            name = bench.name()
            with zerobuffer.Writer(name, payload_size=4096) as writer:
                writer.write(b"fine")
                writer.write(frame, type=zerobuffer.ARRAY_FRAME_TYPE)
                relay = ["relay", "--input", name, "--output", bench.name(), *MAKE_OUTPUT, "--linger-ms", "0"]
                report = bench.start(language, *(["read", name] if verb == "read" else relay), code=CORRUPT).end()
                agree("frames before it", expected=1, program=report["frames"])


@own_mistakes.scenario("shared memory is too small for the buffer", "5.4")
def no_space(bench: Bench, language: Language) -> None:
    bench.start(language, "read", bench.name(), "--create", "--buffer-size", "120g", code=NO_SPACE).end()
    bench.start(language, "write", bench.name(), "--create", "--buffer-size", "120g", code=NO_SPACE).end()


@own_mistakes.scenario("frames that nobody will read", "4.10", "9.1")
def nobody_reads(bench: Bench, language: Language) -> None:
    name, output = bench.name(), bench.name()
    report = bench.start(language, "write", bench.name(), "--create", "--buffer-size", "64k", "--frames", 3, "--linger-ms", 100, code=UNREAD).end()
    agree("frames", expected=(3, 3), writer=(report["frames"], report["unread"]))
    source = bench.start(language, "write", name, "--create", "--buffer-size", "64k", "--frames", 3)
    report = bench.start(language, "relay", "--input", name, "--output", output, *MAKE_OUTPUT, "--linger-ms", 100, code=UNREAD).end()
    agree("frames", expected=(3, 3, "output"), relay=(report["frames"], report["unread"], report["side"]))
    agree("unread frames", expected=0, writer=source.end()["unread"])


@own_mistakes.scenario("a relay that has enough, and one that wanted more", "4.10", "9.1")
def relay_limits(bench: Bench, language: Language) -> None:
    for limit, passed, writer_code, relay_code in ((5, 5, UNREAD, OK), (20, 10, OK, CLOSED_EARLY)):
        name, output = bench.name(), bench.name()
        sink = bench.start(language, "read", output, "--create", "--buffer-size", "64k", "--verify", "sequential")
        source = bench.start(language, "write", name, "--create", "--buffer-size", "64k", "--wait-readers", 1, "--frames", 10, code=writer_code)
        report = bench.start(language, "relay", "--input", name, "--output", output, "--frames", limit, code=relay_code).end()
        agree("side", expected="input" if relay_code else None, relay=report["side"])
        agree("frames", expected=passed, relay=report["frames"], reader=sink.end()["frames"])
        agree("unread frames", expected=10 - passed, writer=source.end()["unread"])


@own_mistakes.scenario("an output that a relay cannot use", "1.7", "2.2", "9.1")
def relay_refused(bench: Bench, language: Language) -> None:
    name = bench.name()
    relay = ["relay", "--input", name, "--output"]
    small = ["--create-output", "--buffer-size", "1k", "--metadata-size", "100"]
    for metadata, frame in ((b"m" * 101, b"fits"), (b"fits", bytes(2000))):
        with zerobuffer.Writer(name, payload_size=4096) as writer:
            writer.write_metadata(metadata)
            writer.write(frame)
            report = bench.start(language, *relay, bench.name(), *small, code=NO_SPACE).end()
            agree("side and frames", expected=("output", 0), relay=(report["side"], report["frames"]))
    output = bench.name()
    with zerobuffer.Writer(name, payload_size=4096), zerobuffer.Writer(output, payload_size=4096):
        agree("side", expected="output", relay=bench.start(language, *relay, output, code=IN_USE).end()["side"])


@own_mistakes.scenario("SIGINT and SIGTERM close everything", "4.12", short=True)
def signals(bench: Bench, language: Language) -> None:
    small = ("--buffer-size", "64k", "--timeout-ms", -1)
    for number, code in ((signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)):
        for words in (["read"], ["write", "--wait-readers", "1"]):
            name = bench.name()
            waiting = bench.start(language, words[0], name, *words[1:], "--create", *small, code=code)
            bench.until_state(name, lambda state: state.state == "ready", f"{name} is there")
            waiting.signal(number)
            agree("frames", expected=0, program=waiting.end()["frames"])
            require(not (SHM / name).exists(), f"{name} is still there")

        name = bench.name()
        lingering = bench.start(language, "write", name, "--create", "--wait-readers", 1, "--frames", 3, "--linger-ms", -1, *small, code=code)
        with zerobuffer.Reader.open(name, timeout=LIMIT) as reader:  # it never reads
            bench.until_frames(name, 3)
            lingering.signal(number)
            report = lingering.end()
            agree("frames", expected=3, program=report["frames"], in_the_ring=reader.stats().unread_bytes // 1088)

        name, output = bench.name(), bench.name()
        sink = bench.start(language, "read", output, "--create", *small)
        relay = bench.start(language, "relay", "--input", name, "--output", output, "--timeout-ms", -1, code=code)
        source = bench.start(language, "write", name, "--create", "--wait-readers", 1, "--delay-us", 20_000, *small, code=code)
        bench.until_frames(output, 3)
        relay.signal(number)
        passed, got = relay.end(), sink.end()
        agree("frames", relay=passed["frames"], reader=got["frames"])
        source.signal(number)
        written = source.end()
        require(written["frames"] >= passed["frames"] >= 3, f"{written['frames']} frames written, {passed['frames']} passed on")
