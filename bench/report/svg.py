"""The plot: for each scenario a bar of CPU cost for each peer. Plain SVG, no library.

Bars of a scenario are scaled to its largest, since scenarios differ by an order of magnitude; the
number at each bar is what counts.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from bench.peers import PEERS
from bench.scenarios import SCENARIOS
from bench.summary import summarise

if TYPE_CHECKING:
    from bench.rows import Results

WIDTH, LABEL, BARS = 760, 150, 420
BAR, GAP, TOP = 15, 14, 64
# Told apart without colour vision, on white and on dark grey.
COLOURS = {"nginx": "#8a8f98", "gatewright": "#d9480f", "haproxy": "#4c78a8", "envoy": "#b279a2"}
STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#333}"
    ".name{font-weight:600}.title{font-size:15px;font-weight:600}"
    "@media(prefers-color-scheme:dark){text{fill:#ddd}}"
)


def render_svg(results: Results) -> str:
    """Return the plot of a run."""
    parts: list[str] = []
    top = TOP
    for scenario in SCENARIOS:
        cells = {
            peer: cell for peer in COLOURS if (cell := summarise(results.rows, scenario.name, peer, scenario.baseline))
        }
        if not cells:
            continue
        middle = top + len(cells) * BAR / 2 + 4
        parts.append(_text(LABEL - 12, middle, scenario.name, 'class="name" text-anchor="end"'))
        largest = max(cell.cpu_us for cell in cells.values())
        for peer, cell in cells.items():
            width = max(1.0, cell.cpu_us / largest * BARS)
            parts.append(f'<rect x="{LABEL}" y="{top}" width="{width:.1f}" height="{BAR - 2}" fill="{COLOURS[peer]}"/>')
            ratio = f"  ({cell.ratio:.2f})" if cell.ratio is not None else ""
            parts.append(_text(LABEL + width + 6, top + 11, f"{cell.cpu_us:.1f} µs{ratio}"))
            top += BAR
        top += GAP
    head = _text(12, 22, "CPU a request (ratio to nginx in the same rounds)", 'class="title"')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img">'
        f"<title>CPU a request</title><style>{STYLE}</style>\n{head}\n{_legend(results)}\n"
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _legend(results: Results) -> str:
    shown = {row.peer for row in results.rows}
    parts, left = [], LABEL
    for peer in PEERS:
        if peer.name in shown:
            swatch = f'<rect x="{left}" y="36" width="12" height="12" fill="{COLOURS[peer.name]}"/>'
            parts += [swatch, _text(left + 18, 47, peer.title)]
            left += 110
    return "\n".join(parts)


def _text(x: float, y: float, content: str, attributes: str = "") -> str:
    space = " " if attributes else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{space}{attributes}>{escape(content)}</text>'
