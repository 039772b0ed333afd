"""Many readers, two of every language, on one writer: each sees every frame, whatever happens to the others."""

from typing import List

from .bench import Bench, Running, agree, require
from .cell import EACH, Group
from .patterns import Digest, compare_digests, content, read_digests
from .programs import LANGUAGES, Language

crowds = Group("crowds", "Six readers of three languages on one writer", EACH)

FRAMES = 400
SIZES = [4096, 1, 0, 777]
EXPECTED = [Digest.of(content("random", at, SIZES[(at - 1) % 4], 8), at, 150, at) for at in range(1, FRAMES + 1)]
NOISE = ("--seed", 8, "--size", ",".join(str(size) for size in SIZES))


def start_all(bench: Bench, name: str, writer: Language, *writing: object, places: int = 6) -> tuple[Running, List[Running]]:
    source = bench.start(writer, "write", name, "--create", "--buffer-size", "64k", "--max-readers", places, "--wait-readers", 6,
                         "--frames", FRAMES, "--pattern", "random", "--type", 150, "--tag", "sequence", *NOISE, *writing)  # fmt: skip
    readers = [
        bench.start(language, "read", name, "--verify", "random", *NOISE, "--digests", bench.file(f"seen-{language.value}-{number}"))
        for language in LANGUAGES
        for number in (1, 2)
    ]
    return source, readers


def expect_every_frame(bench: Bench, readers: List[Running]) -> None:
    for reader in readers:
        got = reader.end()
        agree(f"frames of {reader.label}", expected=FRAMES, reader=got["frames"])
        compare_digests(reader.label, read_digests(bench.file(reader.command[reader.command.index("--digests") + 1])), EXPECTED)


@crowds.scenario("each sees every frame", "8.1", "9.1", short=True)
def each_sees_all(bench: Bench, writer: Language) -> None:
    source, readers = start_all(bench, bench.name(), writer)
    expect_every_frame(bench, readers)
    agree("unread frames", expected=0, writer=source.end()["unread"])


@crowds.scenario("one of each language is killed, one stopped for a while, the others see every frame", "8.1", "9.3")
def some_killed(bench: Bench, writer: Language) -> None:
    name = bench.name()
    source, readers = start_all(bench, name, writer, "--delay-us", 1000)
    bench.until_frames(name, 50)
    killed, staying = readers[::2], readers[1::2]
    for reader in killed:
        reader.kill()
    staying[0].stop()
    bench.pause(0.3)
    staying[0].go_on()
    expect_every_frame(bench, staying)
    agree("unread frames", expected=0, writer=source.end()["unread"])


@crowds.scenario("one more of each language comes late and sees the rest", "8.1")
def late_ones(bench: Bench, writer: Language) -> None:
    name = bench.name()
    source, readers = start_all(bench, name, writer, "--delay-us", 3000, places=9)
    bench.until_frames(name, 50)
    late = [bench.start(language, "read", name, "--join", "now", "--verify", "random", *NOISE) for language in LANGUAGES]
    expect_every_frame(bench, readers)
    for reader in late:
        got = reader.end()
        require(got["first_sequence"] > 50, f"{reader.label} began with {got['first_sequence']}")
        agree("frames from the first to the last", expected=FRAMES - got["first_sequence"] + 1, frames=got["frames"])
        agree("lost frames", expected=0, reader=got["lost"])
    source.end()
