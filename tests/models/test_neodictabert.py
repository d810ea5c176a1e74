"""The family NeoDictaBERT: sizes, parameters, how weights begin, and the ablations that are one option each."""

import pytest
import torch
from fairseq.models import build_model
from omegaconf import OmegaConf

from fairseq_hebrew.models.neodictabert import NEODICTABERT
from tests.models.building import parsed, task

# layers, width, heads, what the gate sees: 2/3 of 4 x the width, rounded up to a multiple of 8
SIZES = {
    "tiny": (2, 128, 2, 344),
    "small": (6, 256, 4, 688),
    "medium": (12, 512, 8, 1368),
    "base": (28, 768, 12, 2048),
}
TOKENS = torch.tensor([[0, 5, 6, 7, 8, 9, 2], [0, 10, 2, 1, 1, 1, 1]])


def tiny(*options: str):
    torch.manual_seed(0)
    return build_model(parsed("--arch", "neodictabert_tiny", *options), task()).eval()


def test_the_family_has_these_sizes():
    assert set(NEODICTABERT.sizes) == set(SIZES)


@pytest.mark.parametrize("size", SIZES)
def test_sizes_on_the_command_line(size):
    cfg = parsed("--arch", f"neodictabert_{size}")
    made = (cfg.encoder_layers, cfg.encoder_embed_dim, cfg.encoder_attention_heads, cfg.encoder_ffn_embed_dim)
    assert made == SIZES[size]
    assert (cfg.norm_eps, cfg.rope_theta, cfg.max_positions) == (1e-5, 10_000.0, 4096)
    assert (cfg.dropout, cfg.attention_dropout, cfg.activation_dropout) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("vocabulary", "parameters", "told"),
    [(90_000, 336_554_640, "336.55"), (128_000, 394_960_640, "394.96"), (30_522, 245_136_954, "245.1")],
)
def test_parameters_of_the_published_models(vocabulary, parameters, told):
    """The vocabularies of arXiv 2510.20386 (90,000 and 128,000 entries) and of arXiv 2502.19587 (30,522)."""
    with torch.device("meta"):
        model = build_model(OmegaConf.create({"_name": "neodictabert_base"}), task(vocabulary))
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert f"{parameters / 1e6:.{len(told) - 4}f}" == told
    inside = {name: p.numel() for name, p in model.encoder.named_parameters() if name != "embed_tokens.weight"}
    assert sum(inside.values()) == 198_224_640
    head = model.lm_head
    assert sorted(name for name, _ in head.named_parameters()) == ["bias", "weight"]
    # the published model is 172 tensors
    assert len(model.state_dict()) == 172


def test_weights_begin_as_published():
    """Uniform between -0.02 and 0.02, norms 1 (the published code of arXiv 2502.19587)."""
    model = tiny()
    for name, weight in model.state_dict().items():
        if "norm" in name:
            assert torch.equal(weight, torch.ones_like(weight)), name
        elif name == "lm_head.bias":
            assert not weight.any()
        else:
            assert 0.0195 < weight.abs().max() <= 0.02, name
            torch.testing.assert_close(weight.std().item(), 0.02 / 3**0.5, rtol=0.05, atol=0, msg=name)
            # of a uniform distribution a quarter lies in each quarter of the range
            inner = weight[weight != 0].abs().lt(0.01).float().mean().item()
            torch.testing.assert_close(inner, 0.5, rtol=0.05, atol=0, msg=name)
    assert not model.encoder.embed_tokens.weight[1].any()


@pytest.mark.parametrize(
    ("options", "gone", "there"),
    [
        (("--norm", "layer_norm"), None, "encoder.layers.0.attention_norm.bias"),
        (("--norm", "layer_norm", "--norm-bias", "no"), None, None),
        (("--positions", "learned"), None, "encoder.embed_positions.weight"),
        (("--positions", "none"), None, None),
        (("--feed-forward", "gelu"), None, None),
        (("--feed-forward", "geglu"), None, None),
        (("--norm-placement", "post"), "encoder.final_norm.weight", None),
        (("--tie-embeddings", "yes"), "lm_head.weight", None),
        (("--local-window", "2", "--rope-theta-local", "100"), None, None),
    ],
)
def test_each_part_can_be_taken_out(options, gone, there):
    whole, ablated = tiny(), tiny(*options)
    names = ablated.state_dict().keys()
    assert gone is None or (gone in whole.state_dict() and gone not in names)
    assert there is None or there in names
    ablated.load_state_dict(ablated.state_dict())
    optimizer = torch.optim.AdamW(ablated.parameters(), lr=0.01)
    target = torch.where(TOKENS.gt(5), TOKENS, 1)
    losses = []
    for _ in range(8):
        loss, _ = ablated(TOKENS, target=target)[0]
        loss.backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in ablated.parameters())
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2
    assert not torch.allclose(whole(TOKENS)[0], ablated(TOKENS)[0])


def test_a_feed_forward_without_a_gate_has_four_widths():
    assert tiny("--feed-forward", "gelu").encoder.config.feed_forward_width == 512


@pytest.mark.parametrize("options", [(), ("--positions", "learned"), ("--positions", "none")])
def test_only_positions_tell_the_order(options):
    model = tiny(*options)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
        there = model(TOKENS[:1])[0][0]
        back = model(TOKENS[:1].flip(1))[0][0].flip(0)
    assert torch.allclose(there, back, atol=1e-3) == ("none" in options)
