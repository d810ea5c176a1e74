"""Scores of texts with a number, such as similarity."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .percent import percent

FIELDS = {"text": str, "gold": float | int, "predicted": float | int}


def problem(record: dict) -> str | None:
    """What is wrong with a record that has its fields; None where nothing is."""
    for name in ("gold", "predicted"):
        if isinstance(record[name], bool) or not math.isfinite(record[name]):
            return f"{name} {record[name]!r} is no number"
    return None


def kept(record: dict) -> dict:
    """What `score` reads of a record."""
    return {name: record[name] for name in ("gold", "predicted")}


def score(records: Sequence[dict]) -> dict:
    """Pearson's and Spearman's correlation (scipy), times 100, and the mean squared error.

    A correlation of numbers that are all alike is 0 here: they tell nothing.
    """
    from scipy.stats import pearsonr, spearmanr

    gold = [float(record["gold"]) for record in records]
    predicted = [float(record["predicted"]) for record in records]
    alike = len(set(gold)) == 1 or len(set(predicted)) == 1
    correlations = {
        name: 0.0 if alike else percent(correlate(gold, predicted).statistic)
        for name, correlate in (("pearson", pearsonr), ("spearman", spearmanr))
    }
    squares = [(one - other) ** 2 for one, other in zip(gold, predicted)]
    return {
        "scorer": "scipy, correlations",
        **correlations,
        "mean_squared_error": round(math.fsum(squares) / len(squares), 4),
        "texts": len(records),
    }
