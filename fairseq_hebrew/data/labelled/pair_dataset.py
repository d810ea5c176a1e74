"""Pairs of retrieval as a fairseq dataset: a batch is queries, and passages that all of them are compared with."""

from __future__ import annotations

import numpy as np
import torch
from fairseq.data import FairseqDataset
from fairseq.data.data_utils import collate_tokens

from fairseq_hebrew.data.examples import PairSet
from fairseq_hebrew.data.examples.relevance import identity
from fairseq_hebrew.data.fixed_shapes import EMPTY
from fairseq_hebrew.stage.errors import UserError

from .pair_shapes import PairShapes, passages_a_row
from .pairs import FRAME, PairSamples

NOTHING = torch.zeros(0, dtype=torch.int64)
NO_PASSAGE = (NOTHING, 0, (EMPTY, EMPTY))
NO_ROW = {
    **{"id": EMPTY, "query": NOTHING, "query_id": 0, "pair": EMPTY},
    **{"passages": [], "relevant": np.zeros(1, np.int64)},
}


class PairDataset(FairseqDataset):
    """Batches `{id, nsentences, ntokens, split, net_input, passages, query_ids, passage_ids, query_pairs,
    passage_places, own_step, relevant}`.

    net_input: {src_tokens (B, Tq), src_lengths (B,)} of the queries; passages (P, Tp): of the positives of all queries
    in their order, then of their hard negatives; int64, right-padded. query_ids (B,) and passage_ids (P,) int64 are
    what identifies each text, query_pairs (B,) the number of each query's pair, passage_places (P, 2) that of the pair
    that brought the passage, and which of its passages it is, 0 for the positive. relevant (B, R) int64 are the
    passages that are known to answer each query, in whatever pair of the split; some stand there several times, where
    a query has fewer than others.

    With fixed shapes (`shapes`) a batch has so many rows of one query and of K passages each, those of a row together:
    a query's own stands at `own_step` = K times its row (else at its row, own_step 1). R is that of the whole split.
    Where not all passages of a pair fit in a row, which is in validation alone, the others are in rows of their own, in
    which the query is not asked again. What has nothing in it, or is not asked, has the pair -1.

    Texts are cut into pieces when a batch is made, by the data workers. The order is random, another every epoch: what
    stands in a batch are one another's negatives, and texts of like lengths would be told apart by that.
    """

    def __init__(
        self,
        pairs: PairSet,
        maker: PairSamples,
        pad: int,
        seed: int,
        split: str = "",
        negatives: int | None = None,
        fixed_shapes: bool = False,
    ) -> None:
        """negatives: of a pair that come into a batch, drawn anew every epoch; None for all."""
        super().__init__()
        self.pairs, self.split = pairs, split
        self._maker, self._pad, self._seed, self._negatives, self._epoch = maker, pad, seed, negatives, 1
        counts = pairs.sizes[:, 2]
        self.brought = counts if negatives is None else np.minimum(counts, 1 + negatives)  # passages of each pair
        self.shapes: PairShapes | None = None
        if fixed_shapes:
            self._fix()
            return
        before = [len(p.encode()) for p in (maker.description.query_prefix, maker.description.passage_prefix)]
        # No text has more pieces than bytes: what it has is not known before it is read.
        bounds = np.minimum(pairs.sizes[:, :2] + before + FRAME, [maker.longest_query, maker.max_tokens])
        self.sizes = bounds.max(1)
        self._tokens = bounds[:, 0] + self.brought.astype(np.int64) * bounds[:, 1]

    def _fix(self) -> None:
        """One shape for all batches; `_ends` (N,): one past the last row of each pair, where one may have several."""
        query, passage = self._maker.longest_query, self._maker.max_tokens
        whole = self._negatives is not None  # no pair is parted in training
        each = int(self.brought.max()) if whole else passages_a_row(self.brought, query, passage)
        self.shapes = PairShapes(query, passage, each)
        self._ends = None if self.brought.max() <= each else np.cumsum(-(-self.brought // each))
        rows = len(self.pairs) if self._ends is None else int(self._ends[-1])
        self.sizes = np.full(rows, max(query, passage))
        self._tokens = np.full(rows, self.shapes.row_tokens)
        self._widest = self.pairs.relevance.most()

    def __getitem__(self, index: int) -> dict:
        """A row: a pair, or with fixed shapes a part of one; below 0: one with nothing in it."""
        if index < 0:
            return {**NO_ROW, "id": int(index)}
        number, first = self._part(index)
        pair = self.pairs.pairs[number]
        query, relevant = identity(pair.query), self.pairs.relevance.of(identity(pair.query))["passage"]
        texts = [pair.positive, *self._drawn(number, pair.negatives)]
        last = len(texts) if self.shapes is None else first + self.shapes.passages
        texts = texts[first:last]
        samples = self._maker.passages(texts)
        return {
            "id": index,
            "query": self._maker.queries([pair.query])[0].tokens,
            "query_id": query,
            "pair": number if first == 0 else EMPTY,
            "passages": [
                (sample.tokens, identity(text), (number, first + place))
                for place, (sample, text) in enumerate(zip(samples, texts))
            ],
            "relevant": relevant,
        }

    def _part(self, index: int) -> tuple[int, int]:
        """The pair of a row, and the first of its passages there."""
        if self.shapes is None or self._ends is None:
            return index, 0
        number = int(np.searchsorted(self._ends, index, "right"))
        before = int(self._ends[number - 1]) if number else 0
        return number, (index - before) * self.shapes.passages

    def _drawn(self, index: int, negatives: tuple[str, ...]) -> tuple[str, ...]:
        if self._negatives is None or len(negatives) <= self._negatives:
            return negatives
        chance = np.random.default_rng([self._seed, self._epoch, index])
        return tuple(negatives[i] for i in chance.permutation(len(negatives))[: self._negatives])

    def __len__(self) -> int:
        return len(self.sizes)

    def collater(self, items: list[dict]) -> dict:
        if not items:
            return {}
        there = [item for item in items if item["id"] >= 0]
        if self.shapes is not None:
            return self._filled(there, self.shapes.filled_up(len(there)))
        passages = [item["passages"][0] for item in there]
        passages += [passage for item in there for passage in item["passages"][1:]]
        widest = max(len(item["relevant"]) for item in there)
        return self._batch(there, passages, 1, widest, (None, None))

    def empty_batch(self, batch: dict) -> dict:
        """A batch with the shapes of this one and nothing in it: it changes no loss and no count."""
        return self._filled([], len(batch["id"]))

    def _filled(self, there: list[dict], missing: int) -> dict:
        """The rows that are there, and as many empty ones as are missing."""
        rows, each = [*there, *[NO_ROW] * missing], self.shapes.passages
        passages = [one for row in rows for one in [*row["passages"], *[NO_PASSAGE] * (each - len(row["passages"]))]]
        return self._batch(rows, passages, each, self._widest, (self.shapes.query_tokens, self.shapes.passage_tokens))

    def _batch(self, rows: list[dict], passages: list[tuple], own_step: int, widest: int, lengths: tuple) -> dict:
        """lengths: those that queries and passages are padded to, None for the longest there is."""
        queries = [row["query"] for row in rows]
        asked = [len(row["query"]) for row in rows if row["pair"] >= 0]
        return {
            "id": torch.tensor([row["id"] for row in rows]),
            "nsentences": len(asked),
            "ntokens": sum(asked) + sum(len(tokens) for tokens, _, _ in passages),
            "split": self.split,
            "net_input": {
                "src_tokens": collate_tokens(queries, self._pad, pad_to_length=lengths[0]),
                "src_lengths": torch.tensor([len(query) for query in queries]),
            },
            "passages": collate_tokens([tokens for tokens, _, _ in passages], self._pad, pad_to_length=lengths[1]),
            "query_ids": torch.tensor([row["query_id"] for row in rows]),
            "passage_ids": torch.tensor([name for _, name, _ in passages]),
            "query_pairs": torch.tensor([row["pair"] for row in rows]),
            "passage_places": torch.tensor([place for _, _, place in passages]),
            "own_step": own_step,
            "relevant": torch.from_numpy(np.stack([np.resize(row["relevant"], widest) for row in rows])),
        }

    def batch_by_size(self, indices, max_tokens=None, max_sentences=None, required_batch_size_multiple=1):
        """FairseqDataset's; with fixed shapes all batches have as many rows."""
        if self.shapes is None:
            most = int(self._tokens[indices].max(initial=0))
            if max_tokens is not None and most > max_tokens:
                where = self.split or "the split"
                raise UserError(
                    f"--max-tokens {max_tokens}: a pair of {where} may have {most:,} with all passages that it brings, "
                    "which stay together; give as many (of validation by --max-tokens-valid), or --batch-size instead"
                )
            return super().batch_by_size(indices, max_tokens, max_sentences, required_batch_size_multiple)
        sizes = self._tokens[indices]
        return self.shapes.batches(indices, sizes, max_tokens, max_sentences, required_batch_size_multiple)

    def num_tokens(self, index: int) -> int:
        """At most so many tokens of a pair are in a batch."""
        return int(self._tokens[index])

    def num_tokens_vec(self, indices: np.ndarray) -> np.ndarray:
        return self._tokens[indices]

    def size(self, index: int) -> int:
        return int(self.sizes[index])

    def ordered_indices(self) -> np.ndarray:
        return np.random.default_rng([self._seed, self._epoch]).permutation(len(self))

    @property
    def can_reuse_epoch_itr_across_epochs(self) -> bool:
        return False

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch
