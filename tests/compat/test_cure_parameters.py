"""The parameters 0.12.2 adds in vain: dropped where a model has none, kept where it has, and never computed with."""

import re
from collections import OrderedDict

import pytest
import torch

from fairseq_hebrew_compat import drop_dead_parameters

LAYER = "encoder.sentence_encoder.layers.{}."
DEAD = [f"{part}_{kind}" for part in ("in_proj", "out_proj", "fc1", "fc2") for kind in ("weight", "bias")]


@pytest.fixture(scope="module")
def model(trained):
    from fairseq.checkpoint_utils import load_model_ensemble_and_task

    return load_model_ensemble_and_task([str(trained)])[0][0].eval()


def test_a_stock_checkpoint_has_eight_a_layer(state):
    state = state["model"]
    kept, dropped = drop_dead_parameters(state)
    assert sorted(dropped) == sorted(LAYER.format(layer) + name for layer in (0, 1) for name in DEAD)
    assert set(kept) == set(state) - set(dropped) and len(state) == len(kept) + 16
    assert type(kept) is type(state) and all(kept[name] is state[name] for name in kept)


def test_nothing_else_is_dropped():
    alike = OrderedDict.fromkeys(
        [
            *("layers.0.self_attn.in_proj_weight", "layers.0.fc1_weight", "decoder.fc1_weight", "fc1.weight"),
            *("encoder.layers.1.self_attn.q_proj.bias", "encoder.layers.1.fc1_weight"),
        ]
    )
    assert drop_dead_parameters(alike) == (alike, []) and drop_dead_parameters(alike)[0] is alike
    alike["encoder.layers.1.self_attn.q_proj.weight"] = None
    assert drop_dead_parameters(alike)[1] == ["encoder.layers.1.fc1_weight"]


def test_metadata_is_carried_along():
    state = OrderedDict.fromkeys(["layers.0.fc1_weight", "layers.0.self_attn.q_proj.weight"])
    state._metadata = {"": {"version": 1}}
    assert drop_dead_parameters(state)[0]._metadata == state._metadata


def test_a_model_without_them_loads_a_stock_checkpoint(state):
    from fairseq.models import BaseFairseqModel

    class Lean(BaseFairseqModel):
        """A model with a stock model's names, less the dead ones."""

        def __init__(self, names):
            super().__init__()
            self.names = names
            for name, value in names.items():
                self.register_buffer(name.replace(".", "/"), torch.zeros_like(value))

        def state_dict(self, *args, **kwargs):
            return {name: getattr(self, name.replace(".", "/")) for name in self.names}

        def upgrade_state_dict(self, state_dict):
            for name in list(state_dict):
                state_dict[name.replace(".", "/")] = state_dict.pop(name)

    stock = state["model"]
    lean = Lean(
        {name: value for name, value in stock.items() if not re.search(r"layers\.\d\.\w+_(weight|bias)$", name)}
    )
    lean.load_state_dict(OrderedDict(stock), strict=True)
    assert all(torch.equal(lean.state_dict()[name], stock[name]) for name in lean.names)


def test_stock_models_keep_them(model):
    assert sum(name.rpartition(".")[2] in DEAD for name in model.state_dict()) == 16
    older = drop_dead_parameters(model.state_dict())[0]
    model.load_state_dict(OrderedDict(older), strict=True)  # a checkpoint from before 0.12.2


def test_no_loaded_layer_takes_the_fused_path(model):
    assert not any(layer.can_use_fastpath for layer in model.encoder.sentence_encoder.layers)
