#!/usr/bin/env python3
"""Makes the golden channels for calls beside it and expected.json, byte for byte the same each time.

Owns: which states of a channel every implementation must read alike. Uses the reference; what is expected is written down
by hand. Run it from anywhere.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Callable, Dict

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "reference"))

from zbref import layout  # noqa: E402
from zbref.duplex import ERROR, Channel  # noqa: E402

KINDS = {"mutable duplex": True, "immutable duplex": False}


def empty(made: Channel) -> Dict[str, Any]:
    return {"server": "dead", "lanes": []}


def waiting(made: Channel) -> Dict[str, Any]:
    made.take_lane(0)
    made.send(0, b"first", tag=7)
    made.send(0, b"second", type=128)
    return {"server": "dead", "lanes": [lane(sent=2, answered=0, waiting=2, begun=0)]}


def half_done(made: Channel) -> Dict[str, Any]:
    expected = waiting(made)
    made.begin(0, made.waiting(0)[0])
    expected["lanes"] = [lane(sent=2, answered=0, waiting=2, begun=1)]
    return expected


def answered(made: Channel) -> Dict[str, Any]:
    half_done(made)
    made.answer(0, made.waiting(0)[0], b"yes")
    made.begin(0, made.waiting(0)[0])
    made.answer(0, made.waiting(0)[0], b"no", ERROR)
    return {"server": "dead", "lanes": [lane(sent=2, answered=2, waiting=0, begun=0)]}


def closed(made: Channel) -> Dict[str, Any]:
    expected = half_done(made)
    made.set_server(layout.CLOSED, 1)
    made.set(0, "state", layout.RETIRED)
    return {**expected, "server": "closed"}


def anew(made: Channel) -> Dict[str, Any]:
    """Two calls were answered and let go; then each ring began anew with the next ones, where nobody finds them who
    counts from position 0."""
    answered(made)
    made.let_go(0)
    for ring in (made.requests(0), made.responses(0)):
        assert ring.get("origin_pos") or ring.begin_anew()
    for _ in range(3):
        made.send(0, b"anew")
    made.begin(0, made.waiting(0)[0])
    made.answer(0, made.waiting(0)[0], b"yes again")
    made.begin(0, made.waiting(0)[0])
    return {"server": "dead", "lanes": [lane(sent=5, answered=3, waiting=2, begun=1, answers=1)]}


def bad_origin(origin: int) -> Callable[[Channel], Dict[str, Any]]:
    """The ring of requests has an origin that its answerer is not behind, or none that is a whole unit."""

    def made_so(made: Channel) -> Dict[str, Any]:
        waiting(made)
        made.begin(0, made.waiting(0)[0])
        made.answer(0, made.waiting(0)[0], b"yes")
        ring, left = made.requests(0), made.waiting(0)[0]
        ring.set("origin_pos", origin)
        ring.set_header(left.position, left.header)  # for who counts from it
        return {"server": "dead", "lanes": [{"client": 2049, "state": "active", "problem": True}]}

    return made_so


def lane(**numbers: int) -> Dict[str, Any]:
    return {"client": 2049, "state": "active", "answers": numbers["answered"], **numbers}


def main() -> None:
    expectations: Dict[str, Any] = {}
    situations: Dict[str, Callable[[Channel], Dict[str, Any]]] = {
        "empty": empty, "waiting": waiting, "half_done": half_done, "answered": answered, "closed": closed,
        "anew": anew, "bad_origin_ahead": bad_origin(1 << 20), "bad_origin_odd": bad_origin(32)}
    for kind, in_place in KINDS.items():
        for about, situation in situations.items():
            made = Channel.create(in_place, request=992, response=992, segment_id=bytes(range(16)))
            made.set_server(layout.ATTACHED, 1)
            name = f"{'in_place' if in_place else 'immutable'}_{about}"
            expectations[name] = {"kind": kind, "segment_size": made.shape.segment_size, **situation(made)}
            (HERE / f"{name}.zb").write_bytes(bytes(made.buffer))
    (HERE / "expected.json").write_text(json.dumps(expectations, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
