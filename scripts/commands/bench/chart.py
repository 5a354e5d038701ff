"""Charts as SVG, drawn by hand: horizontal bars, and lines over a logarithmic axis. Readable on white and on black."""

import math
from collections.abc import Mapping, Sequence
from html import escape

from scripts.commands.bench.spread import shown

WIDTH = 760
OURS = "#0b7a75"
OTHERS = "#8a8f98"
COLOURS = (OURS, "#c1440e", "#4062bb", "#8d6a9f", "#b58900", "#5f6f52")
STYLE = (
    "<style>text{font:13px system-ui,sans-serif;fill:#57606a}.title{font-weight:600;font-size:15px}"
    "@media(prefers-color-scheme:dark){text{fill:#c9d1d9}}</style>"
)


def bars(title: str, values: Mapping[str, tuple[float, float, float]], unit: str, ours: Sequence[str]) -> str:
    """One bar for each (median, low, high), with a whisker from low to high; those of ``ours`` in their own colour."""
    left, right, step = 230, 110, 34
    height = 50 + step * len(values)
    longest = max(high for _, _, high in values.values()) or 1.0
    scale = (WIDTH - left - right) / longest
    parts = [_text(0, 20, title, "title")]
    for n, (name, (middle, low, high)) in enumerate(values.items()):
        y = 40 + n * step
        parts.append(_text(left - 10, y + 16, name, anchor="end"))
        colour = OURS if name in ours else OTHERS
        parts.append(
            f'<rect x="{left}" y="{y}" width="{max(1.0, middle * scale):.1f}" height="22" rx="3" fill="{colour}"/>'
        )
        parts.append(
            f'<path d="M{left + low * scale:.1f} {y + 11}H{left + high * scale:.1f}" stroke="#24292f" stroke-width="1.5"/>'
        )
        parts.append(_text(left + high * scale + 8, y + 16, f"{shown(middle)} {unit}".strip()))
    return _svg(title, height, parts)


def lines(
    title: str, series: Mapping[str, Sequence[tuple[float, float]]], x_name: str, y_name: str, *, log_y: bool = True
) -> str:
    """Lines through (x, y); x is logarithmic, and so is y unless told."""
    left, right, top, bottom, height = 70, 190, 45, 55, 360
    xs = [x for points in series.values() for x, _ in points]
    ys = [y for points in series.values() for _, y in points if y > 0]
    x_at = Axis(math.log10(min(xs)), math.log10(max(xs)), left, WIDTH - right)
    low, high = (math.log10(min(ys)), math.log10(max(ys))) if log_y else (0.0, max(ys))
    low, high = (math.floor(low), math.ceil(high)) if log_y else (low, high)
    y_at = Axis(low, high, height - bottom, top)
    parts = [_text(0, 20, title, "title"), _text((left + WIDTH - right) / 2, height - 12, x_name, anchor="middle")]
    parts.append(_text(0, 38, y_name))
    for x in sorted(set(xs)):
        parts.append(_text(x_at(math.log10(x)), height - bottom + 20, shown(x), anchor="middle"))
    ticks = [10.0**n for n in range(int(low), int(high) + 1)] if log_y else [high * n / 4 for n in range(5)]
    for tick in ticks:
        y = y_at(math.log10(tick) if log_y else tick)
        parts.append(f'<path d="M{left} {y:.1f}H{WIDTH - right}" stroke="#8a8f98" stroke-opacity=".35"/>')
        parts.append(_text(left - 8, y + 4, shown(tick), anchor="end"))
    for n, (name, points) in enumerate(series.items()):
        colour = COLOURS[n % len(COLOURS)]
        drawn = [(x_at(math.log10(x)), y_at(math.log10(max(y, 1e-9)) if log_y else y)) for x, y in points]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in drawn)
        parts.append(f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in drawn]
        key = top + 10 + 22 * n
        parts.append(f'<rect x="{WIDTH - right + 15}" y="{key - 9}" width="12" height="12" fill="{colour}"/>')
        parts.append(_text(WIDTH - right + 33, key + 2, name))
    return _svg(title, height, parts)


class Axis:
    def __init__(self, low: float, high: float, at_low: float, at_high: float) -> None:
        self._low, self._at_low = low, at_low
        self._scale = (at_high - at_low) / ((high - low) or 1.0)

    def __call__(self, value: float) -> float:
        return self._at_low + (value - self._low) * self._scale


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> str:
    css = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{css}>{escape(words)}</text>'


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" '
        f'aria-label="{escape(title)}">{STYLE}\n' + "\n".join(parts) + "\n</svg>\n"
    )
