"""fairseq's own masked-LM data: MaskTokensDataset, alone and in the task `masked_lm`."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

import numpy as np
import torch
from fairseq.data import Dictionary, FairseqDataset, MaskTokensDataset
from fairseq.tasks import masked_lm

BOS, PAD = 0, 1
# What comes nearest to each unit: for spans, runs of four tokens.
UNITS = {"token": {}, "word": {"mask_whole_words": True}, "span": {"mask_multiple_length": 4}}


class Rows(FairseqDataset):
    """Rows (B, T) int64 in memory as a dataset."""

    def __init__(self, rows: np.ndarray) -> None:
        self._rows = torch.from_numpy(rows)
        self.sizes = np.full(len(rows), rows.shape[1])

    def __getitem__(self, index: int) -> torch.Tensor:
        return self._rows[index]

    def __len__(self) -> int:
        return len(self._rows)


def masked(rows: np.ndarray, dictionary: Dictionary, unit: str, starts: np.ndarray) -> tuple:
    """The datasets of inputs and of targets of these rows; `starts` bool (V,): pieces that a word begins with."""
    options = {name: _starts(starts) if value is True else value for name, value in UNITS[unit].items()}
    mask = dictionary.index("<mask>")
    return MaskTokensDataset.apply_mask(Rows(rows), dictionary, pad_idx=PAD, mask_idx=mask, seed=1, **options)


def loader(data: Path, unit: str, length: int, starts: np.ndarray) -> FairseqDataset:
    """The training split as the task `masked_lm` loads it.

    Its --mask-whole-words stops with an error for want of `args`; here it is told which pieces words begin with.
    """
    cfg = masked_lm.MaskedLMConfig(data=str(data), tokens_per_sample=length, seed=1, **UNITS[unit])
    task = masked_lm.MaskedLMTask.setup_task(cfg)
    task.args = None
    with mock.patch.object(masked_lm, "get_whole_word_mask", lambda *_: _starts(starts)):
        task.load_dataset("train")
    return task.dataset("train")


def _starts(starts: np.ndarray) -> torch.Tensor:
    """Each row has to begin with the start of a word, so `<s>` counts as one."""
    starts = starts.copy()
    starts[BOS] = True
    return torch.from_numpy(starts.astype(np.uint8))
