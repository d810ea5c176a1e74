"""The curves of a run as one page of HTML that needs nothing else: pictures that can be read off and zoomed into."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from importlib.resources import files

import numpy as np

from fairseq_hebrew import __version__

from .curves import Log
from .judgement import Judgement
from .panels import PANELS, lines
from .picture import LOGARITHMIC
from .words import events, plateau_words, spike_line

DIGITS = 6  # of a value on the page


def page(log: Log, judgement: Judgement, title: str, told: Sequence[str], refresh: int | None) -> str:
    """The page; `told` are the lines of the summary, `refresh` the seconds after which it loads itself again."""
    room = files(__package__)
    style, script = (room.joinpath(name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    in_the_list = set(events(judgement).values())
    told = [line for line in told if line not in in_the_list]
    again = f"<meta http-equiv=refresh content={refresh}>" if refresh else ""
    # `<` never stands in the data, so no name in it can end the script.
    data = json.dumps(page_data(log, judgement), ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    items = "".join(f"<li>{html.escape(line)}</li>" for line in told)
    parts = [
        f"<!doctype html><html lang=en><head><meta charset=utf-8>{again}",
        "<meta name=viewport content='width=device-width,initial-scale=1'>",
        "<meta name=color-scheme content='light dark'>",
        f"<title>{html.escape(title)}</title><style>{style}</style></head><body>",
        f"<h1>{html.escape(title)}</h1><ul id=told>{items}</ul>",
        "<p class=tools><label><input type=checkbox id=xlog> updates on a log scale</label>",
        "<button id=whole type=button>whole run</button>",
        "<span>Drag over a picture to zoom in, double-click to see the whole run, point at a curve to read it.</span>",
        "</p>",
        "<main id=panels></main><section id=events></section>",
        f"<footer>fairseq_hebrew {html.escape(__version__)}; the same figures: <code>summary.json</code></footer>",
        f"<script id=data type=application/json>{data}</script><script>{script}</script></body></html>",
    ]
    return "\n".join(parts) + "\n"


def page_data(log: Log, judgement: Judgement) -> dict:
    """What the script draws: the panels with their curves, the spans to mark, the events to list."""
    panels = []
    for panel in PANELS:
        found = [
            {
                "name": line.name,
                "x": line.updates.tolist(),
                "y": _numbers(line.values),
                "course": None if line.course is None else _numbers(line.course),
            }
            for line in lines(log, panel)
        ]
        if found:
            signal = panel.signals[0]
            logarithmic = panel.title in LOGARITHMIC
            panels.append(
                {"title": panel.title, "unit": panel.unit, "signal": signal, "log": logarithmic, "lines": found}
            )
    spikes = [
        {"signal": one.signal, "begin": one.begin, "end": one.end, "peak": one.peak, "words": spike_line(one)}
        for one in judgement.spikes
    ]
    plateaus = [{"begin": one.begin, "end": one.end, "words": plateau_words(one)} for one in judgement.plateaus]
    phases = [{"kind": one.kind, "begin": one.begin, "end": one.end} for one in judgement.phases]
    return {"panels": panels, "spikes": spikes, "plateaus": plateaus, "phases": phases}


def _numbers(values: np.ndarray) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]
