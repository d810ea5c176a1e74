"""Rows and batches with nothing in them change no loss, no gradient and no count, whatever attends to them."""

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from fairseq_hebrew.criterions.masked_lm import HebrewMaskedLMCriterion
from fairseq_hebrew.data.fixed_shapes import FixedShapes, empty_batch
from fairseq_hebrew.data.masked_lm_dataset import MaskedLMDataset
from fairseq_hebrew.data.masking import Masking
from fairseq_hebrew.models.hallelubert import HalleluBertModel
from fairseq_hebrew.models.neodictabert import NeoDictaBertModel
from fairseq_hebrew.models.options import EncoderOptions
from tests.data.test_masked_lm_dataset import Drawn
from tests.models.building import task

BOS, PAD, EOS, MASK = 0, 1, 2, 59
FAMILIES = [HalleluBertModel, NeoDictaBertModel]
BACKENDS = ["plain", "sdpa", "static", "documents"]


def batch(rows: int, packed: bool) -> dict:
    """A batch of three samples in so many rows of 24."""
    rng = np.random.default_rng(7)
    cuts = [(5, 9, 4), (20,), (2, 3)] if packed else [(18,), (20,), (5,)]
    samples = Drawn(*[[rng.integers(4, MASK, size).tolist() for size in cut] for cut in cuts])
    masking = Masking((BOS, PAD, EOS), PAD, MASK, np.arange(4, MASK), 0.4)
    data = MaskedLMDataset(samples, masking, 1, 24, fixed_shapes=FixedShapes([24]), document_mask=packed)
    (indices,) = data.batch_by_size(np.arange(3), max_sentences=rows)
    return data.collater([data[i] for i in indices])


def judged(kind, backend: str, **changes):
    """The tiny model of a family, without dropout, and its criterion."""
    torch.manual_seed(1)
    options = {"encoder_layers": 2, "encoder_embed_dim": 128, "dropout": 0.0, "attention_dropout": 0.0} | changes
    made = EncoderOptions(_name=kind.family.name, attention_backend=backend, **options)
    model = kind.build_model(OmegaConf.structured(made), task())
    return model, HebrewMaskedLMCriterion(model_task())


def model_task():
    made = task()
    made.target_dictionary = made.source_dictionary
    return made


def learned(model, criterion, batch) -> tuple[torch.Tensor, int, dict, dict]:
    """(loss, its size, log, gradients)"""
    model.zero_grad()
    loss, size, log = criterion(model, batch)
    loss.backward()
    return loss.detach(), int(size), log, {name: p.grad.clone() for name, p in model.named_parameters()}


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("window", [0, 3])
def test_empty_rows(kind, backend, packed, window):
    local = {"local_window": window, "global_every": 2} if window else {}
    model, criterion = judged(kind, backend, **local)
    whole, filled = batch(3, packed), batch(8, packed)
    assert filled["net_input"]["src_tokens"].shape == (8, 24)
    loss, size, log, gradients = learned(model, criterion, filled)
    wanted, wanted_size, wanted_log, wanted_gradients = learned(model, criterion, whole)
    assert size == wanted_size > 5 and torch.isfinite(loss)
    torch.testing.assert_close(loss, wanted, rtol=1e-6, atol=0)
    for name in ("ntokens", "nsentences", "right", "sample_size"):
        assert log[name] == wanted_log[name], name
    for name, gradient in wanted_gradients.items():
        torch.testing.assert_close(gradients[name], gradient, atol=1e-5, rtol=1e-5, msg=name)


@pytest.mark.parametrize("kind", FAMILIES)
@pytest.mark.parametrize("backend", ["plain", "sdpa", "static"])
@pytest.mark.parametrize("packed", [False, True])
def test_empty_batches(kind, backend, packed):
    """Of those back ends that keep padding; the others would have nothing at all to compute with."""
    model, criterion = judged(kind, backend)
    loss, size, log, gradients = learned(model, criterion, empty_batch(batch(4, packed), PAD))
    assert loss == 0 and size == 0
    assert (log["ntokens"], log["nsentences"], int(log["right"])) == (0, 0, 0)
    assert not any(gradient.any() for gradient in gradients.values())  # NaN would be true
