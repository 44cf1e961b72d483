"""Draws which share of a quota each ladder takes, by the size of the fleet, as an SVG without any library."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from tests.benchmarks.fleet_run import STARTS, STEADY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.fleet_run import Figures

TIMES: Final = "\N{MULTIPLICATION SIGN}"
_WIDTH, _HEIGHT = 860, 470
_MARGIN: Final = 24
_LEFT, _RIGHT, _TOP, _BOTTOM = 78, 190, 70, 62
_LOW, _HIGH = 0.0001, 10_000.0
_LABEL: Final = "Share of the nearest AWS quota by size of the fleet and ladder of stores"
_COLOURS: Final = {
    "cloudmap": "#0072b2",
    "cloudmap,ssm": "#d55e00",
    "s3,cloudmap": "#009e73",
    "file,s3,cloudmap": "#cc79a7",
}
_STYLE: Final = """
  .back { fill: #ffffff } text { font: 13px system-ui, sans-serif; fill: #24292f } .quiet { fill: #57606a }
  .grid { stroke: #d0d7de } .limit { stroke: #cf222e; stroke-width: 1.5 } .limit-text { fill: #cf222e; font-weight: 600 }
  .title { font-size: 16px; font-weight: 600 }
  @media (prefers-color-scheme: dark) {
    .back { fill: #0d1117 } text { fill: #e6edf3 } .quiet { fill: #8b949e } .grid { stroke: #30363d }
    .limit { stroke: #ff7b72 } .limit-text { fill: #ff7b72 }
  }
"""


def drawn(figures: Sequence[Figures]) -> str:
    """Return the picture: a point for each fleet, joined by ladder; a bar from its steady mean to the peak when all start."""
    fleets = list(dict.fromkeys((one.fleet.sandboxes, one.fleet.dependencies) for one in figures))
    step = (_WIDTH - _LEFT - _RIGHT) / len(fleets)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-{_MARGIN} 0 {_WIDTH + _MARGIN} {_HEIGHT}" role="img" aria-label="{_LABEL}">',
        f"<style>{_STYLE}</style>",
        f'<rect class="back" x="-{_MARGIN}" width="{_WIDTH + _MARGIN}" height="{_HEIGHT}"/>',
        _text(_LEFT, 26, "How much of the nearest AWS quota a fleet takes", "title"),
        _text(
            _LEFT,
            48,
            "point: steady mean · line: up to the peak when all start anew · ring: the naive client",
            "quiet",
        ),
    ]
    for power in range(round(math.log10(_LOW)), round(math.log10(_HIGH)) + 1):
        share = 10.0**power
        y = _y(share)
        kind = "limit" if power == 0 else "grid"
        parts.append(f'<line class="{kind}" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(_LEFT - 8, y + 4, f"{share * 100:,.10g} %", "quiet", "end"))
    parts.append(_text(_WIDTH - _RIGHT + 6, _y(1.0) + 4, "the quota", "limit-text"))
    for column, (sandboxes, dependencies) in enumerate(fleets):
        x = _LEFT + step * (column + 0.5)
        parts.append(_text(x, _HEIGHT - _BOTTOM + 22, f"{sandboxes:,}", "", "middle"))
        parts.append(_text(x, _HEIGHT - _BOTTOM + 40, f"{TIMES} {dependencies}", "quiet", "middle"))
    parts.append(_text(_WIDTH - _RIGHT + 6, _HEIGHT - _BOTTOM + 22, "sandboxes", "quiet"))
    parts.append(_text(_WIDTH - _RIGHT + 6, _HEIGHT - _BOTTOM + 40, f"{TIMES} services each", "quiet"))
    labels: list[tuple[float, str, str]] = []
    for number, (ladder, colour) in enumerate(_COLOURS.items()):
        offset = (number - (len(_COLOURS) - 1) / 2) * step / 7
        points = []
        for one in figures:
            if one.fleet.ladder != ladder:
                continue
            x = _LEFT + step * (fleets.index((one.fleet.sandboxes, one.fleet.dependencies)) + 0.5) + offset
            mean, peak = one.share(STEADY, is_peak=False), one.share(STARTS, is_peak=True)
            if one.fleet.is_naive:
                if not mean:
                    continue  # it never asks: nothing on a scale of powers
                parts.append(
                    f'<circle cx="{x:.1f}" cy="{_y(mean):.1f}" r="4" fill="none" stroke="{colour}" stroke-width="1.5"/>'
                )
                continue
            points.append((x, _y(mean)))
            parts.append(
                f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_y(mean):.1f}" y2="{_y(peak):.1f}" stroke="{colour}" stroke-width="2"/>'
            )
            parts.append(
                f'<line x1="{x - 4:.1f}" x2="{x + 4:.1f}" y1="{_y(peak):.1f}" y2="{_y(peak):.1f}" stroke="{colour}" stroke-width="2"/>'
            )
            parts.append(f'<circle cx="{x:.1f}" cy="{_y(mean):.1f}" r="5" fill="{colour}"/>')
        if points:
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
            parts.append(
                f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.5" opacity="0.45"/>'
            )
            labels.append((points[-1][1], ladder, colour))
    last = float("-inf")
    for y, ladder, colour in sorted(labels):
        last = max(y, last + 17)
        parts.append(
            f'<text x="{_WIDTH - _RIGHT + 6}" y="{last + 4:.1f}" style="fill:{colour};font-weight:600">{ladder}</text>'
        )
    return "\n".join([*parts, "</svg>", ""])


def _y(share: float) -> float:
    within = min(max(share, _LOW), _HIGH)
    part = (math.log10(within) - math.log10(_LOW)) / (math.log10(_HIGH) - math.log10(_LOW))
    return _HEIGHT - _BOTTOM - part * (_HEIGHT - _TOP - _BOTTOM)


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{text}</text>'
