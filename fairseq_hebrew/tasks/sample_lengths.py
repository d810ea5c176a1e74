"""The longest sample of a fine-tuning task: as the options say, else as the training split's examples need it."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from fairseq.dataclass import FairseqDataclass
from omegaconf import II
from omegaconf.errors import InterpolationKeyError

from fairseq_hebrew.data.described import LEAST_TOKENS, LENGTH_KEY
from fairseq_hebrew.data.examples import read_examples
from fairseq_hebrew.data.labelled.lengths import choose_length, lengths_up_to
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.fixed_shapes import lengths_of_task

logger = logging.getLogger(__name__)


@dataclass
class SampleLengthOptions(FairseqDataclass):
    """Options for the config of a task. fairseq reads the annotations at run time."""

    max_tokens_per_sample: Optional[int] = field(  # noqa: UP045
        default=None,
        metadata={"help": "longest sample in tokens, <s> and </s> included, instead of what --length-percentile finds"},
    )
    train_subset: str = II("dataset.train_subset")  # whose lengths are looked at
    length_percentile: float = field(
        default=95.0,
        metadata={
            "help": "the longest sample is that of so many percent of the training split's examples, rounded up to 64, "
            "128, 192, 256, 384 or 512 tokens; at most the description's max_tokens, which 0 takes as it is"
        },
    )
    tpu: bool = II("common.tpu")


class ChoosesLength:
    """Mixin for tasks with a `description`, whose options are SampleLengthOptions. Stands before FairseqTask among the
    bases.

    The length is chosen from the training split before the first split is read, by each process from the same file, and
    kept in checkpoints: who goes on from one, or predicts with it, has the length that it was trained with. A task that
    reads its splits otherwise than `read_examples` says how, and calls `settle_length` before.
    """

    measured = "training examples"  # what `training_sizes` are of, as it is told

    def __init__(self, cfg, *args, **kwargs):
        if cfg.max_tokens_per_sample is not None and cfg.max_tokens_per_sample < LEAST_TOKENS:
            raise UserError(f"--max-tokens-per-sample {cfg.max_tokens_per_sample}: at least {LEAST_TOKENS}")
        if not 0 <= cfg.length_percentile <= 100:
            raise UserError(f"--length-percentile {cfg.length_percentile:g}: give a percentage, or 0 for max_tokens")
        super().__init__(cfg, *args, **kwargs)
        self._length: int | None = None  # chosen here, or by the run that made the checkpoint
        self._positions: int | None = None  # of the model
        self._read: dict[str, Any] = {}  # the training split as it was read, until it is loaded

    @property
    def max_tokens(self) -> int:
        """Tokens of the longest sample, `<s>` and `</s>` included."""
        return self.cfg.max_tokens_per_sample or self._length or self.description.max_tokens

    @property
    def lengths(self) -> list[int] | None:
        """Of batches of fixed shapes; None where shapes are not fixed. With --tpu those of `LENGTHS` up to the longest,
        where the options name none. Raises UserError for buckets that cannot be.
        """
        if self.cfg.tpu is True and not self.cfg.length_buckets:
            return lengths_up_to(self.max_tokens)
        return lengths_of_task(self.cfg, self.max_tokens, found=self._length is not None)

    def build_model(self, cfg, from_checkpoint=False):
        """FairseqTask's; raises UserError when a sample would not fit its positions."""
        model = super().build_model(cfg, from_checkpoint)
        self._positions = model.max_positions()
        if not self._chooses and self.max_tokens > self._positions:
            raise UserError(
                f"{self.description.where}: max_tokens {self.max_tokens} is more than the model's "
                f"{self._positions} positions; give --max-tokens-per-sample {self._positions}"
            )
        return model

    @property
    def _chooses(self) -> bool:
        """Whether the training split is still to be looked at."""
        known = self._length or self.cfg.max_tokens_per_sample
        return bool(self.cfg.length_percentile and self.training_split in self.description.splits and not known)

    @property
    def training_split(self) -> str:
        """The one that is trained on; configurations of older checkpoints, or made by hand, do not tell it."""
        try:
            return getattr(self.cfg, "train_subset", None) or "train"
        except InterpolationKeyError:
            return "train"

    def examples(self, split: str) -> Sequence:
        """Those of a split; before the first, the length of samples is settled. Raises UserError naming file and line
        of what cannot be read."""
        self.settle_length()
        return self._read.pop(split, None) or self.read_split(split)

    def read_split(self, split: str):
        """What a split's samples are made of, from its file."""
        return read_examples(Path(self.cfg.data), split, self.description)

    def training_sizes(self, training, maker) -> list[int]:
        """Tokens of the examples of the training split, which `read_split` has read."""
        return [maker.length(example) for example in training]

    def settle_length(self) -> None:
        """Look at the training split for the length of samples, unless it is known."""
        if not self._chooses:
            return
        training = self._read[self.training_split] = self.read_split(self.training_split)
        most = min(self.description.max_tokens, self._positions or self.description.max_tokens)
        maker = self.make_samples()
        sizes = self.training_sizes(training, maker)
        chosen = choose_length(sizes, self.cfg.length_percentile, most, maker.least)
        self._length = chosen.longest
        logger.info(chosen.told(maker.longer, self.measured))

    def state_dict(self) -> dict:
        state = super().state_dict()
        known = self.cfg.max_tokens_per_sample or self._length
        return state if known is None else {**state, LENGTH_KEY: known}

    def go_on_with(self, length: int | None) -> None:
        """The length of a checkpoint, unless the options name one; None: one that is older than the choice."""
        if self.cfg.max_tokens_per_sample:
            return
        length = length or self.description.max_tokens
        length, before = min(length, self.description.max_tokens), self.max_tokens
        self._length = length
        if self.datasets and length != before:
            logger.info(f"length: {length} tokens, the checkpoint's, instead of {before}")
            for split in list(self.datasets):
                self.load_dataset(split)
