"""Charts as SVG, whose colours the page chooses, and whose words are escaped by construction."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from skfair._utils.html import Markup, tag
from skfair.reporting._blocks import Chart, Curves, Figure, Intervals, Point, Points

WIDTH = 360
N_COLOURS = 5
_LEFT, _RIGHT = 10, 350
_LABEL, _LINE, _GAP = 15, 12, 7
_SIDE = 300
Place = Callable[..., tuple[float, float]]
Box = tuple[float, float, float, float]
_DASHES = (None, "6 3", "2 3", "8 3 2 3")


def draw(chart: Chart) -> Markup:
    """Draw a chart."""
    if isinstance(chart, Points):
        return _points(chart)
    return _intervals(chart) if isinstance(chart, Intervals) else _curves(chart)


def _svg(alt: str, height: float, *content: object) -> Markup:
    return tag(
        "svg",
        *content,
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        role="img",
        aria_label=alt,
    )


def _text(x: float, y: float, text: str, *, anchor: str = "start", kind: str = "") -> Markup:
    return tag("text", text, x=f"{x:.1f}", y=f"{y:.1f}", text_anchor=anchor, class_=kind or None)


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Markup:
    ends = {"x1": x1, "y1": y1, "x2": x2, "y2": y2}
    return tag("line", class_=kind, **{name: f"{value:.1f}" for name, value in ends.items()})


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from at or below ``low`` to at or above ``high``.

    Examples
    --------
    >>> ticks(0, 0.47), ticks(0.3, 0.3)
    ([0.0, 0.1, 0.2, 0.3, 0.4, 0.5], [0.3, 0.32])
    """
    span = high - low if high - low > 1e-9 else 0.1
    power = 10.0 ** math.floor(math.log10(span / most))
    step = next(k * power for k in (1, 2, 5, 10, 20) if k * power * most >= span * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(k * step, 10) for k in range(first, max(last, first + 1) + 1)]


def _intervals(chart: Intervals) -> Markup:
    figures = [figure for _, line in chart.lines for figure in line]
    values = [value for figure in figures for value in figure if value is not None]
    if not values or min(values) < 0.4 * max(values):
        values.append(0.0)
    marks = ticks(min(values), max(values))
    scale = (_RIGHT - _LEFT - 14) / (marks[-1] - marks[0])

    def place(value: float) -> float:
        return _LEFT + 4 + scale * (value - marks[0])

    top = 4.0 + (16 if len(chart.series) > 1 else 0)
    height = top + len(chart.lines) * (_LABEL + _LINE * len(chart.series) + _GAP) + 24
    parts = [_line(place(mark), top, place(mark), height - 22, "grid") for mark in marks]
    parts += [
        _text(place(mark), height - 8, _tick(mark, chart.is_share), anchor="middle", kind="tick")
        for mark in marks
    ]
    if len(chart.series) > 1:
        parts += _legend(chart.series)
    y = top
    for name, line in chart.lines:
        parts.append(_text(_LEFT, y + _LABEL - 4, name))
        y += _LABEL
        for i, figure in enumerate(line):
            parts.append(_interval(figure, i, len(chart.series), y + _LINE / 2, place))
            y += _LINE
        y += _GAP
    return _svg(chart.alt, height, *parts)


def _tick(value: float, is_share: bool) -> str:
    return f"{100 * value:g} %" if is_share else f"{value:g}"


def _legend(series: Sequence[str]) -> list[Markup]:
    parts = []
    for i, name in enumerate(series):
        x = _LEFT + 6 + 90 * i
        parts += [_mark(x, 9, i, len(series)), _text(x + 9, 13, name)]
    return parts


def _interval(figure: Figure, i: int, n_series: int, y: float, place) -> Markup:  # type: ignore[no-untyped-def]
    if figure.estimate is None:
        return _text(_LEFT + 6, y + 4, "undefined", kind="tick")
    parts = []
    if figure.low is not None and figure.high is not None:
        parts.append(_line(place(figure.low), y, place(figure.high), y, f"s{i}"))
    parts.append(_mark(place(figure.estimate), y, i, n_series))
    return tag("g", *parts)


def _mark(x: float, y: float, i: int, n_series: int) -> Markup:
    """Draw a dot; of two series a hollow dot and a square, so that no colour is needed."""
    if n_series > 1 and i == 1:
        side = {"x": x - 4, "y": y - 4, "width": 8.0, "height": 8.0}
        return tag("rect", class_="f1", **{k: f"{v:.1f}" for k, v in side.items()})
    kind = "h0" if n_series > 1 else "f0"
    return tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=4, class_=kind)


def _curves(chart: Curves) -> Markup:
    left, top = 44.0, 8.0
    bottom = top + _SIDE

    def at(x: float, y: float) -> str:
        return f"{left + _SIDE * x:.1f},{bottom - _SIDE * y:.1f}"

    parts = []
    for mark in (0, 0.25, 0.5, 0.75, 1):
        x, y = left + _SIDE * mark, bottom - _SIDE * mark
        parts += [_line(x, top, x, bottom, "grid"), _line(left, y, left + _SIDE, y, "grid")]
        parts.append(_text(x, bottom + 15, f"{100 * mark:g}", anchor="middle", kind="tick"))
        parts.append(_text(left - 6, y + 4, f"{100 * mark:g}", anchor="end", kind="tick"))
    parts.append(_text(left + _SIDE / 2, bottom + 32, f"{chart.x}, %", anchor="middle"))
    parts.append(_upright(f"{chart.y}, %", top + _SIDE / 2))
    y = bottom + 52
    for i, (name, xs, ys) in enumerate(chart.lines):
        kind, dash = f"curve s{i % N_COLOURS}", _DASHES[i // N_COLOURS % len(_DASHES)]
        points = " ".join(at(a, b) for a, b in zip(xs, ys, strict=True))
        parts.append(tag("polyline", points=points, class_=kind, stroke_dasharray=dash))
        sample = f"{left:.0f},{y - 4:.0f} {left + 28:.0f},{y - 4:.0f}"
        parts.append(tag("polyline", points=sample, class_=kind, stroke_dasharray=dash))
        parts.append(_text(left + 36, y, name))
        y += 18
    return _svg(chart.alt, y, *parts)


def _upright(text: str, y: float) -> Markup:
    turned = f"rotate(-90 11 {y:.0f})"
    return tag("text", text, x=11, y=f"{y:.0f}", text_anchor="middle", transform=turned)


def _points(chart: Points) -> Markup:
    left, top, bottom = 44.0, 8.0, 8.0 + _SIDE
    shown = [point for point in chart.points if point.is_defined]
    xs, ys = (ticks(*_range_of(shown, axis)) for axis in ("x", "y"))

    def place(x: float, y: float) -> tuple[float, float]:
        right = left + _SIDE * (x - xs[0]) / (xs[-1] - xs[0])
        return right, bottom - _SIDE * (y - ys[0]) / (ys[-1] - ys[0])

    parts = []
    for mark in xs:
        x, _ = place(mark, ys[0])
        parts += [_line(x, top, x, bottom, "grid")]
        parts.append(_text(x, bottom + 15, f"{100 * mark:g}", anchor="middle", kind="tick"))
    for mark in ys:
        _, y = place(xs[0], mark)
        parts += [_line(left, y, left + _SIDE, y, "grid")]
        parts.append(_text(left - 6, y + 4, f"{100 * mark:g}", anchor="end", kind="tick"))
    parts.append(_text(left + _SIDE / 2, bottom + 32, chart.x, anchor="middle"))
    parts.append(_upright(chart.y, top + _SIDE / 2))
    parts += [_crossed(point, place) for point in sorted(shown, key=lambda point: point.is_named)]
    parts += _numbers(chart.points, place)
    key = _key(chart.points, left, bottom + 54)
    return _svg(chart.alt, bottom + 54 + 18 * len(key), *parts, *key)


def _key(points: Sequence[Point], x: float, y: float) -> list[Markup]:
    """Say which number is which point, a line each."""
    named = [(i, point) for i, point in enumerate(points, start=1) if point.is_named]
    lines = [
        (_dot(point, x, y - 4), f"{i} {point.name}{', undefined' * (not point.is_defined)}")
        for i, point in named
    ]
    rest = [point for point in points if not point.is_named]
    if rest:
        lines.append((_dot(rest[0], x, y - 4), f"{len(rest)} others, in the table"))
    return [
        tag("g", dot, _text(x + 10, y, text), transform=f"translate(0 {18 * i})")
        for i, (dot, text) in enumerate(lines)
    ]


def _range_of(points: Sequence[Point], axis: str) -> tuple[float, float]:
    figures = [(getattr(point, axis), point.is_named) for point in points]
    ends = [
        value
        for figure, is_named in figures
        for value in (figure if is_named else figure[:1])
        if value is not None
    ]
    return (min(ends), max(ends)) if ends else (0.0, 1.0)


def _dot(point: Point, x: float, y: float) -> Markup:
    kind, radius = "f0" if point.stands_out else "h0", 4 if point.is_named else 2
    return tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=radius, class_=kind)


def _crossed(point: Point, place: Place) -> Markup:
    """Draw a point, and its two intervals if it is named."""
    x, y = point.x, point.y
    cross, (at, up) = [], place(x.estimate, y.estimate)
    if point.is_named and None not in x:
        cross.append(_line(place(x.low, 0)[0], up, place(x.high, 0)[0], up, "s0 thin"))
    if point.is_named and None not in y:
        cross.append(_line(at, place(0, y.low)[1], at, place(0, y.high)[1], "s0 thin"))
    return tag("g", *cross, _dot(point, at, up))


def _numbers(points: Sequence[Point], place: Place) -> list[Markup]:
    """Write numbers beside the points that are named, one text where points lie in one place."""
    found: dict[tuple[float, float], list[str]] = {}
    for i, point in enumerate(points, start=1):
        if point.is_named and point.is_defined:
            x, y = place(point.x.estimate, point.y.estimate)
            found.setdefault((round(x), round(y)), []).append(str(i))
    taken = [(x - 4, y - 4, x + 4, y + 4) for x, y in found]
    texts = []
    for (x, y), numbers in found.items():
        text = ", ".join(numbers)
        box = _free_box(x, y, 7.0 * len(text), taken)
        taken.append(box)
        texts.append(_text(box[0], box[3] - 1, text))
    return texts


def _free_box(x: float, y: float, width: float, taken: Sequence[Box]) -> Box:
    """Find room for a text near a point; where there is none it stands at the upper right."""
    height = 11.0
    boxes = []
    for up in (-5 - height, 5, -height / 2, -5 - 2 * height, 5 + height):
        for right in (6, -6 - width):
            at = min(max(x + right, 0.0), WIDTH - width)
            boxes.append((at, y + up, at + width, y + up + height))
    free = (
        box
        for box in boxes
        if not any(
            box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3] for b in taken
        )
    )
    return next(free, boxes[0])
