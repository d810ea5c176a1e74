"""BM25, the baseline of retrieval without a model: what words queries and passages share, and how rare these are.

Robertson and Zaragoza 2009, section 3, as Lucene counts it (bm25s): a term that n of N passages have weighs
ln(1 + (N - n + 0.5) / (n + 0.5)), and in a passage with l terms, of which it is f, adds that times
f / (f + k1 (1 - b + b l / mean l)), as often as the query has it.
"""

from __future__ import annotations

from collections.abc import Iterator

import bm25s
import numpy as np

from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.data.examples.retrieval_set import RetrievalSet
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.progress import Progress
from fairseq_hebrew.text.terms import terms

from .rankings import DECIMALS, record

# Those of the baseline that BEIR reports (Anserini's).
K1, B = 0.9, 0.4


def rankings(description: Retrieval, searched: RetrievalSet, top: int, particles: bool = False) -> Iterator[dict]:
    """A record a query, in order: the passages that share a term with it, `top` at most.

    particles: words are also found without the one-letter particles before them. The index of all passages is in
    memory. Raises UserError where no passage has a word.
    """
    ids, index, known = _index(searched, particles)
    with Progress("predict", len(searched.queries), "queries") as progress:
        for query in searched.queries:
            asked = [known[term] for term in terms(query.text, particles) if term in known]
            scores = index.get_scores_from_ids(asked).round(DECIMALS) if asked else np.zeros(len(ids))
            best = np.argsort(-scores, kind="stable")[:top]
            best = best[scores[best] > 0]
            yield record(description, query, [ids[i] for i in best], scores[best].tolist(), len(ids), top)
            progress.add(1)


def _index(searched: RetrievalSet, particles: bool) -> tuple[list[str], bm25s.BM25, dict[str, int]]:
    """(ids of the passages, bm25s's index, the number of each term)."""
    known: dict[str, int] = {}
    ids, numbers = [], []
    with Progress("predict", len(searched.passages), "passages") as progress:
        for passage in searched.passages:
            ids.append(passage.id)
            numbers.append([known.setdefault(term, len(known)) for term in terms(passage.text, particles)])
            progress.add(1)
    if not known:
        raise UserError(f"{searched.files[-1]}: no passage has a word; give the passages as text")
    index = bm25s.BM25(k1=K1, b=B, method="lucene", dtype="float64")
    index.index((numbers, known), create_empty_token=False, show_progress=False)
    return ids, index, known
