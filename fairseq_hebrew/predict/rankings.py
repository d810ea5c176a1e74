"""Records of rankings: a query, what is relevant to it, and the passages that were found, the best first."""

from __future__ import annotations

from collections.abc import Sequence

from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.data.examples.retrieval_set import Query

# Digits behind the point that a record keeps of a score. Passages that are equal in these stand in the order of the
# corpus: what a computer makes of the last bits of a sum decides nothing.
DECIMALS = 6


def record(
    description: Retrieval, query: Query, ids: Sequence[str], scores: Sequence[float], passages: int, top: int
) -> dict:
    """`passages`: how many were searched; `top`: how many of them were asked for."""
    return {
        "kind": description.kind,
        "task": description.name,
        "id": query.id,
        "text": query.text,
        "gold": query.relevant,
        "ranking": [{"id": name, "score": round(float(score), DECIMALS)} for name, score in zip(ids, scores)],
        "passages": passages,
        "top": top,
    }
