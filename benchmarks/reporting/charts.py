"""The charts of the report page: which rows stand in which one, over which axes. Owns the choice; svg.py draws, names.py
has the words. Whatever a result lacks is not drawn."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Callable, Dict, List, Optional, Sequence, Tuple

from reporting.names import (
    DETAIL_COLOURS, LANGUAGES, bytes_text, colour, digits, family_title, figure, label_of, ns_text, ns_tick, place_of, rank,
)
from reporting.results import Ratio, Result, Row, grouped, size_of
from reporting.svg import Axis, Chart, Dot, Series, dot_plot

LAST_SHARE = 4.75  # where the slowest operation of all stands on the axis of percentiles
FLOORS_OF: Dict[str, Tuple[str, ...]] = {
    "rtt64": ("pingpong_two_lines", "spsc_rtt64", "futex_two_cpus"), "rtt64_one_cpu": ("futex_one_cpu",),
    "call64": ("pingpong_two_lines", "pingpong_records"),
}
PATTERNS: Dict[str, str] = {
    "rtt": "Round trip", "one_way": "Messages one way", "frame": "Frames", "call": "Call", "invert": "Picture inverted by a server",
}
VARIANTS: Dict[str, str] = {
    "read": "read in place", "copy": "copied out", "in_place_read": "written and read in place",
    "in_place_copy": "written in place, copied out", "one_cpu": "both on one CPU", "busy": "busy machine", "quota": "under a quota",
    "stopped": "sides that are stopped again and again",
}
DASHES = {"spin": "dotted", "block": "dashed", "yield": "dashed", "python": "dashed", "csharp": "dotted", "c": "fine"}


@dataclass(frozen=True)
class Figure:
    """A chart with what is written over it."""

    title: str
    note: str
    svg: str


def style_of(row: Row) -> str:
    place = place_of(row)
    words = [next((DETAIL_COLOURS[word] for word in place.details if word in DETAIL_COLOURS), colour(row.system))]
    if row.system == "zerobuffer" and not place.details:
        words.append("bold")
    if row.system == "floor" or "whole" in place.details or {"in_place", "batch16"} & set(place.details):
        words.append("dashed")
    dash = DASHES.get(place.policy) or (DASHES.get(row.language) if row.system == "zerobuffer" else None)
    return " ".join([*words, dash] if dash else words)


def tall(series: Sequence[Series]) -> float:
    """High enough for a label beside each line."""
    return max(340, 100 + 15 * len(series))


def tip_of(row: Row) -> str:
    low, high = figure(row.spread.min, row.unit), figure(row.spread.max, row.unit)
    return f"{row.workload}: {figure(row.median, row.unit)} ({low} … {high}, {row.repetitions} repetitions)"


def kind_of(row: Row) -> str:
    """Peers from Python and from .NET are compared in charts of their own, with all languages of ours."""
    return "cpp" if row.language in ("cpp", "c") else row.language


def pattern_title(stem: str, size: str, variant: str) -> str:
    size_text = {"k": " KiB", "m": " MB"}.get(size[-1:], " B" if size else "")
    words = [PATTERNS.get(stem, stem.replace("_", " ")), f"{size.rstrip('km')}{size_text}", VARIANTS.get(variant, variant.replace("_", " "))]
    return ", ".join(word for word in words if word)


def by_language(rows: Sequence[Row]) -> List[Tuple[str, List[Row]]]:
    """C++ and C with their peers; then each other language with its peers and C++ beside it."""
    found: List[Tuple[str, List[Row]]] = []
    ours = [row for row in rows if row.system == "zerobuffer" and row.language == "cpp" and not place_of(row).policy]
    for kind in dict.fromkeys(["cpp", *(kind_of(row) for row in rows)]):
        mine = [row for row in rows if kind_of(row) == kind]
        if mine:
            found.append(("" if kind == "cpp" else f" from {LANGUAGES.get(kind, kind)}", mine if kind == "cpp" else ours + mine))
    return found


MOST_LINES = 9


def in_manners(rows: Sequence[Row], floors: Sequence[Row]) -> List[Tuple[str, List[Row]]]:
    """By language; and where that are too many lines, those that poll and those that sleep apart."""
    found: List[Tuple[str, List[Row]]] = []
    for language, mine in by_language(rows):
        lines_of = {(row.system, row.language, place_of(row).policy, place_of(row).details) for row in mine}
        if len(lines_of) + len(floors) <= MOST_LINES or not any(place_of(row).policy == "spin" for row in mine):
            found.append((language, [*mine, *floors]))
            continue
        ours = [row for row in mine if row.system == "zerobuffer" and not place_of(row).policy]
        polling = [row for row in mine if place_of(row).policy == "spin"]
        sleeping = [row for row in mine if row not in polling and row not in ours]
        found.append((f"{language}, polling", [*ours, *polling, *(row for row in floors if "futex" not in row.workload)]))
        found.append((f"{language}, sleeping", [*ours, *sleeping, *(row for row in floors if "futex" in row.workload)]))
    return found


def curve_points(row: Row) -> List[Tuple[float, float]]:
    return [(LAST_SHARE if share >= 1 else -math.log10(1 - share), max(ns, 1.0)) for share, ns in row.curve]


def share_text(place: float) -> str:
    return "max" if place >= LAST_SHARE else f"{100 * (1 - 10**-place):.4g} %"


def latency_curves(result: Result, small: bool = True) -> List[Figure]:
    """How long the fastest, the middle and the slowest operations took: one line for each system. Of 64 bytes, or of all else."""
    with_curve = [row for row in result.rows if len(row.curve) > 2]
    measured = [row for row in with_curve if row.system != "floor" and row.family not in ("video", "cost", "life")]
    measured = [row for row in measured if (size_of(row) == 64) == small and "threads" not in row.parameters]
    figures: List[Figure] = []
    groups = grouped(measured, lambda row: (place_of(row).stem, place_of(row).size, place_of(row).variant))
    for key, rows in groups.items():
        place = place_of(rows[0])
        floors = [row for row in with_curve if row.workload in FLOORS_OF.get(place.key, ())]
        for manner, mine in in_manners(rows, floors):
            drawn = sorted(mine, key=rank)
            series = [
                Series(label_of(row), style_of(row), curve_points(row),
                       [f"{label_of(row)}: {share_text(x)} took at most {ns_text(y)}" for x, y in curve_points(row)], marks=False)
                for row in drawn
            ]
            ticks = [-math.log10(0.5), 1.0, 2.0, 3.0, 4.0, LAST_SHARE]
            axis = Axis("share of the operations that took no longer", share_text, log=False, ticks=ticks)
            chart = Chart(axis, Axis("time", ns_tick), series, height=tall(series))
            title = pattern_title(place.stem, place.size, place.variant) + manner
            figures.append(Figure(title, "Lower is better; each step to the right looks at ten times rarer operations.", chart.svg(title)))
    return figures


def lines(rows: Sequence[Row], x_of: Callable[[Row], Optional[float]], y_of: Callable[[Row], float],
          tip: Callable[[Row], str] = tip_of) -> List[Series]:
    """A line for each system, language and policy."""
    series: List[Series] = []
    for mine in grouped(sorted(rows, key=rank), lambda row: (row.system, row.language, place_of(row).policy, place_of(row).details)).values():
        places = sorted(((x_of(row) or 0.0, y_of(row), tip(row)) for row in mine if x_of(row) is not None and y_of(row) > 0))
        series.append(Series(label_of(mine[0]), style_of(mine[0]), [(x, y) for x, y, _ in places], [text for _, _, text in places]))
    return series


def unit_text(unit: str) -> Callable[[float], str]:
    """How ticks are written."""
    scale = {"ns": 1.0, "us": 1e3, "ms": 1e6}.get(unit)
    return (lambda value: ns_tick(value * (scale or 1.0))) if scale else (lambda value: f"{value:g}")


def by_size(result: Result) -> List[Figure]:
    """Round trips, messages and frames over their size, both axes logarithmic."""
    rows = [row for row in result.rows if row.system != "floor" and size_of(row) and place_of(row).stem in ("rtt", "one_way", "frame", "call")
            and row.family != "readers"]
    figures = sized_figures([row for row in rows if not large_ring(row)])
    large = [row for row in rows if place_of(row).stem == "frame" and row.system == "zerobuffer" and row.language == "cpp"]
    if any(map(large_ring, large)):
        variants = {place_of(row).variant for row in large if large_ring(row)}
        figures += sized_figures([row for row in large if place_of(row).variant in variants], ", larger rings")
    return figures


def large_ring(row: Row) -> bool:
    return any(word.startswith("ring") for word in place_of(row).details)


def sized_figures(rows: Sequence[Row], suffix: str = "") -> List[Figure]:
    figures: List[Figure] = []
    for (stem, variant, unit), group in grouped(rows, lambda row: (place_of(row).stem, place_of(row).variant, row.unit)).items():
        for manner, mine in in_manners(group, []):
            sizes = sorted({size for size in map(size_of, mine) if size})
            if len(sizes) < 2:
                continue
            series = [one for one in lines(mine, size_of, lambda row: row.median) if len(one.points) > 1]
            if not any(one.label != "ZeroBuffer" for one in series) and (manner or not series):
                continue  # nothing of this kind has more than one size
            if suffix:  # all of them are ours
                for one in series:
                    one.label = one.label.removeprefix("ZeroBuffer, ").replace("ZeroBuffer", "as small as three frames allow")
            ticks = thinned(sizes)
            better = "Higher is better." if unit in ("M/s", "GB/s", "k/s", "fps") else "Lower is better."
            title = pattern_title(stem, "", variant) + suffix + manner
            chart = Chart(Axis("size", bytes_text, ticks=ticks), Axis(axis_title(unit), unit_text(unit)), series,
                          height=tall(series))
            figures.append(Figure(title, f"{better} Both axes are logarithmic.", chart.svg(title)))
    return figures


def axis_title(unit: str) -> str:
    return {"M/s": "million messages a second", "GB/s": "GB/s", "ns": "time, median", "us": "time, median"}.get(unit, unit)


def thinned(sizes: Sequence[float]) -> List[float]:
    """Ticks at the sizes that were measured, without those that stand too near to another."""
    kept: List[float] = []
    for size in sizes:
        if not kept or size / kept[-1] >= 1.7:
            kept.append(size)
    return kept


def scaling(result: Result) -> List[Figure]:
    """What becomes of a rate when there are more readers, or more threads that call."""
    figures: List[Figure] = []
    for parameter, axis, note in (
        ("readers", "readers of one ring", "What the slowest of them gets; each of them sees every one."),
        ("threads", "threads of one client", "All threads together."),
    ):
        rows = [row for row in result.rows if isinstance(row.parameters.get(parameter), int)]
        for (_, size, unit), mine in grouped(rows, lambda row: (row.family, size_of(row), row.unit)).items():
            counts = sorted({float(row.parameters[parameter]) for row in mine})
            if len(counts) < 2:
                continue
            series = lines(mine, lambda row: float(row.parameters[parameter]), lambda row: row.median)
            title = f"{family_title(mine[0].family)}: {bytes_text(size) if size else mine[0].workload}"
            chart = Chart(Axis(axis, lambda value: f"{value:g}", ticks=counts),
                          Axis(axis_title(unit), unit_text(unit), log=False, from_zero=True), series, height=320)
            figures.append(Figure(title, note, chart.svg(title)))
    return figures


def cpu_of(side: str, row: Row) -> float:
    return 100 * float(row.cpu[side])


def cpu_tip(side: str, name: str, row: Row) -> str:
    return f"{label_of(row)}: {name} {cpu_of(side, row):.2f} % of a CPU"


def video(result: Result) -> List[Figure]:
    """A camera of so many pictures a second: how late they come, and what they cost both sides."""
    rows = [row for row in result.rows if isinstance(row.parameters.get("per_second"), (int, float)) and row.unit != "share"]
    figures: List[Figure] = []

    def rate(row: Row) -> float:
        return float(row.parameters["per_second"])

    def text(value: float) -> str:
        return f"{value:g}"

    for variant, mine in grouped(rows, lambda row: place_of(row).variant).items():
        ticks = sorted({rate(row) for row in mine})
        suffix = f", {variant.replace('_', ' ')}" if variant else ""
        timed = [row for row in mine if row.p50]
        if timed:
            middle = lines(timed, rate, lambda row: row.p50 or 0.0)
            slow = lines([row for row in timed if "p99" in row.latency], rate, lambda row: float(row.latency["p99"]),
                         lambda row: f"{label_of(row)}: 99 % took at most {ns_text(float(row.latency['p99']))}")
            for one in slow:
                one.named, one.style = False, f"{one.style} faint dashed"
            chart = Chart(Axis("pictures a second", text, ticks=ticks), Axis("from written to read", ns_tick), [*slow, *middle], height=tall(middle))
            note = "Medians; the thin dashed line of the same colour is the 99th percentile."
            figures.append(Figure(f"Video: latency{suffix}", note, chart.svg("Video: latency")))
        paid = [row for row in mine if row.cpu]
        if paid:
            sides: List[Series] = []
            for side, name in (("first", "writer"), ("second", "reader")):
                having = [row for row in paid if side in row.cpu]
                for one in lines(having, rate, partial(cpu_of, side), partial(cpu_tip, side, name)):
                    one.label, one.style = f"{one.label}, {name}", one.style + (" dashed" if side == "second" else "")
                    sides.append(one)
            chart = Chart(Axis("pictures a second", text, ticks=ticks), Axis("share of one CPU beyond the copies", lambda value: f"{value:g} %"), sides,
                          height=tall(sides))
            figures.append(Figure(f"Video: CPU time{suffix}", "Solid: who writes. Dashed: who reads.", chart.svg("Video: CPU time")))
    return figures


def family_of(ratio: Ratio, result: Result) -> str:
    """That of the workload whose name the ratio begins with."""
    begins = [row for row in result.rows if ratio.name == row.name or ratio.name.startswith(f"{row.name}_")]
    return max(begins, key=lambda row: len(row.name)).family if begins else "other"


def ratio_dot(ratio: Ratio) -> Dot:
    sign = {"at_most": "≤", "at_least": "≥"}.get(ratio.kind or "", "")
    state = {True: "reached", False: "missed", None: ""}[ratio.reached]
    style = {True: "ours", False: "missed", None: "floor"}[ratio.reached]
    spread = ratio.spread
    tip = f"{ratio.name}: {ratio.median:.3f} (quartiles {spread.q1:.3f} … {spread.q3:.3f}, all {spread.min:.3f} … {spread.max:.3f})"
    return Dot(ratio.name.replace("_", " "), style, ratio.median, (spread.min, spread.q1, spread.q3, spread.max), digits(ratio.median), tip,
               ratio.limit, ratio.kind == "at_most", f"{sign} {ratio.limit:g}  {state}".strip() if sign else "")


def is_against_peer(ratio: Ratio, result: Result) -> bool:
    beside = ratio.name.rpartition("_over_")[2]
    return any(beside == row.system or beside.startswith(f"{row.system}_") for row in result.rows if row.system not in ("zerobuffer", "floor"))


def grouped_ratios(result: Result) -> Dict[str, List[Ratio]]:
    """By what is measured; and apart, by what it is compared with."""
    groups: Dict[str, List[Ratio]] = {}
    for ratio in result.ratios:
        against = ", against other systems" if is_against_peer(ratio, result) else ""
        groups.setdefault(family_title(family_of(ratio, result)) + against, []).append(ratio)
    return groups


def ratio_plots(result: Result) -> List[Figure]:
    """Every ratio with its spread and its target."""
    figures: List[Figure] = []
    for title, ratios in grouped_ratios(result).items():
        dots = [ratio_dot(ratio) for ratio in ratios if ratio.median > 0 and not ratio.difference]
        if dots:
            figures.append(Figure(title, "", dot_plot(f"Ratios: {title}", dots, lambda value: f"{value:g}", 1.0)))
    return figures


def costs(result: Result) -> List[Figure]:
    """What single steps take."""
    rows = [row for row in result.rows if row.family in ("cost", "life") and row.unit in ("ns", "us", "ms") and row.median > 0]
    figures: List[Figure] = []
    for family, mine in grouped(rows, lambda row: row.family).items():
        scale = {"ns": 1.0, "us": 1e3, "ms": 1e6}
        dots = []
        for row in sorted(mine, key=lambda row: row.median * scale[row.unit]):
            one, spread = scale[row.unit], row.spread
            values = (max(spread.min * one, 0.1), max(spread.q1 * one, 0.1), max(spread.q3 * one, 0.1), max(spread.max * one, 0.1))
            dots.append(Dot(row.name.replace("_", " "), colour(row.system), row.median * one, values, figure(row.median, row.unit), tip_of(row)))
        title = family_title(family)
        figures.append(Figure(title, "Medians, quartiles and ranges.", dot_plot(title, dots, ns_tick)))
    return figures
