"""What the pages of results share: their style and their tables."""

from __future__ import annotations

from collections.abc import Sequence

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; } caption { text-align: left; color: #666; }
th, td { border-bottom: 1px solid #ddd; padding: .3rem .7rem; text-align: left; vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; } code { background: #f4f4f4; padding: .1rem .3rem; } bdi { unicode-bidi: isolate; }
.score { font-weight: 600; }
"""


def table(head: Sequence[object], rows: Sequence[Sequence[object]]) -> list[str]:
    """The lines of a table. Text is HTML: who has it from elsewhere escapes it."""
    return ["<table>", _row(head, "th"), *(_row(row) for row in rows), "</table>"]


def _row(cells: Sequence[object], tag: str = "td") -> str:
    made = []
    for cell in cells:
        number = isinstance(cell, int | float)
        text = f"{cell:,}" if number else str(cell)
        made.append(f"<{tag}{' class=number' if number else ''}>{text}</{tag}>")
    return f"<tr>{''.join(made)}</tr>"
