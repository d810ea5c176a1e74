"""Scores of answered questions: exact match and F1 over words as in SQuAD 2.0, and the same for Hebrew.

A question without a right answer is answered well by none. The best of several right answers counts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text import answers as compared

from .percent import percent

FIELDS = {
    "id": str,
    "text": str,
    "gold": list,
    "predicted": str,
    "answers": list,
    "null_score": float,
    "null_threshold": float,
    "unanswerable": bool,
}
# What is printed: the name after which words are compared, exact match, F1.
MEASURES = {
    "": (compared.squad_words, compared.exact, compared.f1),
    "_hebrew": (compared.hebrew_words, compared.exact, compared.f1),
}
EXAMPLE = ("id", "question", "text", "gold")
PARTICLES = {"_particles": (compared.content_words, compared.exact_with_particles, compared.f1_with_particles)}
SCORER = "SQuAD 2.0's exact match and F1; _hebrew: without niqqud and Unicode's punctuation, maqaf parts words"
WITH_PARTICLES = "; _particles: as _hebrew, with one-letter particles before a word or without"


def problem(record: dict) -> str | None:
    """What is wrong with a record that has its fields; None where nothing is."""
    for name, wanted in (("gold", ("text",)), ("answers", ("text", "score"))):
        for item in record[name]:
            if not isinstance(item, dict) or not isinstance(item.get("text"), str):
                return f"{name} is no list of objects with {' and '.join(wanted)}"
            if "score" in wanted and not _finite(item.get("score")):
                return f"{name} is no list of objects with {' and '.join(wanted)}"
    for name in ("null_score", "null_threshold"):
        if not _finite(record[name]):
            return f"{name} {record[name]!r} is no finite number"
    if record["predicted"] not in ("", *(item["text"] for item in record["answers"][:1])):
        return "predicted is neither empty nor the first of answers"
    return None


def _finite(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)


def kept(record: dict) -> dict:
    """What `score` reads of a record: of its answers the best one, and no text they stand in."""
    return {name: record[name] for name in FIELDS if name != "text"} | {"answers": record["answers"][:1]}


def score(records: Sequence[dict], threshold: float | None = None, tune: bool = False, particles: bool = False) -> dict:
    """Exact match and F1 in percent, of all questions and of those with and without an answer.

    threshold: decide anew between the best answer and none; tune: by the threshold that gives these records the best
    F1; particles: compare words without their particles too. Raises UserError where an id is there twice, or a
    threshold is asked for and every question has an answer.
    """
    seen: set[str] = set()
    for record in records:
        if record["id"] in seen:
            raise UserError(f"question {record['id']!r} is predicted twice; keep one of the two records")
        seen.add(record["id"])
    if (tune or threshold is not None) and not all(record["unanswerable"] for record in records):
        raise UserError("by its description every question of this task has an answer; leave the threshold out")
    if tune:
        threshold = best_threshold(records)
    said = [record["predicted"] if threshold is None else decided(record, threshold) for record in records]
    measures = {**MEASURES, **(PARTICLES if particles else {})}
    found = _means(records, said, measures)
    made = {"scorer": SCORER + (WITH_PARTICLES if particles else ""), **found, "questions": len(records)}
    if any(record["unanswerable"] for record in records):
        made["null_threshold"] = records[0]["null_threshold"] if threshold is None else threshold
        made["by_label"] = {}
        for name, wanted in (("answerable", True), ("unanswerable", False)):
            which = [i for i, record in enumerate(records) if bool(record["gold"]) == wanted]
            if which:
                part = _means([records[i] for i in which], [said[i] for i in which], measures)
                made["by_label"][name] = {**part, "questions": len(which)}
    return made


def counts(record: dict) -> list[float]:
    """Exact match and F1 by each of MEASURES, a share of 1, and the question itself, 1."""
    golds = [gold["text"] for gold in record["gold"]]
    measured = (
        compared.best(measure, words, golds, record["predicted"])
        for words, *measures in MEASURES.values()
        for measure in measures
    )
    return [*map(float, measured), 1.0]


def metrics(totals: np.ndarray) -> dict[str, np.ndarray]:
    """The means in percent (...) of summed counts (..., measures + 1)."""
    names = [metric + name for name in MEASURES for metric in ("exact_match", "f1")]
    return {name: 100.0 * totals[..., place] / totals[..., -1] for place, name in enumerate(names)}


def _means(records: Sequence[dict], said: Sequence[str], measures: dict) -> dict[str, float]:
    made = {}
    for name, (words, exact, f1) in measures.items():
        for metric, measure in (("exact_match", exact), ("f1", f1)):
            total = sum(
                compared.best(measure, words, [gold["text"] for gold in record["gold"]], text)
                for record, text in zip(records, said)
            )
            made[metric + name] = percent(total / len(records))
    return made


def difference(record: dict) -> float | None:
    """By how much no answer scores higher than the best one; None where there is no answer to choose."""
    return round(record["null_score"] - record["answers"][0]["score"], 6) if record["answers"] else None


def decided(record: dict, threshold: float) -> str:
    """The answer with this threshold: the best one, or none where that scores higher by more."""
    found = difference(record)
    return "" if found is None or found > threshold else record["answers"][0]["text"]


def best_threshold(records: Sequence[dict]) -> float:
    """The threshold with the best F1 (SQuAD's) over these questions; of several the least, so the fewest answers.

    It stands half way between two questions' differences, or 1 beyond the last.
    """
    gains: dict[float, float] = {}
    for record in records:
        found = difference(record)
        if found is not None:
            golds = [gold["text"] for gold in record["gold"]]
            with_answer, without = (
                compared.best(compared.f1, compared.squad_words, golds, text)
                for text in (record["answers"][0]["text"], "")
            )
            gains[found] = gains.get(found, 0.0) + with_answer - without
    if not gains:
        return 0.0
    places = sorted(gains)
    best, total, chosen = 0.0, 0.0, places[0] - 1.0
    for place, following in zip(places, [*places[1:], places[-1] + 2.0]):
        total += gains[place]
        if total > best + 1e-9:
            best, chosen = total, (place + following) / 2
    return round(chosen, 7)
