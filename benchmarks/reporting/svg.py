"""Draws a chart as SVG text: scales, axes, lines, dots and labels beside their lines. Owns geometry; colours are classes
of style that the page gives (page.py). Must not know what is drawn."""

import html
import math
from dataclasses import dataclass, field
from typing import Callable, List, Optional, Sequence, Tuple

Point = Tuple[float, float]
Text = Callable[[float], str]


def escape(text: str) -> str:
    return html.escape(text, quote=True)


def number(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Scale:
    """From values to places between `begin` and `end`."""

    low: float
    high: float
    begin: float
    end: float
    log: bool = False

    def at(self, value: float) -> float:
        low, high = self.low, self.high
        if self.log:
            value, low, high = math.log10(max(value, 1e-12)), math.log10(low), math.log10(high)
        share = (value - low) / (high - low) if high > low else 0.5
        return self.begin + share * (self.end - self.begin)

    def ticks(self) -> List[float]:
        return self.log_ticks() if self.log else linear_ticks(self.low, self.high)

    def log_ticks(self) -> List[float]:
        first, last = math.floor(math.log10(self.low) - 1e-9), math.ceil(math.log10(self.high) + 1e-9)
        decades = math.log10(self.high / self.low)
        steps: Tuple[float, ...] = (1,) if decades > 3.2 else (1, 3) if decades > 2 else (1, 2, 5)
        if decades < 0.9:
            steps = (1, 1.2, 1.5, 2, 3, 4, 5, 7)
        found: List[float] = []
        for tick in (step * 10.0**power for power in range(first, last + 1) for step in steps):
            near = bool(found) and abs(self.at(tick) - self.at(found[-1])) < 26
            if self.low * 0.999 <= tick <= self.high * 1.001 and not near:
                found.append(tick)
        return found


def linear_ticks(low: float, high: float) -> List[float]:
    rough = (high - low) / 5 or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, int(math.floor(high / step + 1e-9)) + 1)]


def log_bounds(values: Sequence[float]) -> Tuple[float, float]:
    """A range of a log axis with some air."""
    low, high = min(values), max(values)
    air = (high / low) ** 0.04 if high > low else 1.5
    return low / max(air, 1.06), high * max(air, 1.06)


@dataclass
class Series:
    """One line, or dots, of one system."""

    label: str
    style: str  # classes: colour, and "dashed" or "dotted", "bold"
    points: List[Point]
    tips: List[str] = field(default_factory=list)
    marks: bool = True
    named: bool = True  # has its label at its end


@dataclass
class Axis:
    """What stands at an axis, how its values are written, and where it has ticks if not at round values."""

    title: str
    text: Text
    log: bool = True
    ticks: Optional[List[float]] = None
    from_zero: bool = False


@dataclass
class Label:
    text: str
    style: str
    x: float
    y: float
    wanted: float


def spread_labels(labels: List[Label], top: float, bottom: float, gap: float = 14.5) -> None:
    """Moves labels apart, each as near to where it wants to be as the others let it."""
    labels.sort(key=lambda label: label.wanted)
    gap = min(gap, (bottom - top) / max(len(labels) - 1, 1))
    for label in labels:
        label.y = min(max(label.wanted, top), bottom)
    for _ in range(200):
        for above, below in zip(labels, labels[1:]):
            overlap = gap - (below.y - above.y)
            if overlap > 0:
                above.y -= overlap / 2
                below.y += overlap / 2
        for label in labels:
            label.y = min(max(label.y, top), bottom)
    # what is left of overlaps where many crowd at an end
    for above, below in zip(labels, labels[1:]):
        below.y = max(below.y, above.y + gap)
    for below, above in zip(labels[::-1], labels[-2::-1]):
        below.y = min(below.y, bottom)
        above.y = min(above.y, below.y - gap)


class Chart:
    """Lines over two axes, with a label at the end of each."""

    def __init__(self, x: Axis, y: Axis, series: List[Series], width: float = 640, height: float = 360) -> None:
        self.x, self.y, self.width, self.height = x, y, width, height
        self.series = [one for one in series if one.points]
        xs = [point[0] for one in self.series for point in one.points] + (x.ticks or [])
        ys = [point[1] for one in self.series for point in one.points]
        left, top, bottom = 66.0, 34.0, height - 44.0
        right = 26 + 6.6 * max([16, *(len(one.label) for one in self.series if one.named)])  # room for the longest label
        self.frame = (left, top, width - right, bottom)
        self.scale_x = self.make_scale(x, xs, left, width - right)
        self.scale_y = self.make_scale(y, ys, bottom, top)

    @staticmethod
    def make_scale(axis: Axis, values: Sequence[float], begin: float, end: float) -> Scale:
        if axis.log:
            return Scale(*log_bounds(values), begin, end, True)
        low, high = (0.0 if axis.from_zero else min(values)), max(values)
        air = (high - low or 1.0) * 0.05
        return Scale(low if axis.from_zero else low - air, high + air, begin, end)

    def svg(self, title: str) -> str:
        parts = [
            f'<svg viewBox="0 0 {number(self.width)} {number(self.height)}" role="img" aria-label="{escape(title)}">',
            *self.axes(), *(self.line(one) for one in sorted(self.series, key=lambda one: "bold" in one.style)), *self.labels(), "</svg>",
        ]
        return "\n".join(parts)

    def axes(self) -> List[str]:
        left, top, right, bottom = self.frame
        parts: List[str] = []
        for tick in self.y.ticks or self.scale_y.ticks():
            y = self.scale_y.at(tick)
            parts.append(f'<path class="grid" d="M{number(left)} {number(y)}H{number(right)}"/>')
            parts.append(f'<text class="tick end" x="{number(left - 8)}" y="{number(y + 4)}">{escape(self.y.text(tick))}</text>')
        last = -1e9
        for tick in self.x.ticks or self.scale_x.ticks():
            x = self.scale_x.at(tick)
            parts.append(f'<path class="grid" d="M{number(x)} {number(top)}V{number(bottom)}"/>')
            text = self.x.text(tick)
            if x - last >= 7 * len(text) + 4:
                parts.append(f'<text class="tick middle" x="{number(x)}" y="{number(bottom + 18)}">{escape(text)}</text>')
                last = x
        parts.append(f'<path class="base" d="M{number(left)} {number(bottom)}H{number(right)}"/>')
        parts.append(f'<text class="axis" x="{number(left - 58)}" y="{number(top - 16)}">{escape(self.y.title)}</text>')
        parts.append(f'<text class="axis end" x="{number(right)}" y="{number(bottom + 36)}">{escape(self.x.title)}</text>')
        return parts

    def line(self, one: Series) -> str:
        places = [(self.scale_x.at(x), self.scale_y.at(y)) for x, y in one.points]
        path = "M" + "L".join(f"{number(x)} {number(y)}" for x, y in places)
        parts = [f'<g class="{one.style}">', f'<path class="line" d="{path}"/>']
        for index, (x, y) in enumerate(places):
            tip = f"<title>{escape(one.tips[index])}</title>" if index < len(one.tips) else ""
            radius = (3.6 if "bold" in one.style else 2.8) if one.marks else 6
            parts.append(f'<circle class="{"dot" if one.marks else "ghost"}" cx="{number(x)}" cy="{number(y)}" r="{radius}">{tip}</circle>')
        return "".join([*parts, "</g>"])

    def labels(self) -> List[str]:
        _, top, right, bottom = self.frame
        labels: List[Label] = []
        for one in self.series:
            if one.named:
                x, y = one.points[-1]
                labels.append(Label(one.label, one.style, self.scale_x.at(x), 0, self.scale_y.at(y)))
        spread_labels(labels, top, bottom)
        parts: List[str] = []
        for label in labels:
            begin, end = label.x + 5, right + 16
            parts.append(f'<g class="{label.style}"><path class="leader" d="M{number(begin)} {number(label.wanted)}'
                         f'L{number(end - 6)} {number(label.y)}"/>'
                         f'<text class="name" x="{number(end)}" y="{number(label.y + 4)}">{escape(label.text)}</text></g>')
        return parts


@dataclass
class Dot:
    """One line of a dot plot: a figure, its spread, and the target where there is one."""

    label: str
    style: str
    value: float
    spread: Tuple[float, float, float, float]
    text: str
    tip: str
    target: Optional[float] = None
    at_most: bool = False
    note: str = ""


def dot_plot(title: str, dots: Sequence[Dot], text: Text, reference: Optional[float] = None) -> str:
    """Dots on a log axis, each with its quartiles (thick), its range (thin, cut at the frame) and its target (a bracket)."""
    width, right, step, top = 640.0, 476.0, 25.0, 30.0
    left = 22 + 6.7 * max([20, *(len(dot.label) for dot in dots)])  # room for the longest label
    height = top + step * len(dots) + 14
    values = [value for dot in dots for value in (*dot.spread[1:3], dot.value, *([dot.target] if dot.target else ())) if value > 0]
    scale = Scale(*log_bounds([*values, *([reference / 1.15, reference * 1.15] if reference else [])]), left, right, True)

    def at(value: float) -> float:
        return scale.at(min(max(value, scale.low), scale.high))

    parts = [f'<svg viewBox="0 0 {number(width)} {number(height)}" role="img" aria-label="{escape(title)}">']
    last = -1e9
    for tick in scale.ticks():
        style = "base" if reference is not None and math.isclose(tick, reference) else "grid"
        parts.append(f'<path class="{style}" d="M{number(scale.at(tick))} {number(top - 6)}V{number(height - 12)}"/>')
        if scale.at(tick) - last >= 6.5 * len(text(tick)) + 6:
            parts.append(f'<text class="tick middle" x="{number(scale.at(tick))}" y="{number(top - 13)}">{escape(text(tick))}</text>')
            last = scale.at(tick)
    for index, dot in enumerate(dots):
        y = top + step * (index + 0.5)
        parts.append(f'<g class="{dot.style}"><title>{escape(dot.tip)}</title>')
        parts.append(f'<text class="row end" x="{number(left - 14)}" y="{number(y + 4)}">{escape(dot.label)}</text>')
        if dot.target is not None:
            x, side = at(dot.target), -1 if dot.at_most else 1
            parts.append(f'<path class="target" d="M{number(x)} {number(y - 9)}V{number(y + 9)}M{number(x)} {number(y - 9)}h{6 * side}'
                         f'M{number(x)} {number(y + 9)}h{6 * side}"/>')
        low, q1, q3, high = (at(value) for value in dot.spread)
        parts.append(f'<path class="range" d="M{number(low)} {number(y)}H{number(high)}"/><path class="box" d="M{number(q1)} {number(y)}H{number(max(q3, q1 + 0.1))}"/>')
        parts.append(f'<circle class="dot" cx="{number(at(dot.value))}" cy="{number(y)}" r="4.6"/>')
        parts.append(f'<text class="value" x="{number(right + 52)}" y="{number(y + 4)}">{escape(dot.text)}</text>')
        parts.append(f'<text class="note" x="{number(right + 64)}" y="{number(y + 4)}">{escape(dot.note)}</text></g>')
    return "\n".join([*parts, "</svg>"])
