"""Arrays from every language to every language: every element type, both orders, no dimension, no element, descriptors."""

from typing import List

from .bench import Bench, agree, require
from .cell import PAIRS, Group
from .exchange import Exchange, exchange, expect_metadata
from .patterns import DTYPES, Array, Digest, content
from .programs import Language

arrays = Group("arrays", "Arrays: writer → reader", PAIRS)

ARRAY_FRAME_TYPE = 2
MAKING = ["--buffer-size", "1m"]


def send(bench: Bench, writer: Language, reader: Language, kinds: List[Array], frames: int, *more: object, described: bool = False) -> Exchange:
    """Sends the kinds in turn and compares contents, types, payload sizes and the kinds that the reader's package saw.

    `described`: every frame must have a descriptor, not only those that the metadata does not describe.
    """
    sent = [kinds[at % len(kinds)] for at in range(frames)]
    bare = [not described and kind == kinds[0] for kind in sent]
    expected = [
        Digest.of(content("random", at + 1, kind.size, 5), at + 1, 0 if bare[at] else ARRAY_FRAME_TYPE, at + 1) for at, kind in enumerate(sent)
    ]
    specs: List[object] = []
    for kind in kinds:
        specs += ["--array", kind.spec]
    done = exchange(
        bench, writer, reader, making=MAKING,
        writing=["--frames", frames, "--pattern", "random", "--seed", 5, "--tag", "sequence", *specs, *more],
        reading=["--verify", "random", "--seed", 5, "--array"], expected=expected,
    )  # fmt: skip
    payload = sum(kind.size if is_bare else kind.payload_with_descriptor for kind, is_bare in zip(sent, bare))
    agree("payload bytes", expected=payload, writer=done.written["bytes"], reader=done.read["bytes"])
    seen = [(one["dtype"], tuple(one["shape"]), one["order"], one["frames"]) for one in done.read["arrays"]]
    agree("arrays", expected=[(kind.dtype, kind.shape, kind.order, sent.count(kind)) for kind in kinds], reader=seen)
    described_frames = len(bare) - sum(bare)
    since_send = done.read["since_send_us"]
    if described_frames == 0:
        agree("send times", expected=None, reader=since_send)
    else:
        agree("send times", expected=described_frames, reader=since_send["count"])
        require(0 <= since_send["p50"] <= since_send["p90"] <= since_send["p99"], f"send times are out of order: {since_send}")
    return done


@arrays.scenario("every dtype, both byte orders, C and F order", "9.1", short=True)
def dtypes(bench: Bench, writer: Language, reader: Language) -> None:
    kinds = [Array(dtype, (3, 5), order) for dtype in DTYPES for order in ("C", "F")]
    done = send(bench, writer, reader, kinds, 2 * len(kinds))
    expect_metadata(done.read, kinds[0].metadata)


@arrays.scenario("no dimension, no element, 32 dimensions, odd shapes", "9.1")
def shapes(bench: Bench, writer: Language, reader: Language) -> None:
    kinds = [
        Array("<i8", ()),
        Array("|u1", (0,)),
        Array("<f8", (3, 0, 2)),
        Array("<c16", (1,) * 32),
        Array("|b1", (7,)),
        Array("<u2", (3, 1, 5)),
        Array("<f4", (2, 3, 4), "F"),
        Array(">f8", ()),
        Array("|i1", (1, 1, 1)),
    ]
    done = send(bench, writer, reader, kinds, len(kinds) * 3)
    expect_metadata(done.read, kinds[0].metadata)


@arrays.scenario("the metadata describes an F-ordered stream without descriptors", "9.1")
def described_by_metadata(bench: Bench, writer: Language, reader: Language) -> None:
    kind = Array("<f4", (12, 34), "F")
    done = send(bench, writer, reader, [kind], 20)
    expect_metadata(done.read, kind.metadata)


@arrays.scenario("a capture time in every descriptor", "9.1")
def timestamps(bench: Bench, writer: Language, reader: Language) -> None:
    kinds = [Array("|u1", (12, 16, 3)), Array("<i2", (9,))]
    send(bench, writer, reader, kinds, 20, "--timestamp", -5, described=True)


@arrays.scenario("descriptors beside metadata of the application", "9.1")
def foreign_metadata(bench: Bench, writer: Language, reader: Language) -> None:
    done = send(bench, writer, reader, [Array("<f8", (2, 2), "F"), Array("|u1", (5,))], 20, "--metadata", "not a schema", described=True)
    expect_metadata(done.read, b"not a schema")


@arrays.scenario("plain bytes, and video, are no arrays", "9.1")
def bytes_are_no_arrays(bench: Bench, writer: Language, reader: Language) -> None:
    video = '{"zerobuffer_schema":1,"kind":"video","pixel_format":"rgb24","width":7,"height":5,"strides":null,"frame_rate":[30,1]}'
    metadatas: List[List[object]] = [[], ["--metadata", video]]
    for metadata in metadatas:
        done = exchange(
            bench, writer, reader, making=MAKING, writing=["--frames", 4, "--size", 105, *metadata], reading=["--array"],
            expected=[Digest.of(content("sequential", at, 105), at) for at in range(1, 5)],
        )  # fmt: skip
        agree("arrays", expected=[{"dtype": "|u1", "shape": [105], "order": "C", "frames": 4}], reader=done.read["arrays"])
