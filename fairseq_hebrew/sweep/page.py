"""The page of a sweep: one HTML file without any script, its pictures in it."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path

from fairseq_hebrew.eval.html_tables import STYLE, table

from .tables import HEAD, grid_table, rows


def page(report: Mapping, pictures: Sequence[tuple[str, str]], folder: Path) -> str:
    """`pictures` are (name of a PNG in `folder`, what it shows)."""
    title = html.escape(f"{report['sweep']}: {report['task']}, {report['metric']}")
    parts = [
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>",
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>",
        f"<p>Mean and standard deviation over {len(report['seeds'])} seeds, in percent. Up to {report['epochs']} "
        f"epochs, patience {report['patience']}. A setting was chosen on dev by its mean; the test split was scored "
        "once, with that setting.</p>",
        *table(HEAD, [[html.escape(cell) for cell in row] for row in rows(report)]),
    ]
    for name, told in pictures:
        data = base64.b64encode((folder / name).read_bytes()).decode("ascii")
        told = html.escape(told)
        parts.append(f"<h2>{told}</h2><p><img alt='{told}' src='data:image/png;base64,{data}'></p>")
    for model in report["models"]:
        head, made = grid_table(model)
        name = html.escape(model["model"])
        start = html.escape(model["checkpoint"] or "random weights")
        parts.append(f"<h2>{name}</h2><p><code>{html.escape(model['arch'])}</code> from <code>{start}</code>.</p>")
        parts += table(head, [[_starred(html.escape(cell)) for cell in row] for row in made])
        if model["other_settings_scored_on_test"]:
            others = html.escape(", ".join(model["other_settings_scored_on_test"]))
            parts.append(f"<p>With an earlier grid test was scored with another setting too: {others}.</p>")
        if model["failed"]:
            failed = [(html.escape(one["trial"]), html.escape(one["reason"])) for one in model["failed"]]
            parts += table(("failed trial", "reason"), failed)
    parts.append(f"<p>fairseq_hebrew {html.escape(report['version'])}. The same figures: <code>report.json</code>.</p>")
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _starred(cell: str) -> str:
    return f"<span class=score>{cell.strip('*')}</span>" if cell.startswith("**") else cell
