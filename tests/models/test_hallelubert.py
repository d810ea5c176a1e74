"""The fairseq model: sizes, options, the interface of forward, heads."""

import argparse

import pytest
import torch
from fairseq.models import build_model
from omegaconf import OmegaConf

from fairseq_hebrew.models.hallelubert import HALLELUBERT, HalleluBertModel
from fairseq_hebrew.stage.errors import UserError
from tests.models.building import parsed, task, tiny


@pytest.mark.parametrize(("size", "parameters"), [("base", 126_037_801), ("large", 357_198_633)])
def test_parameters_of_the_published_models(size, parameters):
    with torch.device("meta"):
        model = build_model(OmegaConf.create({"_name": f"hallelubert_{size}"}), task(52_009))
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert sum(v.numel() for v in model.state_dict().values()) == parameters  # the tied weight stands once
    assert model.encoder.embed_positions.weight.shape[0] == 514


@pytest.mark.parametrize("size", HALLELUBERT.sizes)
def test_sizes_on_the_command_line(size):
    cfg = parsed("--arch", f"hallelubert_{size}")
    layers, width = HALLELUBERT.sizes[size]
    assert (cfg.encoder_layers, cfg.encoder_embed_dim) == (layers, width)
    assert (cfg.encoder_ffn_embed_dim, cfg.encoder_attention_heads) == (4 * width, width // 64)
    assert (cfg.dropout, cfg.attention_dropout, cfg.activation_dropout, cfg.max_positions) == (0.1, 0.1, 0.0, 512)


def test_options_win_over_the_size():
    cfg = parsed(
        "--arch", "hallelubert_tiny", "--dropout", "0.0", "--encoder-layers", "3", "--max-positions", "64",
        "--attention-dropout", "0.2", "--encoder-attention-heads", "4",
    )  # fmt: skip
    model = build_model(cfg, task())
    config = model.encoder.config
    assert (config.dropout, config.attention_dropout, config.layers, config.width) == (0.0, 0.2, 3, 128)
    assert (config.max_positions, config.heads, model.max_positions()) == (64, 4, 64)


def test_a_width_of_ones_own_brings_its_feed_forward_and_heads():
    config = build_model(parsed("--arch", "hallelubert", "--encoder-embed-dim", "192"), task()).encoder.config
    assert (config.layers, config.width, config.feed_forward_width, config.heads) == (12, 192, 768, 3)


def test_the_saved_config_builds_the_same_model_again():
    cfg = parsed("--arch", "hallelubert_tiny", "--dropout", "0.0", "--encoder-layers", "3")
    first = build_model(cfg, task())
    saved = OmegaConf.create(OmegaConf.to_container(cfg, resolve=True, enum_to_str=True))
    second = build_model(saved, task(), from_checkpoint=True)
    assert first.encoder.config == second.encoder.config
    second.load_state_dict(first.state_dict(), model_cfg=saved)


@pytest.mark.parametrize("name", ["hallelubert", "hallelubert_base"])
def test_a_config_file_of_hydra_names_the_model(name):
    cfg = OmegaConf.create({"_name": name, "dropout": 0.0, "encoder_layers": 1})
    OmegaConf.set_struct(cfg, True)
    config = build_model(cfg, task()).encoder.config
    assert (config.layers, config.width, config.dropout, config.attention_dropout) == (1, 768, 0.0, 0.1)


def test_sizes_that_make_no_encoder():
    with pytest.raises(UserError, match="cannot be divided into 3 heads"):
        tiny(encoder_attention_heads=3)


def test_what_forward_returns():
    model = tiny().eval()
    tokens = torch.tensor([[0, 5, 6, 7, 2], [0, 8, 2, 1, 1]])
    logits, extra = model(tokens)
    assert logits.shape == (2, 5, 60) and extra == {}
    masked = torch.tensor([[False, True, False, True, False], [False, True, False, False, False]])
    torch.testing.assert_close(model(tokens, masked_tokens=masked)[0], logits[masked], atol=1e-5, rtol=0)
    torch.testing.assert_close(
        model(tokens, masked_tokens=masked.nonzero(as_tuple=True))[0], logits[masked], atol=1e-5, rtol=0
    )
    features, _ = model(tokens, features_only=True)
    assert features.shape == (2, 5, 128)
    torch.testing.assert_close(model.lm_head(features, model.encoder.embed_tokens.weight), logits)
    assert torch.equal(model(tokens, src_lengths=torch.tensor([5, 3]), anything=1)[0], logits)
    assert model.get_normalized_probs((logits, {}), log_probs=False).sum(-1).allclose(torch.ones(2, 5))


def test_heads_take_the_place_of_the_masked_lm_head():
    model = tiny().eval()
    model.register_head("ner", 9)
    model.register_head("topic", 3, kind="sequence", dropout=0.3)
    tokens = torch.tensor([[0, 5, 6, 7, 2]])
    assert model(tokens, head="ner")[0].shape == (1, 5, 9)
    assert model(tokens, head="topic")[0].shape == (1, 3)
    assert model.lm_head is None and model.heads["topic"].dropout.p == 0.3
    names = {name for name in model.state_dict() if not name.startswith("encoder.")}
    assert names == {f"heads.{h}.{p}" for h in ("ner.out", "topic.dense", "topic.out") for p in ("weight", "bias")}
    with pytest.raises(UserError, match=r"no masked-LM head.*\(head ner, topic\); .*--criterion classification"):
        model(tokens)


def test_heads_that_cannot_be():
    with pytest.raises(ValueError, match="token or sequence or span"):
        tiny().register_head("x", 2, kind="words")
    with pytest.raises(ValueError, match="at least one label"):
        tiny().register_head("x", 0)


def test_fairseq_moves_it_to_half_precision_and_back():
    model = tiny().half().float().eval()
    assert torch.isfinite(model(torch.tensor([[0, 5, 2]]))[0]).all()


def test_options_carry_help():
    parser = argparse.ArgumentParser()
    HalleluBertModel.add_args(parser)
    assert all(action.help for action in parser._actions)
