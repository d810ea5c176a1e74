"""Pairs of retrieval as a fairseq dataset: a batch is queries, and passages that all of them are compared with."""

from __future__ import annotations

import numpy as np
import torch
from fairseq.data import FairseqDataset
from fairseq.data.data_utils import collate_tokens
from torch import Tensor

from fairseq_hebrew.data.examples import PairSet
from fairseq_hebrew.data.examples.relevance import identity

from .pairs import PairSamples

FRAME = 2  # <s> and </s>


class PairDataset(FairseqDataset):
    """Batches `{id, nsentences, ntokens, split, net_input, passages, query_ids, passage_ids, owners, relevant}`.

    net_input: {src_tokens (B, Tq), src_lengths (B,)} of the queries; passages: the same (P, Tp) of the positives of all
    queries in their order, then of their hard negatives; int64, right-padded. query_ids (B,) and passage_ids (P,) int64
    are what identifies each text, owners (P,) the row of the query that brought the passage. relevant (B, R) int64 are
    the passages that are known to answer each query, in whatever pair of the split; some stand there several times,
    where a query has fewer than others.

    Texts are cut into pieces when a batch is made, by the data workers. The order is random, another every epoch: what
    stands in a batch are one another's negatives, and texts of like lengths would be told apart by that.
    """

    def __init__(
        self, pairs: PairSet, maker: PairSamples, pad: int, seed: int, split: str = "", negatives: int | None = None
    ) -> None:
        """negatives: of a pair that come into a batch, drawn anew every epoch; None for all."""
        super().__init__()
        self.pairs, self.split = pairs, split
        self._maker, self._pad, self._seed, self._negatives, self._epoch = maker, pad, seed, negatives, 1
        before = [len(p.encode()) for p in (maker.description.query_prefix, maker.description.passage_prefix)]
        # No text has more pieces than bytes: what it has is not known before it is read.
        bounds = np.minimum(pairs.sizes[:, :2] + before + FRAME, [maker.longest_query, maker.max_tokens])
        self.sizes = bounds.max(1)
        passages = pairs.sizes[:, 2] if negatives is None else np.minimum(pairs.sizes[:, 2], 1 + negatives)
        self._tokens = bounds[:, 0] + passages.astype(np.int64) * bounds[:, 1]

    def __getitem__(self, index: int) -> dict:
        pair = self.pairs.pairs[index]
        texts = [pair.positive, *self._drawn(index, pair.negatives)]
        return {
            "id": index,
            "query": self._maker.queries([pair.query])[0].tokens,
            "passages": [sample.tokens for sample in self._maker.passages(texts)],
            "query_id": identity(pair.query),
            "passage_ids": [identity(text) for text in texts],
            "relevant": self.pairs.relevance.of(identity(pair.query))["passage"],
        }

    def _drawn(self, index: int, negatives: tuple[str, ...]) -> tuple[str, ...]:
        if self._negatives is None or len(negatives) <= self._negatives:
            return negatives
        chance = np.random.default_rng([self._seed, self._epoch, index])
        return tuple(negatives[i] for i in chance.permutation(len(negatives))[: self._negatives])

    def __len__(self) -> int:
        return len(self.pairs)

    def collater(self, items: list[dict]) -> dict:
        if not items:
            return {}
        rows = [(row, 0) for row in range(len(items))]
        rows += [(row, number) for row, item in enumerate(items) for number in range(1, len(item["passages"]))]
        widest = max(len(item["relevant"]) for item in items)
        relevant = np.stack([np.resize(item["relevant"], widest) for item in items])
        queries = self._rows([item["query"] for item in items])
        passages = self._rows([items[row]["passages"][number] for row, number in rows])
        return {
            "id": torch.tensor([item["id"] for item in items]),
            "nsentences": len(items),
            "ntokens": int(queries["src_lengths"].sum() + passages["src_lengths"].sum()),
            "split": self.split,
            "net_input": queries,
            "passages": passages,
            "query_ids": torch.tensor([item["query_id"] for item in items]),
            "passage_ids": torch.tensor([items[row]["passage_ids"][number] for row, number in rows]),
            "owners": torch.tensor([row for row, _ in rows]),
            "relevant": torch.from_numpy(relevant),
        }

    def _rows(self, texts: list[Tensor]) -> dict[str, Tensor]:
        return {
            "src_tokens": collate_tokens(texts, self._pad),
            "src_lengths": torch.tensor([len(text) for text in texts]),
        }

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
