"""The parts of a model card that come from files beside the checkpoint: its data, and its scores."""

from __future__ import annotations

from pathlib import Path

from .card_tables import join, table
from .checkpoint import Checkpoint
from .provenance import Manifest

SHOWN = 3  # names of files in a cell


def data_section(checkpoint: Checkpoint, manifests: list[Manifest]) -> str:
    """What each stage made of what, from the manifests, and the licences of downloaded corpora."""
    own = _own_texts(checkpoint)
    if not manifests:
        return " ".join([*own, "The checkpoint does not record what texts the model was trained on."])
    what = "the tokenizer was" if checkpoint.task != "hebrew_masked_lm" or checkpoint.imported else "these were"
    rows = [(f"`{one.stage}`", _files(one.inputs), _files(one.outputs), _counts(one.counts)) for one in manifests]
    parts = [
        *own,
        f"From the manifests of the stages that prepared the texts; {what} made so:",
        table(rows, ("stage", "from", "to", "counts")),
    ]
    licences = [
        (", ".join(f"`{Path(name).name}`" for name, _, _ in one.outputs), one.licence, one.page or "")
        for one in manifests
        if one.licence
    ]
    if licences:
        parts.append(table(licences, ("downloaded", "licence", "says")))
    else:
        parts.append("No manifest states a licence of the texts.")
    return "\n\n".join(parts)


def _own_texts(checkpoint: Checkpoint) -> list[str]:
    if checkpoint.description is None or not checkpoint.description.files:
        return []
    files = ", ".join(f"{split} `{name}`" for split, name in checkpoint.description.files.items())
    for split, share in checkpoint.description.held_out.items():
        files += f", {split} a share of {share:g} held out of train"
    return [f"Fine-tuned on the task `{checkpoint.description.name}`: {files}."]


def results_section(scores: list[dict]) -> str:
    """A table for each file of scores, or that there is none."""
    if not scores:
        return "None are stated here: no scores were given when this folder was written."
    return "\n\n".join(_judged(one) for one in scores)


def _judged(scores: dict) -> str:
    rows = [(name, value) for name, value in scores.items() if type(value) in (int, float)]
    for name, found in {**scores.get("by_type", {}), **scores.get("by_label", {})}.items():
        rows.append((f"F1 of {name}", found.get("f1")))
    return f"Task `{scores['task']}`, {scores['scorer']}:\n\n{table(rows)}"


def _files(records: list[tuple[str, int, str | None]]) -> str:
    names = [f"`{Path(name).name}`" for name, _, _ in records]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{join(*names[:SHOWN])}{more}, {sum(size for _, size, _ in records):,} bytes"


def _counts(counts: dict) -> str:
    shown = [f"{name} {value:,}" for name, value in counts.items() if isinstance(value, int) and value]
    return join(*shown) or "-"
