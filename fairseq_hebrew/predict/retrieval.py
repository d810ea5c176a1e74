"""Rankings by a model: every passage is read once, a chunk of them is in memory at a time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np

from fairseq_hebrew.data.examples.retrieval_set import RetrievalSet
from fairseq_hebrew.stage.progress import Progress, log

from .answers import moved, outputs
from .nearest import Nearest
from .rankings import record

CHUNK = 16_384  # passages


def rankings(
    model, task, searched: RetrievalSet, top: int, batch_size: int, device: str, chunk: int = CHUNK
) -> Iterator[dict]:
    """A record a query, in order, of the `top` passages that are nearest to it.

    The size of batches and chunks changes no order but that of passages whose scores are equal to the sixth digit:
    what is padded beside a text changes its vector in the last bits.
    """
    moved(model, device)
    maker = task.make_samples()

    def vectors(samples: list) -> np.ndarray:
        """Their vectors (N, C), fp32."""
        return np.stack([vector.numpy() for vector in outputs(model, task, samples, batch_size, device)])

    nearest = Nearest(vectors(maker.queries([query.text for query in searched.queries])), top)
    ids: list[str] = []
    rest = iter(searched.passages)
    with Progress("predict", len(searched.passages), "passages") as progress:
        while passages := list(islice(rest, chunk)):
            nearest.add(vectors(maker.passages([passage.text for passage in passages])))
            ids += [passage.id for passage in passages]
            progress.add(len(passages))
    for what, cut, count, longest in (
        ("queries", maker.queries_cut, len(searched.queries), maker.longest_query),
        ("passages", maker.cut, len(ids), maker.max_tokens),
    ):
        if cut:
            log(f"predict: {cut:,} of {count:,} {what} are longer than {longest} tokens and are cut at their end")
    for query, scores, rows in zip(searched.queries, nearest.scores, nearest.rows):
        yield record(task.description, query, [ids[row] for row in rows], scores.tolist(), len(ids), top)
