"""Samples for masked-LM training: blocks of the token stream with `<s>` before them, masked anew each epoch."""

from __future__ import annotations

import logging
import math

import numpy as np
import torch
from fairseq.data import FairseqDataset, TokenBlockDataset
from torch import Tensor

from fairseq_hebrew.data.draws import sample_keys
from fairseq_hebrew.data.masking import Masking, mask_rows

logger = logging.getLogger(__name__)


class Blocks:
    """A corpus cut into blocks of at most `block_size` tokens; `blocks[i]` is an int64 tensor (sizes[i],).

    break_mode as fairseq's: "none" fills each block; "complete" and "complete_doc" end blocks where lines end, the
    second also where documents do; "eos" makes a block of each line. A line longer than a block is cut into several,
    where stock fairseq leaves the whole line out of training; blocks of a lone `</s>` are left out, they teach nothing.
    """

    def __init__(self, dataset, block_size: int, break_mode: str, pad: int, eos: int):
        """dataset: fairseq's indexed dataset, lines of token ids with their sizes, at least one line."""
        if break_mode == "eos":
            self.lines = dataset  # each line is a block already
            sizes = np.asarray(dataset.sizes, dtype=np.int64)
        else:
            self.lines = TokenBlockDataset(dataset, dataset.sizes, block_size, pad, eos, break_mode=break_mode)
            # not its .sizes: they are uint16, and a line may be longer
            ends = self.lines.slice_indices.astype(np.int64)
            sizes = ends[:, 1] - ends[:, 0]
        self.line, self.start, self.sizes = None, None, sizes
        if break_mode != "none":
            self._cut(sizes, block_size)

    def _cut(self, sizes: np.ndarray, block_size: int) -> None:
        pieces = -(-sizes // block_size)
        line = np.repeat(np.arange(len(sizes)), pieces)
        start = (np.arange(len(line)) - np.repeat(pieces.cumsum() - pieces, pieces)) * block_size
        size = np.minimum(sizes[line] - start, block_size)
        kept = size > 1
        if len(line) > len(sizes):
            logger.info(f"cut {int((pieces > 1).sum()):,} lines longer than {block_size} tokens into pieces")
        if not kept.all():
            logger.info(f"left out {int((~kept).sum()):,} blocks of a single token")
        self.line, self.start, self.sizes = line[kept], start[kept], size[kept]

    def __len__(self) -> int:
        return len(self.sizes)

    def __getitem__(self, index: int) -> Tensor:
        if self.line is None:
            return self.lines[index]
        start = self.start[index]
        return self.lines[self.line[index]][start : start + self.sizes[index]]

    @property
    def supports_prefetch(self) -> bool:
        return getattr(self.lines, "supports_prefetch", False)

    def prefetch(self, indices) -> None:
        """Read ahead, for the index formats of fairseq that need it."""
        self.lines.prefetch(indices if self.line is None else sorted({int(self.line[i]) for i in indices}))


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


class MaskedLMDataset(FairseqDataset):
    """Blocks -> masked samples -> batches with the keys of stock masked_lm.

    A sample's mask depends on (seed, epoch, index) and nothing else: not on workers, order, or resuming half way.
    `fixed` keeps epoch 1's masks and order for ever, as validation needs.
    """

    def __init__(
        self,
        blocks: Blocks,
        masking: Masking,
        bos: int,
        seed: int,
        max_tokens: int,
        pad_to_multiple: int = 1,
        fixed: bool = False,
        fixed_shapes: bool = False,
    ):
        """max_tokens: the longest sample, `<s>` included; padding to a multiple never goes beyond it.

        fixed_shapes: batches are max_tokens long and name ceil(probability * max_tokens) predicted positions a row.
        """
        super().__init__()
        self.blocks = blocks
        self.masking = masking
        self.bos = bos
        self.seed = seed
        self.max_tokens = max_tokens
        self.pad_to_multiple = pad_to_multiple
        self.fixed = fixed
        self.masked_a_row = math.ceil(masking.probability * max_tokens) if fixed_shapes else None
        self.epoch = 1
        self.sizes = blocks.sizes + 1  # (N,) int64, with <s>

    def __len__(self) -> int:
        return len(self.blocks)

    def __getitem__(self, index: int) -> dict:
        block = self.blocks[index].numpy()
        tokens = np.empty(len(block) + 1, dtype=np.int64)
        tokens[0] = self.bos
        tokens[1:] = block
        keys = sample_keys(self.seed, self.epoch, np.array([index]))
        inputs, targets = mask_rows(
            tokens, np.array([len(tokens)]), keys, self.masking, self.masking.most(self.max_tokens)
        )
        return {"id": int(index), "inputs": inputs, "targets": targets}  # (T,) each

    def collater(self, samples: list[dict]) -> dict:
        """Samples -> a batch, padded on the right to its longest: src_tokens and target (B, T) int64.

        Beside stock's keys `padded`, `lengths` and `num_masked` tell the model, as numbers of the host, what a GPU
        would have to be asked for. With fixed_shapes: masked_positions and target (B, K), the padding id where a row
        has fewer, and nothing of the host's, which a compiled graph would be made anew for.
        """
        if not samples:
            return {}
        lengths = [len(sample["inputs"]) for sample in samples]
        longest = max(lengths)
        wanted = -(-longest // self.pad_to_multiple) * self.pad_to_multiple
        longest = max(longest, min(wanted, self.max_tokens))
        if self.masked_a_row is not None:
            longest = self.max_tokens
        src_tokens = np.full((len(samples), longest), self.masking.pad_id, dtype=np.int64)  # (B, T)
        target = src_tokens.copy()
        for row, (sample, length) in enumerate(zip(samples, lengths)):
            src_tokens[row, :length] = sample["inputs"]
            target[row, :length] = sample["targets"]
        net_input = {"src_tokens": torch.from_numpy(src_tokens), "src_lengths": torch.tensor(lengths)}
        if self.masked_a_row is None:
            net_input["padded"] = min(lengths) < longest
            net_input["lengths"] = lengths
            net_input["num_masked"] = int((target != self.masking.pad_id).sum())
        else:
            positions, target = gathered(target, self.masking.pad_id, self.masked_a_row)
            net_input["masked_positions"] = torch.from_numpy(positions)
        return {
            "id": torch.tensor([sample["id"] for sample in samples]),
            "nsentences": len(samples),
            "ntokens": sum(lengths),
            "net_input": net_input,
            "target": torch.from_numpy(target),
        }

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

    @property
    def can_reuse_epoch_itr_across_epochs(self) -> bool:
        """A batch iterator stands for one epoch's order, unless the order is fixed."""
        return self.fixed

    @property
    def supports_prefetch(self) -> bool:
        return self.blocks.supports_prefetch

    def prefetch(self, indices) -> None:
        self.blocks.prefetch(indices)
