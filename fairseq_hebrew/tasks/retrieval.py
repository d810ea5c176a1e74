"""Fine-tuning for retrieval: queries and the passages that answer them get vectors that are near each other."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np
from fairseq.tasks import register_task
from omegaconf import II

from fairseq_hebrew.criterions.contrastive import IGNORED
from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.data.examples import PairSet, read_pair_set, split_path
from fairseq_hebrew.data.labelled import PairDataset, PairSamples, Sample
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.labelled import LabelledConfig, LabelledTask
from fairseq_hebrew.tasks.processes import of_all_processes
from fairseq_hebrew.tasks.ranks import RankedSplit

logger = logging.getLogger(__name__)

# Of a batch: what its queries and passages are.
COUNTED = ("query_ids", "passage_ids", "query_pairs", "passage_places")
LOOKED_AT = 1000  # pairs, of which is told how many texts are cut
MEASURED = 10_000  # pairs, evenly from the whole split, whose passages say how long samples have to be


@dataclass
class RetrievalConfig(LabelledConfig):
    """Options of retrieval. fairseq reads the annotations at run time."""

    max_valid_steps: Optional[int] = II("dataset.max_valid_steps")  # noqa: UP045


@register_task("retrieval", dataclass=RetrievalConfig)
class RetrievalTask(LabelledTask):
    """A vector a text, queries and passages by one encoder."""

    kind = "retrieval"
    head_kind = "embedding"
    head = "embedding"
    sample_maker = PairSamples
    placed = ("passages", *COUNTED, "relevant")
    measured = "passages of training pairs that were looked at"
    description: Retrieval

    def __init__(self, cfg, *args, **kwargs):
        if cfg.length_buckets:
            raise UserError(
                f"--length-buckets {cfg.length_buckets}: batches of retrieval are drawn at random and have one shape; "
                "leave it out"
            )
        if isinstance(cfg.max_valid_steps, int) and cfg.max_valid_steps > 0:
            raise UserError(
                f"--max-valid-steps {cfg.max_valid_steps}: queries are ranked against all passages of a split; leave "
                "it out, or name a smaller file in `files:` of the description"
            )
        super().__init__(cfg, *args, **kwargs)
        self._ranked: dict[str, RankedSplit] = {}  # of this validation, by split

    def build_criterion(self, cfg):
        """`contrastive`; raises UserError for another, and where it cannot be as asked."""
        if cfg._name != "contrastive":
            raise UserError(f"--criterion {cfg._name}: retrieval compares passages; give --criterion contrastive")
        if self.on_xla and cfg.no_cross_device_negatives:
            raise UserError(
                "--no-cross-device-negatives: with --tpu all devices compute one batch together; leave it out"
            )
        return super().build_criterion(cfg)

    def build_model(self, cfg, from_checkpoint=False):
        """The encoder with this task's head, pooled as the description says."""
        model = super().build_model(cfg, from_checkpoint)
        model.heads[self.head].pooling = self.description.pooling
        return model

    def query_samples(self, texts: Sequence[str]) -> list[Sample]:
        """A sample for each query, in order."""
        return self.make_samples().queries(texts)

    def passage_samples(self, texts: Sequence[str]) -> list[Sample]:
        """A sample for each passage, in order."""
        return self.make_samples().passages(texts)

    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **kwargs) -> None:
        """Read a split; raises UserError naming file and line of what cannot be read.

        In training a pair brings as many hard negatives as the description says; what is ranked in validation are all
        passages of the split's pairs.
        """
        self.settle_length()
        pairs = self._read.pop(split, None) or self.read_split(split)
        negatives = self.description.negatives if split == self.training_split else None
        maker = self.make_samples()
        self._tell_split(split, pairs, maker)
        self.datasets[split] = PairDataset(
            pairs, maker, self.dictionary.pad(), self.cfg.seed, split, negatives, fixed_shapes=self.cfg.fixed_shapes
        )

    def read_split(self, split: str) -> PairSet:
        """The pairs of a split."""
        folder = Path(self.cfg.data)
        return read_pair_set(split_path(folder, split, self.description), folder, self.description)

    def training_sizes(self, training: PairSet, maker: PairSamples) -> list[int]:
        """Tokens of the passages that answer queries: of MEASURED pairs, where there are more."""
        count = len(training)
        places = np.linspace(0, count - 1, min(count, MEASURED)).astype(np.int64)
        return [maker.length(training.pairs[place]) for place in places.tolist()]

    def _tell_split(self, split: str, pairs: PairSet, maker: PairSamples) -> None:
        count = len(pairs.relevance.queries())
        logger.info(f"{split}: {len(pairs):,} pairs of {count:,} queries, {int(pairs.sizes[:, 2].sum()):,} passages")
        if split == self.training_split:
            self._tell_negatives(pairs.sizes[:, 2] - 1)
        looked_at = min(len(pairs), LOOKED_AT)
        for index in range(looked_at):
            maker.samples(index, pairs.pairs[index])
        if maker.cut or maker.queries_cut:
            logger.info(
                f"{split}: of the first {looked_at} pairs {maker.queries_cut} queries are cut to "
                f"{maker.longest_query} tokens, and {maker.cut} passages to {self.max_tokens}"
            )

    def _tell_negatives(self, there: np.ndarray) -> None:
        """there (N,): how many each pair has. Raises UserError where some are asked for and none is there."""
        asked = self.description.negatives
        if asked and not there.any():
            raise UserError(
                f"{self.description.where}: negatives: {asked}, but no pair of the training split has one; write "
                "`negatives: 0`, or give files with negatives"
            )
        if asked and (short := int((there < asked).sum())):
            logger.info(f"{short:,} of {len(there):,} pairs have fewer hard negatives than {asked}")
        if unused := int(np.maximum(there - asked, 0).sum()):
            told = "drawn anew every epoch" if asked else "none is used: see `negatives:` of the description"
            logger.info(f"hard negatives of a pair in a batch: at most {asked}; {unused:,} more are there, {told}")

    def train_step(self, sample, model, criterion, optimizer, update_num, ignore_grad=False):
        """FairseqTask's; a batch that stands in for one this process lacks is nobody's negatives."""
        if ignore_grad:
            sample = {**sample, IGNORED: True}
        return super().train_step(sample, model, criterion, optimizer, update_num, ignore_grad)

    def begin_valid_epoch(self, epoch, model):
        self._ranked.clear()
        super().begin_valid_epoch(epoch, model)

    def parts_counted(self, sample: dict) -> list[str]:
        return list(COUNTED)

    def counts(self, sample: dict, predicted) -> dict[str, float]:
        """The sums of the measures over the queries of a split, once all its pairs have come; 0 before.

        predicted: the vectors of the batch's queries (B, C) and passages (P, C). Each process hears of those of all,
        and the one that has the last pair counts.
        """
        counts = dict.fromkeys((*Retrieval.METRICS, "queries"), 0.0)
        gathered, own = of_all_processes(self._found(sample, predicted))
        last = None
        for process, (split, queries, passages) in enumerate(gathered):
            if split not in self._ranked:
                dataset = self.datasets[split]
                self._ranked[split] = RankedSplit(dataset.pairs, dataset.brought)
            if self._ranked[split].add(queries, passages) and self._ranked[split].complete():
                last = (process, split)
        if last is not None and last[0] == own:
            counts = self._ranked[last[1]].measures()
        return counts

    def _found(self, sample: dict, predicted) -> tuple[str, tuple, tuple]:
        """The split of a batch, and what is there of its queries and passages, as `RankedSplit.add` has it."""
        vectors = [part.float().numpy() for part in predicted]
        query_ids, passage_ids, query_pairs, places = (sample[name].numpy() for name in COUNTED)
        asked, there = query_pairs >= 0, places[:, 0] >= 0
        queries = (query_ids[asked], vectors[0][asked])
        if not (np.isfinite(queries[1]).all() and np.isfinite(vectors[1][there]).all()):
            # Each comparison with such a one is false, and every passage would be the first.
            raise UserError("the model's vectors are not finite, and nothing can be ranked; give a lower --lr")
        return sample["split"], queries, (passage_ids[there], vectors[1][there], places[there])

    def score(self, totals: dict[str, float]) -> dict[str, float]:
        """Means over queries, in percent."""
        queries = max(totals["queries"], 1.0)
        return {name: 100.0 * totals[name] / queries for name in Retrieval.METRICS}
