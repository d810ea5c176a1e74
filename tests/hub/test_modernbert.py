"""Encoders of ModernBERT's choices are transformers' ModernBERT, exactly, and all others are refused."""

import dataclasses
import json
import os

import pytest
import torch

from fairseq_hebrew.hub.formats import FORMATS
from fairseq_hebrew.hub.keys import sizes, to_ours, to_theirs
from fairseq_hebrew.models.neodictabert import NEODICTABERT, NeoDictaBertModel
from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.stage.errors import UserError

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when transformers is imported: nothing here may ask a hub

MODERNBERT = FORMATS["modernbert"]
KIND = MODERNBERT.kinds["hebrew_masked_lm"]
PAD = 1
CONFIG = EncoderConfig(
    vocab_size=60, padding_idx=PAD, layers=5, width=32, heads=2, feed_forward_width=40, max_positions=128,
    norm_placement="pre", first_norm=False, positions="rope", rope_theta=160_000.0, rope_theta_local=100.0,
    local_window=4, feed_forward="geglu", dropout=0.0, attention_dropout=0.0,
)  # fmt: skip
CHANGES = [
    {},
    {"bias": False, "norm_bias": False},
    {"tie_embeddings": False},
    {"feed_forward": "swiglu", "norm_eps": 1e-3},
    {"rope_theta_local": None, "global_every": 2},
    {"local_window": 0, "rope_theta_local": None},
    {"global_every": 0},
    {"global_every": 1},
    {"local_window": 1},
]


def stirred(config: EncoderConfig) -> NeoDictaBertModel:
    torch.manual_seed(0)
    model = NeoDictaBertModel(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # matrices of about 1/sqrt(width): near their start they do too little
            parameter.add_(0.15 * torch.randn_like(parameter))
    return model


def export(config: EncoderConfig, state, folder):
    from safetensors.torch import save_file

    assert MODERNBERT.refuses(config) is None
    tensors = to_theirs(MODERNBERT.rows(config, KIND), state, sizes(config), config)
    folder.mkdir(exist_ok=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(MODERNBERT.config_json(config, KIND, [], None)))
    return tensors


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_logits_are_those_of_transformers(changes, attention, tmp_path):
    transformers = pytest.importorskip("transformers")
    config = dataclasses.replace(CONFIG, **changes)
    ours = stirred(config)
    export(config, ours.state_dict(), tmp_path)
    theirs, told = transformers.AutoModelForMaskedLM.from_pretrained(
        tmp_path, output_loading_info=True, attn_implementation=attention
    )
    assert type(theirs).__name__ == "ModernBertForMaskedLM" and not any(told.values()), told
    for lengths in ((50, 7, 33), (3, 1), (9,)):
        ids = torch.full((len(lengths), max(lengths)), PAD)
        for row, length in zip(ids, lengths):
            row[:length] = torch.randint(4, 60, (length,))
        real = ids.ne(PAD)
        with torch.inference_mode():
            there, here = theirs.eval()(ids, attention_mask=real.long()).logits[real], ours(ids)[0][real]
        assert here.std() > 0.5
        torch.testing.assert_close(there, here, rtol=0, atol=1e-5)


def test_the_window_has_the_same_edge(tmp_path):
    """A token local_window away is read, the next one is not, on both sides (one layer, which is local)."""
    transformers = pytest.importorskip("transformers")
    config = dataclasses.replace(CONFIG, layers=1, global_every=0)
    ours = stirred(config)
    export(config, ours.state_dict(), tmp_path)
    theirs = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path).eval()
    ids = torch.arange(4, 34)[None]
    for distance in (-5, -4, 4, 5):
        other = ids.clone()
        other[0, 15 + distance] = 50
        for model in (lambda given: ours(given)[0], lambda given: theirs(given).logits):
            with torch.inference_mode():
                moved = (model(ids) - model(other))[0, 15].abs().max() > 1e-4
            assert bool(moved) == (abs(distance) <= 4)


@pytest.mark.parametrize("changes", CHANGES, ids=str)
def test_there_and_back_is_the_same_to_the_bit(changes, tmp_path):
    config = dataclasses.replace(CONFIG, **changes)
    state = stirred(config).state_dict()
    tensors = export(config, state, tmp_path)
    read = MODERNBERT.read_config(json.loads((tmp_path / "config.json").read_text()), tensors, PAD)
    assert [read.window(i) for i in range(5)] == [config.window(i) for i in range(5)]
    assert [read.theta(i) for i in range(5)] == [config.theta(i) for i in range(5)]
    same = {"local_window": 0, "global_every": 0, "rope_theta_local": None}
    assert dataclasses.replace(read, **same) == dataclasses.replace(config, **same)
    back = to_ours(MODERNBERT.rows(read, KIND), tensors, sizes(read), read)
    assert back.keys() == state.keys() and all(torch.equal(back[name], state[name]) for name in state)


@pytest.mark.parametrize("changes", [{}, {"global_every": 0}, {"local_window": 0}], ids=str)
def test_what_transformers_writes_is_read(changes, tmp_path):
    transformers = pytest.importorskip("transformers")
    config = dataclasses.replace(CONFIG, **changes)
    tensors = export(config, stirred(config).state_dict(), tmp_path)
    transformers.AutoModelForMaskedLM.from_pretrained(tmp_path).save_pretrained(tmp_path / "again")
    raw = json.loads((tmp_path / "again" / "config.json").read_text())
    read = MODERNBERT.read_config(raw, tensors, PAD)
    assert [read.window(i) for i in range(5)] == [config.window(i) for i in range(5)]
    assert [read.theta(i) for i in range(5)] == [config.theta(i) for i in range(5)]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"norm": "rms_norm"}, "LayerNorm alone, the model has norm=rms_norm"),
        ({"norm_placement": "post", "first_norm": True}, "norms before each sub-layer"),
        ({"first_norm": True}, "no norm before the first attention"),
        ({"embedding_norm": False}, "a norm after the embeddings"),
        ({"positions": "learned"}, "rotary positions"),
        ({"positions": "none"}, "rotary positions"),
        ({"feed_forward": "gelu"}, "a gated feed-forward"),
        ({"lm_head": "linear"}, "a layer and a norm before its output matrix"),
    ],
)
def test_other_choices_are_refused_with_the_reason(changes, reason):
    assert reason in MODERNBERT.refuses(dataclasses.replace(CONFIG, **changes))


def test_the_published_families_are_refused():
    for choices in ({}, NEODICTABERT.choices):
        assert MODERNBERT.refuses(EncoderConfig(vocab_size=60, padding_idx=1, **choices))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"classifier_bias": False}, "classifier_bias=False"),
        ({"classifier_bias": None}, "classifier_bias=False"),  # transformers' default
        ({"hidden_activation": "relu"}, "hidden_activation='relu'"),
        ({"mlp_bias": False}, "biases to one of"),
        ({"layer_types": ["sliding_attention", "full_attention"] * 2}, "layer_types"),
        ({"rope_parameters": {"full_attention": {"rope_type": "yarn", "rope_theta": 1.0}}}, "scales rotary"),
        ({"position_embedding_type": "absolute"}, "position_embedding_type"),
        ({"new_thing": 1}, "new_thing=1, which is not known"),
        ({"num_hidden_layers": "many"}, "num_hidden_layers='many'"),
        ({"num_attention_heads": 5}, "5 heads"),
    ],
)
def test_settings_of_another_model_are_refused(changes, reason):
    raw = MODERNBERT.config_json(CONFIG, KIND, [], None) | changes
    tensors = {"model.embeddings.tok_embeddings.weight": torch.zeros(60, 32)}
    with pytest.raises(UserError, match=r"config\.json") as told:
        MODERNBERT.read_config(raw, tensors, PAD)
    assert reason in str(told.value) and "\n" not in str(told.value)
