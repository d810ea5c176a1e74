"""From the logits of a question's windows to its answer: the best spans of each, joined.

As BERT on SQuAD (arXiv 1810.04805, 4.2 and 4.3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from fairseq_hebrew.data.described.questions import QuestionAnswering

from .questions import QuestionSample


@dataclass(frozen=True, order=True)
class Span:
    """An answer in the context's characters, half open, and its score: the sum of the logits of its ends."""

    score: float
    begin: int
    end: int


def best_spans(logits: Tensor, possible: Tensor, longest: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The best answers in windows: scores (B, n) float32, their first and their last positions (B, n) int64.

    logits (B, T, 2) of start and end; possible (B, T) bool: where an answer may begin and end, the first position,
    which stands for none, left out whatever it says. longest: of an answer, in positions. What is impossible scores
    -inf; n is `count`, or what there is.
    """
    rows, length, _ = logits.shape
    longest = min(longest, length)
    possible = possible.clone()
    possible[:, 0] = False
    scores = logits.float().masked_fill(~possible.unsqueeze(-1), -torch.inf)
    ends = torch.nn.functional.pad(scores[..., 1], (0, longest - 1), value=-torch.inf)
    # Of each first position and each length the score: (B, T, longest)
    both = scores[..., 0].unsqueeze(-1) + ends.unfold(1, longest, 1)
    found, where = both.reshape(rows, -1).topk(min(count, length * longest))
    first = where // longest
    return found, first, first + where % longest


def null_scores(logits: Tensor) -> Tensor:
    """The score (B,) of there being no answer in each window: both ends at `<s>`."""
    return logits[:, 0].float().sum(-1)


def window_spans(sample: QuestionSample, logits: Tensor, longest: int, count: int) -> list[Span]:
    """The best answers in one window by their characters, best first; logits (T, 2) or, padded, longer."""
    logits = logits[: len(sample.tokens)]
    found = best_spans(logits[None], sample.target.ge(0)[None], longest, count)
    return [span_of(sample, *one) for one in zip(*(part[0].tolist() for part in found)) if one[0] > -np.inf]


def span_of(sample: QuestionSample, score: float, first: int, last: int) -> Span:
    return Span(score, int(sample.places[first, 0]), int(sample.places[first : last + 1, 1].max()))


def joined(spans: Iterable[Span], count: int) -> list[Span]:
    """The best answers of all windows together, each text once, best first; the earlier of two that score alike."""
    best: dict[tuple[int, int], Span] = {}
    for span in spans:
        place = (span.begin, span.end)
        if place not in best or span.score > best[place].score:
            best[place] = span
    return sorted(best.values(), key=lambda span: (-span.score, span.begin, span.end))[:count]


def is_null(best: float | None, null: float, description: QuestionAnswering) -> bool:
    """Whether a question is answered by nothing: no span can be, or `<s>` scores higher by more than the threshold."""
    if best is None:
        return True
    return description.unanswerable and null - best > description.null_threshold
