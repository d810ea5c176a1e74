"""The encoder alone, in torch."""

import dataclasses

import pytest
import torch

from fairseq_hebrew.modules import EncoderConfig, TransformerEncoder
from fairseq_hebrew.modules.encoder import EncoderLayer
from fairseq_hebrew.modules.heads import MaskedLMHead, SequenceHead, TokenHead

PAD = 1
CONFIG = EncoderConfig(
    vocab_size=50, padding_idx=PAD, layers=2, width=32, heads=4, feed_forward_width=64, max_positions=16
)


def make(**changes) -> TransformerEncoder:
    torch.manual_seed(0)
    encoder = TransformerEncoder(dataclasses.replace(CONFIG, **changes)).eval()
    with torch.no_grad():  # the published standard deviation makes a new model's differences very small
        for parameter in encoder.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return encoder


def tokens(*lengths: int, to: int | None = None) -> torch.Tensor:
    """(B, T) with rows of these lengths, the same for the same length whatever the padding."""
    rows = torch.full((len(lengths), to or max(lengths)), PAD)
    for row, length in enumerate(lengths):
        rows[row, :length] = 4 + torch.arange(length) * 7 % 40
    return rows


def test_names_of_parameters():
    names = {name.replace("layers.0.", "") for name in make(layers=1).state_dict()}
    linear = {"attention.qkv", "attention.out", "feed_forward.up", "feed_forward.down"}
    norms = {"embed_norm", "attention_norm", "feed_forward_norm"}
    assert names == {f"{n}.{p}" for n in linear | norms for p in ("weight", "bias")} | {
        "embed_tokens.weight",
        "embed_positions.weight",
    }


def test_padding_changes_no_output():
    encoder = make()
    alone = encoder(tokens(5), padded=False)
    for other in (tokens(5, 9), tokens(5, 9, 3, to=16)):
        together = encoder(other)
        torch.testing.assert_close(together[0, :5], alone[0], atol=1e-5, rtol=0)


def test_padding_on_the_left_is_numbered_from_the_first_token():
    encoder = make()
    row = tokens(5)
    left = torch.cat([torch.full((1, 4), PAD), row], 1)
    torch.testing.assert_close(encoder(left)[0, 4:], encoder(row)[0], atol=1e-5, rtol=0)


def test_a_mask_of_nothing_equals_no_mask():
    encoder = make()
    rows = tokens(7, 7)
    torch.testing.assert_close(encoder(rows, padded=True), encoder(rows, padded=False), atol=1e-5, rtol=0)


def test_no_mask_is_made_when_nothing_is_padded(monkeypatch):
    seen = []
    forward = EncoderLayer.forward

    def spy(self, x, layout, *rest):
        seen.append(layout.mask(self.window))
        return forward(self, x, layout, *rest)

    monkeypatch.setattr(EncoderLayer, "forward", spy)
    encoder = make()
    encoder.execution.attention = "sdpa"
    encoder(tokens(7, 7))
    encoder(tokens(7, 6))
    assert [mask is None for mask in seen] == [True, True, False, False]


def test_a_row_of_padding_alone_is_finite_and_touches_no_other():
    encoder = make()
    rows = torch.cat([tokens(6), torch.full((1, 6), PAD)])
    features = encoder(rows)
    assert torch.isfinite(features).all()
    torch.testing.assert_close(features[0], encoder(tokens(6))[0], atol=1e-5, rtol=0)
    features[0].sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in encoder.parameters())


def test_eval_is_deterministic_and_training_drops():
    encoder = make(dropout=0.5, attention_dropout=0.5, activation_dropout=0.5)
    rows = tokens(7, 4)
    assert torch.equal(encoder(rows), encoder(rows))
    encoder.train()
    assert not torch.equal(encoder(rows), encoder(rows))


@pytest.mark.parametrize("name", ["dropout", "attention_dropout", "activation_dropout"])
def test_each_dropout_acts_alone(name):
    off = {"dropout": 0.0, "attention_dropout": 0.0, "activation_dropout": 0.0}
    rows = tokens(7)
    still = make(**off).train()
    assert torch.equal(still(rows), still(rows))
    moving = make(**{**off, name: 0.5}).train()
    assert not torch.equal(moving(rows), moving(rows))


def test_initialization():
    torch.manual_seed(0)
    encoder = TransformerEncoder(dataclasses.replace(CONFIG, width=256, vocab_size=1000, feed_forward_width=1024))
    for name, parameter in encoder.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any()
        elif "norm" in name:
            assert (parameter == 1).all()
        else:
            assert abs(parameter.std().item() - 0.02) < 0.002 and abs(parameter.mean().item()) < 0.002, name
    assert not encoder.embed_tokens.weight[PAD].any() and not encoder.embed_positions.weight[PAD].any()
    assert len(encoder.embed_positions.weight) == CONFIG.max_positions + PAD + 1


def test_too_long_a_sample():
    make()(tokens(16))
    with pytest.raises(ValueError, match="17 tokens, the model has 16 positions"):
        make()(tokens(17))


@pytest.mark.parametrize(
    "changes", [{"heads": 5}, {"norm": "rms"}, {"dropout": 1.0}, {"layers": 0}, {"positions": "sinusoidal"}]
)
def test_choices_that_make_no_encoder(changes):
    with pytest.raises(ValueError):
        dataclasses.replace(CONFIG, **changes)


def test_heads_have_the_right_shapes():
    features, embedding = torch.randn(3, 7, 32), torch.randn(50, 32)
    assert MaskedLMHead(CONFIG)(features, embedding).shape == (3, 7, 50)
    assert TokenHead(32, 9, 0.1)(features).shape == (3, 7, 9)
    assert SequenceHead(32, 3, 0.1)(features).shape == (3, 3)


def test_sequence_head_reads_the_first_position_alone():
    head = SequenceHead(32, 3, 0.0)
    features = torch.randn(2, 5, 32)
    changed = features.clone()
    changed[:, 1:] += 1
    assert torch.equal(head(features), head(changed))


@pytest.mark.parametrize("padded", [None, True, False])
def test_forward_never_looks_at_values_off_the_cpu(padded):
    """Tensors without values stand for a device that would have to be waited for."""
    encoder = TransformerEncoder(CONFIG).to("meta")
    assert encoder(tokens(7, 4).to("meta"), padded=padded).shape == (2, 7, 32)
