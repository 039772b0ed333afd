"""The options of the verbs with their defaults, as relay/README.md states them. Must not know what is done with them."""

from __future__ import annotations

import argparse
from typing import Any, Optional

import values

PATTERNS = ("zeros", "ones", "sequential", "random")
_COUNT = values.number_up_to((1 << 32) - 1)

_DEFAULTS: dict[str, Any] = {
    "buffer_size": 256 << 20,
    "metadata_size": 4096,
    "max_readers": 1,
    "frame_size": 1024,
    "frames": 0,
    "timeout_ms": 5000,
    "linger_ms": 5000,
    "pattern": "sequential",
    "seed": 1,
    "type": 0,
    "tag": 0,
    "batch": 1,
    "delay_us": 0,
    "wait_readers": 0,
    "hold": 0,
    "join": "automatic",
    "verify_by": "sequence",
    "transform": "none",
    "xor_key": 255,
    "log_interval_ms": 0,
    "share_slots": 0,
    "request_size": 1 << 20,
    "response_size": 1 << 20,
    "lanes": 8,
    "threads": 1,
    "in_flight": 1,
}


def defaults() -> dict[str, Any]:
    """The table of defaults."""
    return _DEFAULTS


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description="Passes frames on from buffer to buffer, writes them and reads them, serves calls and makes them (relay/README.md).",
        allow_abbrev=False,
    )
    parser.add_argument("--defaults", action="store_true", help="print the table of defaults as JSON")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for verb, add, text in (
        ("relay", _add_relay, "frames of one buffer into another"),
        ("write", _add_write, "frames from a pattern or a file"),
        ("read", _add_read, "frames taken, checked, digested"),
        ("serve", _add_serve, "requests answered"),
        ("call", _add_call, "requests sent, their answers checked"),
    ):
        options = verbs.add_parser(verb, help=text, allow_abbrev=False)
        if verb in ("relay", "write", "read"):
            _add_geometry(options)
        _add_common(options)
        add(options)
    return parser


def check(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Ends with a usage error where options contradict each other."""
    for first, second in (
        ("metadata", "metadata_file"),
        ("pattern", "input"),
        ("array", "size"),
        ("array", "type"),
    ):
        given = options.verb == "write" and all(getattr(options, name) is not None for name in (first, second))
        if given:
            parser.error(f"--{first} and --{second.replace('_', '-')} exclude each other")
    if options.verb == "write" and options.timestamp is not None and options.array is None:
        parser.error("--timestamp needs --array")
    if options.verb == "read" and options.size is not None and options.verify is None:
        parser.error("--size needs --verify")
    if options.verb == "relay" and options.input == options.output:
        parser.error("input and output are the same buffer")
    if options.verb == "relay" and options.share and options.transform != "none":
        parser.error("--share goes only with --transform none")
    if options.verb == "call" and options.frames == 0:
        parser.error("--frames: how many calls? at least 1")
    if options.verb == "call" and options.in_flight > 1 and options.threads > 1:
        parser.error("--threads goes only with --in-flight 1")
    for name in ("pattern", "type"):
        if options.verb == "write" and getattr(options, name) is None:
            setattr(options, name, _DEFAULTS[name])
    if options.verb == "write" and options.size is None:
        options.size = [_DEFAULTS["frame_size"]]


def _add(options: argparse.ArgumentParser, name: str, kind: Any, text: str, default: Optional[str] = None) -> None:
    """An option with one value; its default is that of the table under the option's name, or under `default`."""
    key = default or name[2:].replace("-", "_")
    unit = {"--log-interval": "MS", "--delay-us": "US"}.get(name, "N")
    metavar = "MS" if kind is values.timeout else "SIZE" if kind is values.size else unit
    options.add_argument(name, type=kind, default=_DEFAULTS[key], metavar=metavar, help=text)


def _add_geometry(options: argparse.ArgumentParser) -> None:
    _add(options, "--buffer-size", values.size, "payload size of the buffer made")
    _add(options, "--metadata-size", values.size, "metadata block of the buffer made")
    _add(options, "--max-readers", _COUNT, "reader places of the buffer made")
    _add(options, "--share-slots", _COUNT, "readers of other buffers that can look into the buffer made")


def _add_common(options: argparse.ArgumentParser) -> None:
    _add(options, "--frames", values.number, "stop after N frames; 0: no limit")
    _add(options, "--timeout-ms", values.timeout, "longest wait; -1: for ever")
    _add(options, "--log-interval", values.number, "milliseconds between lines of progress; 0: none", "log_interval_ms")
    options.add_argument("--json", action="store_true", help="report as one JSON object")
    options.add_argument("--verbose", action="store_true", help="a line for each buffer and frame")


def _add_relay(options: argparse.ArgumentParser) -> None:
    options.add_argument("--input", required=True, metavar="NAME", help="buffer to read")
    options.add_argument("--output", required=True, metavar="NAME", help="buffer to write")
    options.add_argument("--create-output", action="store_true", help="make the output buffer")
    _add_transform(options)
    _add(options, "--wait-readers", _COUNT, "wait for N readers of the output first")
    _add(options, "--linger-ms", values.timeout, "at the end wait so long for the readers; -1: for ever")
    options.add_argument("--share", action="store_true", help="frames go on as descriptors, without a copy, where that can be")


def _add_write(options: argparse.ArgumentParser) -> None:
    options.add_argument("name", help="buffer")
    options.add_argument("--create", action="store_true", help="make the buffer")
    options.add_argument("--metadata", metavar="TEXT", help="metadata, as text")
    options.add_argument("--metadata-file", metavar="FILE", help="metadata, from a file")
    options.add_argument("--size", type=values.sizes, metavar="SIZES", help="sizes of the content: N, A..B, or a list of both")
    options.add_argument("--pattern", choices=PATTERNS, help="what the content is")
    _add(options, "--seed", values.number, "of the random pattern")
    options.add_argument("--input", metavar="FILE", help="content from a file, - for standard input")
    options.add_argument(
        "--array", type=values.array_format, action="append", metavar="SPEC", help="array frames: DTYPE:SHAPE[:F]; repeatable"
    )
    options.add_argument("--timestamp", type=values.signed, metavar="NS", help="capture time in array frames")
    options.add_argument("--type", type=values.number_up_to(65535), metavar="N", help="type of the frames")
    _add(options, "--tag", values.tag, "tag of the frames, or 'sequence'")
    _add(options, "--batch", values.number_up_to((1 << 64) - 1, 1), "frames published together")
    _add(options, "--delay-us", values.number, "pause after each batch")
    _add(options, "--wait-readers", _COUNT, "wait for N readers first")
    _add(options, "--linger-ms", values.timeout, "at the end wait so long for the readers; -1: for ever")
    options.add_argument("--checksum", action="store_true", help="CRC of all contents in the report")
    options.add_argument("--digests", metavar="FILE", help="a line per frame into this file")


def _add_read(options: argparse.ArgumentParser) -> None:
    options.add_argument("name", help="buffer")
    options.add_argument("--create", action="store_true", help="make the buffer")
    places = ("automatic", "now", "oldest", "resume")
    options.add_argument("--join", choices=places, default="automatic", help="where the reading begins")
    options.add_argument("--verify", choices=PATTERNS, help="compare each byte with this pattern")
    options.add_argument("--verify-by", choices=("sequence", "tag"), default="sequence", help="the pattern's number of a frame")
    _add(options, "--seed", values.number, "of the random pattern")
    options.add_argument("--size", type=values.sizes, metavar="SIZES", help="compare the sizes too")
    options.add_argument("--expect-metadata", metavar="TEXT", help="compared with the metadata")
    options.add_argument("--checksum", action="store_true", help="CRC of all contents in the report")
    options.add_argument("--digests", metavar="FILE", help="a line per frame into this file")
    options.add_argument("--output", metavar="FILE", help="content into a file, - for standard output")
    options.add_argument("--array", action="store_true", help="report the kinds of arrays seen")
    _add(options, "--delay-us", values.number, "pause before each frame is given back")
    _add(options, "--hold", values.number_up_to(65535), "keep the last N frames")


def _add_transform(options: argparse.ArgumentParser) -> None:
    options.add_argument("--transform", choices=("none", "reverse", "xor"), default="none", help="of the content")
    _add(options, "--xor-key", values.number_up_to(255), "0 to 255")


def _add_channel(options: argparse.ArgumentParser) -> None:
    options.add_argument("name", help="channel")
    _add_transform(options)
    _add(options, "--threads", values.number_up_to(65535, 1), "so many threads")
    _add(options, "--delay-us", values.number, "pause at each answer")


def _add_serve(options: argparse.ArgumentParser) -> None:
    _add_channel(options)
    options.add_argument("--in-place", action="store_true", help="answers lie where the requests lay")
    _add(options, "--request-size", values.size, "largest request")
    _add(options, "--response-size", values.size, "largest answer, not in place")
    _add(options, "--lanes", _COUNT, "calls at the same time")
    options.add_argument("--exist-ok", action="store_true", help="succeed a server that died")
    options.add_argument(
        "--fail-type",
        type=values.number_up_to(65535),
        action="append",
        default=[],
        metavar="N",
        help="answer requests of this type with an error; repeatable",
    )
    options.add_argument("--call-back", action="store_true", help="call the client before each answer")


def _add_call(options: argparse.ArgumentParser) -> None:
    _add_channel(options)
    options.add_argument(
        "--size", type=values.sizes, default=[_DEFAULTS["frame_size"]], metavar="SIZES", help="sizes of the requests: N, A..B, or a list of both"
    )
    options.add_argument("--pattern", choices=PATTERNS, default=_DEFAULTS["pattern"], help="what the requests are")
    _add(options, "--seed", values.number, "of the random pattern")
    _add(options, "--type", values.number_up_to(65535), "type of the requests")
    options.add_argument("--claim", action="store_true", help="build requests in the channel")
    _add(options, "--in-flight", values.number_up_to(65535, 1), "requests sent before their answers are taken")
    options.add_argument("--allow-errors", action="store_true", help="count error answers")
    options.add_argument("--answer-callbacks", action="store_true", help="answer calls of the server")
