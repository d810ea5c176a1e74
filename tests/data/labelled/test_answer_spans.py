import itertools
import math

import pytest
import torch

from fairseq_hebrew.data.described.questions import QuestionAnswering
from fairseq_hebrew.data.labelled.answer_spans import Span, best_spans, is_null, joined, null_scores


def every_span(logits, possible, longest):
    """All spans of one window by their scores, the plain way: (score, first, last)."""
    length = len(logits)
    found = [
        (float(logits[i, 0] + logits[j, 1]), i, j)
        for i, j in itertools.product(range(1, length), range(1, length))
        if possible[i] and possible[j] and 0 <= j - i < longest
    ]
    return sorted(found, reverse=True)


@pytest.mark.parametrize("longest", [1, 3, 7, 40])
def test_the_best_spans_are_those_of_trying_all(longest):
    torch.manual_seed(longest)
    logits, possible = torch.randn(5, 20, 2), torch.rand(5, 20) > 0.4
    possible[4] = False
    scores, first, last = best_spans(logits, possible, longest, 6)
    assert scores.shape == (5, 6)
    for row in range(5):
        wanted = every_span(logits[row], possible[row], longest)[:6]
        found = [
            one for one in zip(scores[row].tolist(), first[row].tolist(), last[row].tolist()) if one[0] > -math.inf
        ]
        assert [one[1:] for one in found] == [one[1:] for one in wanted]
        assert [one[0] for one in found] == pytest.approx([one[0] for one in wanted])


def test_padding_changes_no_span():
    torch.manual_seed(0)
    logits, possible = torch.randn(1, 9, 2), torch.ones(1, 9, dtype=torch.bool)
    alone = best_spans(logits, possible, 5, 4)
    padded = torch.cat([logits, 100 * torch.ones(1, 30, 2)], 1)
    wider = best_spans(padded, torch.cat([possible, torch.zeros(1, 30, dtype=torch.bool)], 1), 5, 4)
    assert all(torch.equal(one, other) for one, other in zip(alone, wider))


def test_asked_for_more_spans_than_there_are():
    scores, _, _ = best_spans(torch.zeros(1, 3, 2), torch.ones(1, 3, dtype=torch.bool), 2, 50)
    assert (scores > -math.inf).sum() == 3  # 1-1, 1-2, 2-2


def test_the_score_of_no_answer_is_read_at_the_first_position():
    assert null_scores(torch.tensor([[[1.5, 2.0], [9.0, 9.0]]])).tolist() == [3.5]


def test_windows_are_joined_each_text_once_and_the_earlier_first_of_two_alike():
    spans = [Span(1.0, 5, 9), Span(3.0, 7, 8), Span(2.0, 5, 9), Span(3.0, 1, 2), Span(0.0, 0, 1)]
    assert joined(spans, 3) == [Span(3.0, 1, 2), Span(3.0, 7, 8), Span(2.0, 5, 9)]


@pytest.mark.parametrize(
    ("best", "null", "threshold", "unanswerable", "none"),
    [
        (2.0, 2.5, 0.0, True, True),
        (2.0, 2.5, 0.5, True, False),
        (2.0, 2.0, 0.0, True, False),
        (2.0, 1.0, -1.5, True, True),
        (2.0, 9.0, 0.0, False, False),
        (None, -9.0, 0.0, True, True),
        (None, -9.0, 0.0, False, True),
    ],
)
def test_no_answer_by_the_threshold(best, null, threshold, unanswerable, none):
    task = QuestionAnswering(name="q", files={}, metric="f1", unanswerable=unanswerable, null_threshold=threshold)
    assert is_null(best, null, task) == none
