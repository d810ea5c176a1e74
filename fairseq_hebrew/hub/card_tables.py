"""Tables of a model card in Markdown."""

from __future__ import annotations

Rows = list[tuple[str, object]]


def join(*values: object) -> str:
    return ", ".join(str(value) for value in values)


def row(cells: tuple) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def table(rows: Rows, head: tuple[str, ...] = ("", "")) -> str:
    """Two columns, without the rows whose value is None; `head` may name more."""
    lines = [row(head) if any(head) else "| | |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *(row(cells) for cells in rows if cells[1] is not None)])
