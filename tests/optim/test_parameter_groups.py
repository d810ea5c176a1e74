"""Which weights shrink when nothing but the weight decay moves them."""

import pytest
import torch

from fairseq_hebrew.models.neodictabert import NeoDictaBertModel
from fairseq_hebrew.models.options import EncoderOptions
from fairseq_hebrew.stage.errors import UserError
from tests.models.building import task, tiny
from tests.optim.building import optimizer


def neodictabert():
    return NeoDictaBertModel.build_model(EncoderOptions(encoder_layers=2, encoder_embed_dim=128), task())


def shrunk(model, *options) -> dict[str, float]:
    """{name of a parameter: by how much one update with zero gradients shrinks it}; all start as ones."""
    made = optimizer(model.parameters(), *options, "--lr", 0.5, "--weight-decay", 0.1)
    with torch.no_grad():
        for param in model.parameters():
            param.fill_(1)
            param.grad = torch.zeros_like(param)
    made.step()
    return {name: 1 - param.detach().mean().item() for name, param in model.named_parameters()}


@pytest.mark.parametrize("build", [tiny, neodictabert])
@pytest.mark.parametrize("name", ["adamw", "stable_adamw"])
def test_norms_and_biases_do_not_decay_on_request(build, name):
    model = build()
    left = {
        f"{module_name}.{own}"
        for module_name, module in model.named_modules()
        for own, _ in module.named_parameters(recurse=False)
        if own == "bias" or own.endswith("_bias") or "norm" in type(module).__name__.lower()
    }
    for param_name, by in shrunk(model, "--optimizer", name, "--no-decay-norms-biases").items():
        assert by == pytest.approx(0.0 if param_name in left else 0.05, abs=1e-6), param_name
    assert left and left < {param_name for param_name, _ in model.named_parameters()}


@pytest.mark.parametrize("name", ["adamw", "stable_adamw", "adam"])
def test_everything_decays_otherwise(name):
    by = shrunk(tiny(), "--optimizer", name)
    assert by == pytest.approx(dict.fromkeys(by, 0.05), abs=1e-6)


def test_embeddings_decay_as_in_roberta():
    by = shrunk(tiny(), "--optimizer", "adamw", "--no-decay-norms-biases")
    assert [by[name] > 0 for name in by if "embed" in name and "norm" not in name] == [True, True]


@pytest.mark.parametrize("name", ["adamw", "stable_adamw"])
def test_flattened_parameters_are_refused(name):
    flat = [torch.nn.Parameter(torch.ones(100))]
    with pytest.raises(UserError, match=r"flattened.*leave out --ddp-backend fully_sharded, or add --fp16-no-flatten"):
        optimizer(flat, "--optimizer", name, "--no-decay-norms-biases")
