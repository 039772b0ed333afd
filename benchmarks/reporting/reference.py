"""Makes the small copy of a result that is kept in the repository: no single repetitions, curves only of 64-byte round trips.
Owns what is left out; must not know what the rest means."""

import json
from typing import List, Sequence

from reporting.results import Json


def shortened(value: object) -> object:
    """Seven figures of every number: more than any of them means."""
    if isinstance(value, float):
        return float(f"{value:.7g}")
    if isinstance(value, dict):
        return {key: shortened(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shortened(inner) for inner in value]
    return value


def small_line(line: Json) -> Json:
    kept = {key: value for key, value in line.items() if key not in ("values", "ratio_values", "medians")}
    if "latency" in kept and not (kept.get("family") in ("rtt", "floor") and (kept.get("parameters") or {}).get("message_bytes") in (8, 64)):
        kept["latency"] = {key: value for key, value in kept["latency"].items() if key != "curve"}
    kept.pop("machine", None)  # of the run, in the first line
    return kept


def small_copy(lines: Sequence[str]) -> List[str]:
    return [json.dumps(shortened(small_line(json.loads(text))), ensure_ascii=False, separators=(",", ":")) for text in lines if text.strip()]
