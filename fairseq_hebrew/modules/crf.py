"""A linear-chain conditional random field over the labels of words (Lafferty, McCallum and Pereira 2001; on a neural
tagger: Lample et al. 2016, arXiv 1603.01360, section 2.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .log_product import LogProduct, chain_product

NEVER = float("-inf")  # the score of what may not be; the label O may always be, so that something is left


class LinearChainCRF(nn.Module):
    """Scores of labels that follow one another, beside the score of each word's label.

    The labels of a row stand at the positions of a mask (B, T), wherever these are: what lies between them, and rows of
    padding, count for nothing, so that shapes may be fixed. All is computed in fp32.
    """

    def __init__(self, allowed: Sequence[Sequence[bool]], may_begin: Sequence[bool], may_end: Sequence[bool]) -> None:
        """allowed (L, L): whether a label (column) may follow another (row); may_begin, may_end (L,): a sentence.

        What may not be has no score of its own when decoded: it is never chosen. In training nothing is forbidden, for
        the labels of files may be broken.
        """
        super().__init__()
        labels = len(may_begin)
        self.transitions = nn.Parameter(torch.zeros(labels, labels))
        self.begin = nn.Parameter(torch.zeros(labels))
        self.end = nn.Parameter(torch.zeros(labels))
        # Made anew from the scheme whenever the model is: a checkpoint has no copy.
        for name, rule in (("forbidden", allowed), ("no_begin", may_begin), ("no_end", may_end)):
            self.register_buffer(name, ~torch.tensor(rule, dtype=torch.bool), persistent=False)

    def loss(self, scores: Tensor, target: Tensor, begins: Tensor, ends: Tensor) -> Tensor:
        """scores (B, T, L), target (B, T) int64, below 0 where no label stands, begins and ends (B,) bool: whether the
        first label of a row is that of its sentence, and the last -> the negative log-likelihood (B,), in nats.
        """
        scores, target, mask = packed(scores, target)
        partition = self._partition_in_pairs if scores.device.type == "xla" else self._partition
        return partition(scores, mask, begins, ends) - self._score(scores, target, mask, begins, ends)

    @torch.no_grad()
    def decode(self, scores: Tensor, mask: Tensor, begins: Tensor, ends: Tensor) -> Tensor:
        """scores (B, T, L), mask (B, T) bool -> the best labels (B, T) int64 of those that are allowed; 0 elsewhere."""
        where = mask
        scores, _, mask = packed(scores, torch.where(mask, 0, -1))
        transitions = self.transitions.float().masked_fill(self.forbidden, NEVER)
        best = scores[:, 0] + self._at(self.begin, begins, self.no_begin)
        came: list[Tensor] = []
        for t in range(1, scores.size(1)):
            ways, which = (best.unsqueeze(2) + transitions).max(dim=1)
            best = torch.where(mask[:, t, None], ways + scores[:, t], best)
            came.append(which)
        label = (best + self._at(self.end, ends, self.no_end)).argmax(dim=1)
        found = [label]
        for t in range(len(came) - 1, -1, -1):
            label = torch.where(mask[:, t + 1], came[t].gather(1, label.unsqueeze(1)).squeeze(1), label)
            found.append(label)
        labels = torch.stack(found[::-1], dim=1)
        place = (where.cumsum(dim=1, dtype=torch.int64) - 1).clamp(min=0, max=labels.size(1) - 1)
        return labels.gather(1, place).masked_fill(~where, 0)

    def _at(self, scores: Tensor, whole: Tensor, never: Tensor) -> Tensor:
        """The scores (L,) of an end of a sentence for the rows (B,) that have it: (B, L)."""
        return torch.where(whole.unsqueeze(1), scores.float().masked_fill(never, NEVER), 0.0)

    def _partition(self, scores: Tensor, mask: Tensor, begins: Tensor, ends: Tensor) -> Tensor:
        """The logarithm of the sum over all labellings (B,), by the forward algorithm; 0 where no label stands."""
        transitions = self.transitions.float()
        total = scores[:, 0] + begins.unsqueeze(1) * self.begin.float()
        for t in range(1, scores.size(1)):
            ways = torch.logsumexp(total.unsqueeze(2) + transitions, dim=1)
            total = torch.where(mask[:, t, None], ways + scores[:, t], total)
        total = torch.logsumexp(total + ends.unsqueeze(1) * self.end.float(), dim=1)
        return total * mask[:, 0]

    def _partition_in_pairs(self, scores: Tensor, mask: Tensor, begins: Tensor, ends: Tensor) -> Tensor:
        """As `_partition`, with L times the work in log2(T) steps: XLA writes out each step before it compiles."""
        total = scores[:, 0] + begins.unsqueeze(1) * self.begin.float()
        if scores.size(1) > 1:
            steps = self.transitions.float() + scores[:, 1:].unsqueeze(2)  # (B, T - 1, L, L)
            through = chain_product(steps, mask[:, 1:])
            more = LogProduct.apply(total.unsqueeze(1), through).squeeze(1)
            total = torch.where(mask[:, 1, None], more, total)
        total = torch.logsumexp(total + ends.unsqueeze(1) * self.end.float(), dim=1)
        return total * mask[:, 0]

    def _score(self, scores: Tensor, target: Tensor, mask: Tensor, begins: Tensor, ends: Tensor) -> Tensor:
        """The score of the labels in target (B,); 0 where there are none."""
        of_words = scores.gather(2, target.unsqueeze(2)).squeeze(2) * mask
        of_pairs = self.transitions.float()[target[:, :-1], target[:, 1:]] * mask[:, 1:]
        last = target.gather(1, (mask.sum(dim=1, keepdim=True) - 1).clamp(min=0)).squeeze(1)
        of_ends = begins * self.begin.float()[target[:, 0]] + ends * self.end.float()[last]
        return of_words.sum(dim=1) + of_pairs.sum(dim=1) + of_ends * mask[:, 0]


def packed(scores: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """scores (B, T, L), target (B, T), below 0 where no label stands -> the same in fp32 with the labels at the left of
    each row, in their order, the target 0 elsewhere, and the mask (B, T) of the labels.

    T becomes that of the longest row, except on XLA, where it would be another shape for each batch.
    """
    mask = target.ge(0)
    order = torch.argsort((~mask).to(torch.uint8), dim=1, stable=True)
    if scores.device.type != "xla":
        order = order[:, : max(int(mask.sum(dim=1).max()), 1)]
    scores = scores.float().gather(1, order.unsqueeze(2).expand(-1, -1, scores.size(2)))
    return scores, target.clamp(min=0).gather(1, order), mask.gather(1, order)
