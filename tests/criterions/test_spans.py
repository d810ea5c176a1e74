"""The loss on the ends of spans, against cross-entropy written down for each row."""

from types import SimpleNamespace

import pytest
import torch
from torch.nn import functional as F

from fairseq_hebrew.criterions.spans import SpansCriterion
from fairseq_hebrew.stage.errors import UserError

IGNORE, MAY, START, END = -100, 0, 1, 2
TARGET = torch.tensor(
    [
        [MAY, IGNORE, IGNORE, MAY, START, MAY, END, IGNORE],
        [START | END, IGNORE, MAY, MAY, MAY, IGNORE, IGNORE, IGNORE],
        [MAY, IGNORE, START | END, MAY, IGNORE, IGNORE, IGNORE, IGNORE],
    ]
)
ENDS = [(4, 6), (0, 0), (2, 2)]


class Model(torch.nn.Module):
    """Answers with its logits, whatever it is asked."""

    def __init__(self, logits):
        super().__init__()
        self.logits = torch.nn.Parameter(logits)

    def forward(self, head):
        assert head == "labels"
        return self.logits, {}


def judged(logits, target, training=True):
    def counted(told, sample, logits):
        return {**told, "f1": float(logits.detach().sum())}

    asked = SimpleNamespace(head="labels", head_kind="span", counted=counted)
    model = Model(logits)
    model.train(training)
    sample = {"net_input": {}, "target": target, "ntokens": 1, "nsentences": len(target)}
    loss, size, log = SpansCriterion(asked)(model, sample)
    loss.backward()
    return loss.detach(), int(size), log, model.logits.grad


def by_hand(logits) -> float:
    total = 0.0
    for row, target, ends in zip(logits, TARGET, ENDS):
        possible = target.ge(0).nonzero().flatten()
        for side, end in enumerate(ends):
            place = possible.tolist().index(end)
            total += float(F.cross_entropy(row[possible, side][None], torch.tensor([place]))) / 2
    return total


def test_the_loss_is_the_mean_of_two_cross_entropies_over_what_is_possible():
    torch.manual_seed(1)
    logits = torch.randn(3, 8, 2)
    loss, size, log, gradient = judged(logits, TARGET)
    assert float(loss) == pytest.approx(by_hand(logits), rel=1e-5) and size == 3
    assert int(log["sample_size"]) == 3 and "f1" not in log
    assert (gradient[TARGET.lt(0)] == 0).all() and (gradient[TARGET.ge(0)] != 0).all()


def test_what_is_impossible_and_empty_rows_change_nothing():
    torch.manual_seed(1)
    logits = torch.randn(3, 8, 2)
    plain = judged(logits, TARGET)
    huge = torch.where(TARGET.lt(0).unsqueeze(-1), 1e4, logits)
    wide = torch.cat([torch.cat([huge, 1e4 * torch.ones(3, 5, 2)], 1), 1e4 * torch.ones(2, 13, 2)])
    target = torch.full((5, 13), IGNORE)
    target[:3, :8] = TARGET
    padded = judged(wide, target)
    assert float(padded[0]) == pytest.approx(float(plain[0]), rel=1e-6) and padded[1] == 3
    assert torch.allclose(padded[3][:3, :8], plain[3], atol=1e-7) and torch.isfinite(padded[3]).all()
    assert int(padded[2]["correct"]) == int(plain[2]["correct"])


def test_a_row_is_right_when_both_ends_are():
    logits = torch.zeros(3, 8, 2)
    for row, (first, last) in enumerate(ENDS):
        logits[row, first, 0] = logits[row, last, 1] = 5.0
    assert int(judged(logits, TARGET)[2]["correct"]) == 3
    logits[0, 3, 1] = 9.0
    assert int(judged(logits, TARGET)[2]["correct"]) == 2


def test_an_empty_batch_is_nothing():
    loss, size, log, gradient = judged(torch.randn(2, 4, 2), torch.full((2, 4), IGNORE))
    assert float(loss) == 0 and size == 0 and int(log["correct"]) == 0 and (gradient == 0).all()


def test_validation_asks_the_task_for_its_counts():
    logits = torch.randn(3, 8, 2)
    assert float(judged(logits, TARGET, training=False)[2]["f1"]) == pytest.approx(float(logits.sum()))


def test_other_tasks_are_refused():
    with pytest.raises(UserError, match="give --criterion classification"):
        SpansCriterion(SimpleNamespace(head_kind="token"))
