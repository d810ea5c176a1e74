"""Scores of rankings: nDCG, reciprocal rank, recall and average precision by ir_measures, which counts as trec_eval.

What counts is the order of a record's ranking, also where scores are equal; trec_eval would order those by their ids.
A passage that was not judged is not relevant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from fairseq_hebrew.stage.errors import UserError

from .percent import percent

FIELDS = {"id": str, "text": str, "gold": dict, "ranking": list, "passages": int, "top": int}
EXAMPLE = ("id", "text", "gold", "passages")
# By the names that are printed and those that ir_measures reads: gains are the grades themselves, discounted by
# log2(rank + 1) (Järvelin and Kekäläinen 2002, as trec_eval); a grade above 0 is relevant to the others.
MEASURES = {
    "ndcg@20": "nDCG@20",
    "ndcg@10": "nDCG@10",
    "mrr@10": "RR@10",
    "recall@20": "R@20",
    "recall@100": "R@100",
    "map@100": "AP@100",
}
HIGHEST = 1000  # of the grades; 4 or less in the field's collections
SCORER = "ir_measures (trec_eval), mean over queries"


def problem(record: dict) -> str | None:
    """What is wrong with a record that has its fields; None where nothing is."""
    for name in ("passages", "top"):
        if isinstance(record[name], bool) or record[name] < 1:
            return f"{name} {record[name]!r} is no number from 1"
    for passage, grade in record["gold"].items():
        if type(grade) is not int or not 0 <= grade <= HIGHEST:
            return f"gold: the grade {grade!r} of {passage!r} is no whole number from 0 to {HIGHEST}"
        if not _is_id(passage):
            return f"gold: {passage!a} is no id: it holds what is no character"
    if not any(grade > 0 for grade in record["gold"].values()):
        return "gold has no relevant passage, and nothing can be scored"
    seen: set[str] = set()
    last = math.inf
    for item in record["ranking"]:
        if not isinstance(item, dict) or not isinstance(item.get("id"), str):
            return "ranking is no list of objects with id and score"
        score = item.get("score")
        if type(score) not in (int, float) or not math.isfinite(score):
            return "ranking is no list of objects with id and score"
        if not _is_id(item["id"]):
            return f"ranking: {item['id']!a} is no id: it holds what is no character"
        if item["id"] in seen:
            return f"ranking has the passage {item['id']!r} twice"
        if score > last:
            return f"ranking has {item['id']!r} after a passage with a lower score; the best stand first"
        seen.add(item["id"])
        last = score
    if len(seen) > min(record["top"], record["passages"]):
        return f"ranking has {len(seen)} passages, more than top {record['top']} of {record['passages']}"
    return None


def _is_id(text: str) -> bool:
    """Whether trec_eval's code in C reads the text as it stands: without a zero byte and halves of characters."""
    return "\0" not in text and not any("\ud800" <= char <= "\udfff" for char in text)


def measured(record: dict) -> dict[str, str]:
    """Those of MEASURES that a record can tell: whose passages were asked for, or all that there are."""
    depth = math.inf if record["top"] >= record["passages"] else record["top"]
    return {name: measure for name, measure in MEASURES.items() if int(name.partition("@")[2]) <= depth}


def kept(record: dict) -> dict:
    """What `score` reads of a record: its measures, and not the passages."""
    found = any(record["gold"].get(item["id"], 0) > 0 for item in record["ranking"])
    return {"id": record["id"], "counts": counts(record), "found": found}


def score(records: Sequence[dict]) -> dict:
    """The means over all queries, of what `kept` left of them, in percent; a query that found nothing counts with 0.

    Raises UserError where a query is there twice, or too few passages were asked for to score anything.
    """
    seen: set[str] = set()
    for record in records:
        if record["id"] in seen:
            raise UserError(f"query {record['id']!r} is predicted twice; keep one of the two records")
        seen.add(record["id"])
    if not measured(records[0]):
        raise UserError(f"rankings of {records[0]['top']} passages have no score; predict again with --top 10 or more")
    totals = np.array([record["counts"] for record in records]).sum(0)
    return {
        "scorer": SCORER,
        **{name: percent(value / 100) for name, value in metrics(totals).items()},
        "queries": len(records),
        "found_nothing": sum(not record["found"] for record in records),
        "passages": records[0]["passages"],
    }


def counts(record: dict) -> list[float]:
    """Each of MEASURES of one query, a share of 1, and the query itself, 1; nan where `top` is too few for it."""
    import ir_measures

    asked = {name: ir_measures.parse_measure(measure) for name, measure in measured(record).items()}
    # Ranks for scores, so that equal ones stay in the order they stand in.
    run = {"q": {item["id"]: float(-rank) for rank, item in enumerate(record["ranking"])}}
    found = (
        ir_measures.calc_aggregate(list(asked.values()), {"q": record["gold"]}, run)
        if asked and record["ranking"]
        else {}
    )
    return [*(found.get(asked[name], 0.0) if name in asked else math.nan for name in MEASURES), 1.0]


def metrics(totals: np.ndarray) -> dict[str, np.ndarray]:
    """The means in percent (...) of summed counts (..., measures + 1), of the measures that are told."""
    return {
        name: 100.0 * totals[..., place] / totals[..., -1]
        for place, name in enumerate(MEASURES)
        if not np.isnan(totals[..., place]).all()
    }
