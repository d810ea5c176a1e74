"""The masked-LM criterion: stock fairseq's numbers, by way of the predicted positions alone."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fairseq.criterions.masked_lm import MaskedLmConfig, MaskedLmLoss

from fairseq_hebrew.criterions.masked_lm import HebrewMaskedLMCriterion
from fairseq_hebrew.data.masked_lm_dataset import MaskedLMDataset
from fairseq_hebrew.data.masking import Masking
from fairseq_hebrew.data.samples import Sample
from tests.models.building import dictionary, tiny

BOS, PAD, MASK = 0, 1, 59


class Drawn(list):
    """Samples of one document each."""

    @property
    def sizes(self):
        return np.array([len(sample.tokens) for sample in self])


def dataset(probability=0.3, **options) -> MaskedLMDataset:
    rng = np.random.default_rng(3)
    samples = Drawn(Sample(np.append(BOS, rng.integers(4, MASK, size)), (size + 1,)) for size in (7, 15, 15, 3))
    masking = Masking((BOS, PAD, 2), PAD, MASK, np.arange(4, MASK), probability)
    return MaskedLMDataset(samples, masking, seed=1, max_tokens=16, **options)


def batch(**options) -> dict:
    data = dataset(**options)
    return data.collater([data[i] for i in range(len(data))])


@pytest.fixture
def judged():
    """(our criterion, stock's) for one task."""
    task = SimpleNamespace(target_dictionary=dictionary(60))
    return HebrewMaskedLMCriterion(task), MaskedLmLoss(MaskedLmConfig(tpu=False), task)


def gradients(model, loss) -> dict:
    model.zero_grad()
    loss.backward()
    return {name: p.grad.clone() for name, p in model.named_parameters()}


@pytest.mark.parametrize("fixed_shapes", [False, True])
def test_loss_and_gradients_are_those_of_the_stock_criterion(judged, fixed_shapes):
    ours, stock = judged
    model = tiny(dropout=0.0, attention_dropout=0.0)
    loss, size, log = ours(model, batch(fixed_shapes=fixed_shapes))
    wanted, wanted_size, wanted_log = stock(model, batch())
    torch.testing.assert_close(loss, wanted, rtol=1e-6, atol=1e-5)
    assert int(size) == int(wanted_size) == int(log["sample_size"])
    assert (log["ntokens"], log["nsentences"]) == (wanted_log["ntokens"], wanted_log["nsentences"])
    mine, theirs = gradients(model, loss), gradients(model, wanted)
    for name, gradient in theirs.items():
        torch.testing.assert_close(mine[name], gradient, atol=1e-5, rtol=1e-4, msg=name)


def test_the_count_of_right_predictions(judged):
    model = tiny().eval()
    made = batch()
    with torch.no_grad():
        _, _, log = judged[0](model, made)
        logits, _ = model(made["net_input"]["src_tokens"])
    predicted = made["target"].ne(PAD)
    assert int(log["right"]) == int((logits.argmax(-1).eq(made["target"]) & predicted).sum())


def test_a_batch_with_nothing_to_predict_costs_nothing(judged):
    model = tiny()
    loss, size, _ = judged[0](model, batch(probability=0.0))
    loss.backward()
    assert loss.item() == 0 and int(size) == 0
    assert all(not p.grad.any() for p in model.parameters() if p.grad is not None)


def test_fixed_shapes_stay_the_same_for_every_batch():
    data = dataset(fixed_shapes=True)
    shapes = {
        tuple(tuple(t.shape) for t in (made["net_input"]["src_tokens"], made["net_input"]["masked_positions"]))
        for made in (data.collater([data[i], data[j]]) for i in range(4) for j in range(4))
    }
    assert shapes == {((2, 16), (2, 5))}  # 5 = ceil(0.3 * 16)
    assert not {"padded", "lengths", "num_masked"} & set(data.collater([data[0]])["net_input"])


def test_metrics_over_several_workers():
    from fairseq import metrics

    logs = [{"loss": 8.0, "right": 1, "sample_size": 4}, {"loss": 4.0, "right": 3, "sample_size": 4}]
    with metrics.aggregate() as made:
        HebrewMaskedLMCriterion.reduce_metrics(logs)
    values = made.get_smoothed_values()
    assert values["masked_accuracy"] == 50 and values["loss"] == round(12 / 8 / 0.6931472, 3)
    assert values["ppl"] == pytest.approx(2 ** (12 / 8 / 0.6931472), rel=1e-2)
