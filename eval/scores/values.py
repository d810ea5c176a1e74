"""Scores of texts with a number, such as similarity."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from .percent import percent

FIELDS = {"text": str, "gold": float | int, "predicted": float | int}
EXAMPLE = ("text", "pair", "gold")


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


def counts(record: dict) -> list[float]:
    """Gold and predicted number, their squares and product, and the text itself, 1."""
    gold, predicted = float(record["gold"]), float(record["predicted"])
    return [gold, predicted, gold * gold, predicted * predicted, gold * predicted, 1.0]


def metrics(totals: np.ndarray) -> dict[str, np.ndarray]:
    """Pearson's correlation, times 100, (...) of summed counts (..., 6); 0 where numbers are all alike."""
    gold, predicted, gold_squares, predicted_squares, products, texts = np.moveaxis(totals, -1, 0)
    spread = [texts * squares - sums**2 for squares, sums in ((gold_squares, gold), (predicted_squares, predicted))]
    # What is left of equal numbers is what fp64 makes of the last digits.
    alike = (spread[0] <= 1e-12 * texts * gold_squares) | (spread[1] <= 1e-12 * texts * predicted_squares)
    root = np.sqrt(np.where(alike, 1.0, spread[0] * spread[1]))
    return {"pearson": np.where(alike, 0.0, 100.0 * (texts * products - gold * predicted) / root)}
