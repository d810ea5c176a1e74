"""The masked-LM criterion: stock fairseq's numbers, by way of the predicted positions alone."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fairseq.criterions.masked_lm import MaskedLmConfig, MaskedLmLoss

from fairseq_hebrew.criterions.masked_lm import HebrewMaskedLMCriterion, summed
from fairseq_hebrew.data.fixed_shapes import FixedShapes
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


def dataset(probability=0.3, fixed_shapes=False, **options) -> MaskedLMDataset:
    rng = np.random.default_rng(3)
    samples = Drawn(Sample(np.append(BOS, rng.integers(4, MASK, size)), (size + 1,)) for size in (7, 15, 15, 3))
    masking = Masking((BOS, PAD, 2), PAD, MASK, np.arange(4, MASK), probability)
    shapes = FixedShapes([16]) if fixed_shapes else None
    return MaskedLMDataset(samples, masking, seed=1, max_tokens=16, fixed_shapes=shapes, **options)


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


def reduced(*logs) -> dict:
    from fairseq import metrics

    with metrics.aggregate(new_root=True) as made:
        for log in logs:
            HebrewMaskedLMCriterion.reduce_metrics(log if isinstance(log, list) else [log])
    return made.get_smoothed_values()


def test_metrics_over_several_workers():
    logs = [{"loss": 8.0, "right": 1, "sample_size": 4}, {"loss": 4.0, "right": 3, "sample_size": 4}]
    values = reduced(logs)
    assert values["masked_accuracy"] == 50 and values["loss"] == round(12 / 8 / 0.6931472, 3)
    assert values["ppl"] == pytest.approx(2 ** (12 / 8 / 0.6931472), rel=1e-2)
    assert set(values) == {"loss", "masked_accuracy", "ppl"}  # as in validation


def log(**told) -> dict:
    return {"loss": 1.0, "right": 1, "sample_size": 30, "ntokens": 200, "positions": 256} | told


def test_shares_are_averaged_by_what_they_are_shares_of():
    values = reduced(log(), log(ntokens=40, sample_size=10, positions=64))
    assert values["padding_share"] == 25 and values["masked_share"] == 16.67
    assert not {"tokens_per_second", "mfu"} & set(values)


def test_throughput_of_updates_of_unequal_length():
    first = log(timed_tokens=1000, timed_seconds=2.0, peak_seconds=0.5)
    second = log(timed_tokens=100, timed_seconds=0.5, peak_seconds=0.5)
    values = reduced([first, second], log(timed_tokens=0, timed_seconds=0.0, peak_seconds=0.0), second)
    assert values["tokens_per_second"] == 400 and values["mfu"] == 50
    unknown = reduced(log(timed_tokens=100, timed_seconds=0.5, peak_seconds=float("nan")))
    assert unknown["tokens_per_second"] == 200 and "mfu" not in unknown


def test_shares_of_a_mixture(judged):
    values = reduced(log(corpus_tokens_en=150, corpus_tokens_he=50), log(corpus_tokens_en=30, corpus_tokens_he=170))
    assert (values["share_en"], values["share_he"]) == (45, 55)


def test_what_is_told_in_training_and_in_validation(judged):
    """The same names for every batch of training, or the sums over processes would not fit; no word in validation."""
    criterion, model = judged[0], tiny()
    criterion.task.corpora = ("en", "he")
    first = criterion(model, batch())[2]
    second = criterion(model, {**batch(), "corpus_tokens": {"en": 30, "he": 2}})[2]
    assert list(first) == list(second)
    assert (second["corpus_tokens_en"], second["corpus_tokens_he"], first["corpus_tokens_he"]) == (30, 2, 0)
    assert (first["positions"], first["timed_tokens"]) == (64, 0)
    assert second["timed_tokens"] == batch()["ntokens"] and second["timed_seconds"] > 0
    told = {name for name, value in second.items() if torch.is_tensor(value)}
    assert told == {"loss", "right", "sample_size"}
    validated = criterion(model.eval(), batch())[2]
    assert set(validated) == {"loss", "right", "ntokens", "nsentences", "sample_size"}
    assert criterion(model.train(), batch())[2]["timed_tokens"] == 0  # the validation is not timed


def test_sums_are_those_of_all_batches():
    logs = [{"loss": torch.tensor(0.1), "ntokens": 3}, {"loss": torch.tensor(0.2), "ntokens": torch.tensor(4.0)}]
    total = summed(logs)
    assert total["ntokens"] == 7 and total["loss"] == float(torch.tensor(0.1)) + float(torch.tensor(0.2))
    assert total["absent"] == 0 and summed([])["loss"] == 0
