"""The squared error, of the rows that have a number."""

from types import SimpleNamespace

import pytest
import torch

from fairseq_hebrew.criterions.squared_error import SquaredErrorCriterion


def test_rows_without_a_number_change_nothing():
    """(1 - 3)^2 + (-100 + 98)^2, and no gradient where none is."""
    said = torch.nn.Parameter(torch.tensor([[1.0], [7.0], [-98.0]]))
    model = torch.nn.Module()
    model.forward = lambda head: (said, {})
    target = torch.tensor([3.0, torch.nan, -100.0])
    sample = {"net_input": {}, "target": target, "ntokens": 9, "nsentences": 2}
    loss, size, told = SquaredErrorCriterion(SimpleNamespace(head="labels", target_dictionary=None))(model, sample)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(8.0) and int(size) == told["sample_size"] == 2
    assert said.grad.flatten().tolist() == pytest.approx([-4.0, 0.0, 4.0])
