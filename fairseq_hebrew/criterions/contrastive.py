"""The contrastive loss of retrieval: a query's own passage among those of the batch, of all processes."""

from dataclasses import dataclass, field

import torch
import torch.distributed as dist
from fairseq.criterions import register_criterion
from fairseq.dataclass import FairseqDataclass
from fairseq.distributed.utils import get_data_parallel_group
from torch import Tensor
from torch.nn import functional as F

from fairseq_hebrew.stage.errors import UserError

from .classification import ClassificationCriterion
from .gathering import gather_rows

AT_ONCE = 256  # texts, in validation
IGNORE = -100  # in the place of a query's own passage: torch's cross-entropy leaves the query out
IGNORED = "ignored"  # in a batch: it stands in for one that this process lacks


@dataclass
class ContrastiveConfig(FairseqDataclass):
    """Options of the loss. fairseq reads the annotations at run time."""

    no_cross_device_negatives: bool = field(
        default=False,
        metadata={"help": "a query's negatives are the passages of its own process alone, not those of all processes"},
    )


@register_criterion("contrastive", dataclass=ContrastiveConfig)
class ContrastiveCriterion(ClassificationCriterion):
    """InfoNCE (arXiv 1807.03748, equation 4) with the passages of the batch as negatives (DPR, arXiv 2004.04906, 3.2):
    the cross-entropy of a query's own passage among all, their cosines divided by `task.description.temperature`.

    A passage that is known to answer a query, its own in another pair included, is not among its negatives. Queries and
    passages without a pair (-1) count for nothing. On XLA a batch is that of all devices and hosts. In validation the
    candidates are those of the batch in this process, and `task.counted(told, sample, (queries, passages))` adds the
    numbers that the metric needs.
    """

    def __init__(self, task, no_cross_device_negatives: bool = False) -> None:
        super().__init__(task)
        if getattr(task, "head_kind", None) != "embedding":
            raise UserError("--criterion contrastive: this task finds no passages; give --criterion classification")
        self._everywhere = not no_cross_device_negatives

    def forward(self, model, sample, reduce=True):
        """(loss summed over the queries, their number, logging output), as fairseq's trainer wants it."""
        queries = self._vectors(model, sample["net_input"]["src_tokens"])  # (B, C)
        # In validation a query may bring hundreds of passages, where shapes are not fixed.
        many = not model.training and len(sample["passages"]) > sample["own_step"] * len(queries)
        passages = self._vectors(model, sample["passages"], AT_ONCE if many else None)  # (P, C)
        candidates, ids, first = passages, sample["passage_ids"], 0
        asked, there = sample["query_pairs"].ge(0), sample["passage_places"][:, 0].ge(0)
        if model.training and self._everywhere and dist.is_available() and dist.is_initialized():
            there = there & (not sample.get(IGNORED, False))
            candidates, ids, there, first = gather_rows(passages, ids, there, get_data_parallel_group())
        known = ids.eq(sample["relevant"].unsqueeze(-1)).any(1)  # (B, M)
        own = first + sample["own_step"] * torch.arange(len(queries), device=ids.device)
        own = torch.where(asked, own, IGNORE)
        loss, right = contrastive_loss(queries, candidates, own, known | ~there, self.task.description.temperature)
        size = asked.sum()
        logging_output = {
            "loss": loss.detach(),
            "ntokens": sample["ntokens"],
            "nsentences": sample["nsentences"],
            "sample_size": size.detach(),
            "correct": right,
        }
        if not model.training:
            logging_output = self.task.counted(logging_output, sample, (queries, passages))
        return loss, logging_output["sample_size"], logging_output

    def _vectors(self, model, tokens: Tensor, at_once: int | None = None) -> Tensor:
        """(N, T) -> (N, C)"""
        parts = (tokens,) if at_once is None else tokens.split(at_once)
        return torch.cat([model(rows, head=self.task.head)[0] for rows in parts])


def contrastive_loss(
    queries: Tensor, candidates: Tensor, own: Tensor, excluded: Tensor, temperature: float
) -> tuple[Tensor, Tensor]:
    """The loss summed over queries, in nats, and how many are nearest to their own passage.

    queries (B, C) and candidates (M, C), fp32 and of length 1; own (B,) int64: the row of each query's own passage, or
    IGNORE: it counts for nothing; excluded (B, M) bool: which are no negatives of a query. Its own passage never is,
    whatever stands there.
    """
    with torch.autocast(queries.device.type, enabled=False):
        scores = queries.float() @ candidates.float().t() / temperature  # (B, M)
    place = torch.arange(len(candidates), device=own.device)
    # Of what is ignored nothing is excluded: all scores of a row at -inf would be no number.
    kept = place.eq(own.unsqueeze(1)) | own.eq(IGNORE).unsqueeze(1)
    scores = scores.masked_fill(excluded & ~kept, -torch.inf)
    return F.cross_entropy(scores, own, reduction="sum"), scores.detach().argmax(1).eq(own).sum()
