"""Reading the log fairseq-train writes with `--log-format json --log-file`: one JSON record a line."""

from __future__ import annotations

import json
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError


def read_log(path: Path) -> dict[str, list[dict[str, float]]]:
    """{"train": [...], "valid": [...]}: records in order, numbers as floats, `valid_` and `train_` left off.

    A training record has `num_updates` and `loss` (base 2), a validation record the same. Lines that are no JSON, as
    a killed run leaves one, are passed over.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such log; run fairseq-train with --log-format json --log-file {path.name}")
    records: dict[str, list[dict[str, float]]] = {"train": [], "valid": []}
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        start = line.find("{")
        try:
            found = json.loads(line[start:]) if start >= 0 else None
        except json.JSONDecodeError:
            continue
        if not isinstance(found, dict):
            continue
        numbers = {name: number for name, value in found.items() if (number := _number(value)) is not None}
        if "valid_loss" in numbers:
            records["valid"].append({name.removeprefix("valid_"): value for name, value in numbers.items()})
        elif "loss" in numbers and "num_updates" in numbers:
            records["train"].append(numbers)
    return records


def _number(value: object) -> float | None:
    try:
        return float(value)  # fairseq writes numbers as strings
    except (TypeError, ValueError):
        return None
