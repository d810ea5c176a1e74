"""Sums of what batches tell, of one host and of several."""

import pytest
import torch

from fairseq_hebrew.xla.ledger import Ledger


def filled(spread=None) -> Ledger:
    ledger = Ledger(list, spread)
    for loss, tokens in ((1.5, 10), (2.5, 20), (4.0, 5)):
        ledger.add({"loss": torch.tensor(loss), "right": torch.tensor(int(loss)), "ntokens": tokens, "seconds": 0.5})
    return ledger


def test_sums_are_of_all_since_the_last_time():
    ledger = filled()
    assert ledger.take(ledger.tensors()) == {"loss": 8.0, "right": 7, "ntokens": 35, "seconds": 1.5}
    assert ledger.tensors() == []
    ledger.add({"loss": torch.tensor(3.0), "ntokens": 1})
    assert ledger.take(ledger.tensors()) == {"loss": 3.0, "ntokens": 1}


def test_numbers_of_several_hosts_are_summed_on_the_device():
    """As if there were three hosts that tell the same: (3, n), whose sum is that of all."""
    ledger = filled(lambda numbers: numbers.repeat(3, 1))
    total = ledger.take(ledger.tensors())
    assert total == pytest.approx({"loss": 8.0, "right": 7, "ntokens": 105, "seconds": 4.5})


def test_integers_stay_exact():
    ledger = Ledger(list)
    for _ in range(3):
        ledger.add({"right": torch.tensor(2**40 + 1)})
    assert ledger.take(ledger.tensors()) == {"right": 3 * 2**40 + 3}
