"""Masked batches of a corpus's samples, masked anew each epoch."""

from __future__ import annotations

import numpy as np
import torch
from fairseq.data import FairseqDataset

from fairseq_hebrew.data.draws import sample_keys
from fairseq_hebrew.data.fixed_shapes import EMPTY, FixedShapes, empty_batch
from fairseq_hebrew.data.masking import Masking, mask_rows
from fairseq_hebrew.data.samples import Samples

NOTHING = np.zeros(0, dtype=np.int64)


class MaskedLMDataset(FairseqDataset):
    """Samples -> batches with the keys of stock masked_lm.

    A sample's mask depends on (seed, epoch, index) and nothing else: not on workers, order, the other samples of its
    batch, or resuming half way. `fixed` keeps epoch 1's masks and order for ever, as validation needs.
    """

    def __init__(
        self,
        samples: Samples,
        masking: Masking,
        seed: int,
        max_tokens: int,
        pad_to_multiple: int = 1,
        fixed: bool = False,
        fixed_shapes: FixedShapes | None = None,
        document_mask: bool = False,
    ):
        """max_tokens: the longest sample, `<s>` included; padding to a multiple never goes beyond it.

        fixed_shapes: batches have its lengths and rows, and name as many predicted positions a row as masking ever
        has in one of that length.
        document_mask: batches have segment_ids, so that the documents of a sample do not see one another and each
        counts its positions from 0; without, a sample is read as one document.
        """
        super().__init__()
        self.samples = samples
        self.masking = masking
        self.seed = seed
        self.max_tokens = max_tokens
        self.pad_to_multiple = pad_to_multiple
        self.fixed = fixed
        self.most = masking.most(max_tokens)
        self.shapes = fixed_shapes
        self.document_mask = document_mask
        self.set_epoch(1)
        # Masking is compiled when it is first called: here, and not in each worker.
        mask_rows(NOTHING, NOTHING, sample_keys(seed, 1, NOTHING), masking, self.most)

    @property
    def sizes(self) -> np.ndarray:
        """(N,) int64, with every `<s>`."""
        return self.samples.sizes

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> dict:
        """A sample that is not masked yet: the collater masks a whole batch. Below 0: a batch of empty rows."""
        if index < 0:
            return {"id": int(index), "tokens": NOTHING, "lengths": ()}
        tokens, lengths = self.samples[int(index)]
        return {"id": int(index), "tokens": tokens, "lengths": lengths}

    def empty_batch(self, batch: dict) -> dict:
        """A batch with the shapes of this one and nothing in it: it changes no loss and no count."""
        return empty_batch(batch, self.masking.pad_id)

    def collater(self, samples: list[dict]) -> dict:
        """Samples -> a batch, padded on the right to its longest: src_tokens and target (B, T) int64.

        Beside stock's keys tell the model, as numbers of the host, what a GPU would have to be asked for: `num_masked`,
        and `padded` and `lengths` (B,), or, with document_mask, `segment_ids` (B, T) int32, the documents of a row from
        1 and 0 at padding, and `lengths` of all documents in order. With fixed_shapes: masked_positions and target
        (B, K), the padding id where a row has fewer, and nothing of the host's, which a compiled graph would be made
        anew for; rows that are missing are padding, with id -1. `num_masked` and `lengths` also stand beside net_input,
        for who counts; of a mixture also `corpus_tokens`, {name: tokens of the batch}.
        """
        if not samples:
            return {}
        length = self._padded_length(samples)
        samples = [sample for sample in samples if sample["id"] >= 0]
        ids = np.array([sample["id"] for sample in samples], dtype=np.int64)
        tokens = np.concatenate([NOTHING, *(sample["tokens"] for sample in samples)])  # (N,): one row after another
        sizes = np.array([len(sample["tokens"]) for sample in samples], dtype=np.int64)  # (B,)
        documents = [sample["lengths"] for sample in samples]
        host = {"lengths": [size for row in documents for size in row]}
        keys = sample_keys(self.seed, self.epoch, ids)
        # A row of a shorter shape may have fewer predicted places: the longest word there may be is shorter.
        most = self.most if self.shapes is None else self.masking.most(length)
        inputs, target = mask_rows(tokens, sizes, keys, self.masking, most, np.array(host["lengths"], dtype=np.int64))
        missing = 0 if self.shapes is None else self.shapes.missing(length, len(ids))
        filled = np.pad(sizes, (0, missing))  # (B,)
        real = np.arange(length) < filled[:, None]  # (B, T)
        net_input = {
            "src_tokens": torch.from_numpy(_rows(inputs, real, self.masking.pad_id)),
            "src_lengths": torch.from_numpy(filled),
        }
        host["num_masked"] = int((target != self.masking.pad_id).sum())
        if self.document_mask:
            numbers = np.concatenate([NOTHING, *(np.arange(1, len(row) + 1) for row in documents)]).astype(np.int32)
            net_input["segment_ids"] = torch.from_numpy(_rows(np.repeat(numbers, host["lengths"]), real, 0))
        else:
            host.update(lengths=sizes.tolist(), padded=bool((sizes < length).any()))
        target = _rows(target, real, self.masking.pad_id)
        if self.shapes is None:
            net_input.update(host)
        else:
            positions, target = gathered(target, self.masking.pad_id, most)
            net_input["masked_positions"] = torch.from_numpy(positions)
        batch = {
            "id": torch.from_numpy(np.pad(ids, (0, missing), constant_values=EMPTY)),
            "nsentences": len(samples),
            "ntokens": len(tokens),
            "num_masked": host["num_masked"],
            "lengths": host["lengths"],
            "net_input": net_input,
            "target": torch.from_numpy(target),
        }
        if hasattr(self.samples, "tokens_by_corpus"):
            batch["corpus_tokens"] = self.samples.tokens_by_corpus(ids)
        return batch

    def _padded_length(self, samples: list[dict]) -> int:
        longest = max(len(sample["tokens"]) for sample in samples)
        if self.shapes is not None:
            return self.shapes.length(longest) if longest else self.shapes.length_of(samples[0]["id"])
        wanted = -(-longest // self.pad_to_multiple) * self.pad_to_multiple
        return max(longest, min(wanted, self.max_tokens))

    def batch_by_size(self, indices, max_tokens=None, max_sentences=None, required_batch_size_multiple=1):
        """FairseqDataset's; with fixed_shapes all batches of a length have as many rows."""
        if self.shapes is None:
            return super().batch_by_size(indices, max_tokens, max_sentences, required_batch_size_multiple)
        return self.shapes.batches(
            indices, self.sizes[indices], max_tokens, max_sentences, required_batch_size_multiple
        )

    def ordered_indices(self) -> np.ndarray:
        """All samples by size, those of one size shuffled anew for each (seed, epoch); int64 (N,)."""
        shuffle = np.random.default_rng(np.random.SeedSequence((self.seed, self.epoch))).permutation(len(self))
        return np.lexsort((shuffle, self.sizes))

    def num_tokens(self, index: int) -> int:
        return int(self.sizes[index])

    def num_tokens_vec(self, indices: np.ndarray) -> np.ndarray:
        return self.sizes[indices]

    def size(self, index: int) -> int:
        return int(self.sizes[index])

    def set_epoch(self, epoch: int) -> None:
        self.epoch = 1 if self.fixed else epoch
        if hasattr(self.samples, "set_epoch"):
            self.samples.set_epoch(self.epoch)

    @property
    def can_reuse_epoch_itr_across_epochs(self) -> bool:
        """A batch iterator stands for one epoch's order, unless the order is fixed."""
        return self.fixed


def _rows(values: np.ndarray, real: np.ndarray, padding: int) -> np.ndarray:
    """(N,) values of the rows one after another -> (B, T), where `real` (B, T) bool is True; `padding` elsewhere."""
    rows = np.full(real.shape, padding, dtype=values.dtype)
    rows[real] = values
    return rows


def gathered(target: np.ndarray, pad_id: int, places: int) -> tuple[np.ndarray, np.ndarray]:
    """Targets (B, T), pad_id where nothing is predicted -> the predicted positions (B, places) and their targets.

    Rows with fewer are filled up with position 0 and the target pad_id. int64. No row may have more.
    """
    rows, columns = np.nonzero(target != pad_id)
    nth = np.arange(len(rows)) - np.searchsorted(rows, rows)  # which of its row's
    positions = np.zeros((len(target), places), dtype=np.int64)
    wanted = np.full((len(target), places), pad_id, dtype=np.int64)
    positions[rows, nth] = columns
    wanted[rows, nth] = target[rows, columns]
    return positions, wanted
