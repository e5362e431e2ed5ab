"""results.svg: the main ratios as bars. Drawn by hand, legible on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from harness.bench import Row

WIDTH, LABEL, BAR, LINE, TOP = 900, 500, 250, 30, 62
"""Pixels: the whole, where bars begin, a bar of ratio 1, one row, and what is above the first."""

STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
.title { font-size: 15px; font-weight: 600 }
.small { fill: #59636e; font-size: 12px }
.met { fill: #1a7f37 } .missed { fill: #bc4c00 } .one { stroke: #818b98; stroke-dasharray: 4 3 }
@media (prefers-color-scheme: dark) {
  text { fill: #f0f6fc } .small { fill: #9198a1 } .met { fill: #3fb950 } .missed { fill: #f0883e }
}
"""


def picture(rows: Sequence[Row]) -> str:
    """One bar for each main row: cost as a share of the other's, so that shorter is better for all."""
    shown = [row for row in rows if row.picture and row.against is not None]
    height = TOP + LINE * len(shown) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" role="img" '
        'aria-labelledby="title">',
        f'<title id="title">{escape(_words(shown))}</title>',
        f"<style>{STYLE}</style>",
        '<text class="title" x="10" y="24">What this package costs, as a share of what it is compared with</text>',
        f'<text class="small" x="{LABEL + BAR}" y="{TOP - 12}" text-anchor="middle">1.0: the same</text>',
        f'<line class="one" x1="{LABEL + BAR}" x2="{LABEL + BAR}" y1="{TOP - 6}" y2="{height - 22}"/>',
    ]
    for index, row in enumerate(shown):
        y = TOP + LINE * index
        share = _share(row)
        length = min(share, 1.25) * BAR
        kind = "missed" if row.verdict == "MISSED" else "met"
        parts += [
            f'<text x="{LABEL - 10}" y="{y + 14}" text-anchor="end">{escape(_label(row))}</text>',
            f'<rect class="{kind}" x="{LABEL}" y="{y + 2}" width="{length:.1f}" height="16" rx="2"/>',
            f'<text x="{LABEL + length + 6:.1f}" y="{y + 15}">{share:.2f}{"" if share <= 1.25 else " →"}</text>',
        ]
    legend = "Green meets its target, orange misses it; → is longer than drawn. Made by nox -s bench."
    parts.append(f'<text class="small" x="10" y="{height - 6}">{legend}</text>')
    return "\n".join(parts) + "\n</svg>\n"


def _share(row: Row) -> float:
    # Twice as many calls a second are half the cost of each.
    return 1 / row.judged if row.at_least else row.judged


def _label(row: Row) -> str:
    what = row.what.replace("`", "").partition(", limits,")[0].partition(", body")[0]
    return f"{what}, beside {(row.against or '').partition(' ')[0]}"


def _words(rows: Sequence[Row]) -> str:
    return "; ".join(f"{_label(row)}: {_share(row):.2f}" for row in rows)
