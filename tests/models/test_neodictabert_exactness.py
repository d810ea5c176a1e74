"""NeoDictaBERT equals NeoBERT as its paper writes it: the same weights, read through the hub's key map, give the same
logits and the same gradients."""

import dataclasses

import pytest
import torch

from fairseq_hebrew.hub.formats import FORMATS
from fairseq_hebrew.hub.keys import sizes, to_ours, to_theirs
from fairseq_hebrew.models.neodictabert import NEODICTABERT, NeoDictaBertModel
from fairseq_hebrew.modules import EncoderConfig, Execution
from tests.models.plain_neobert import logits, random_state

NEOBERT = FORMATS["neobert"]
PAD = 1
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
KIND = NEOBERT.kinds["hebrew_masked_lm"]
CONFIG = EncoderConfig(
    vocab_size=60, padding_idx=PAD, layers=4, width=48, heads=3, feed_forward_width=40, **NEODICTABERT.choices
)


def pair(dtype: torch.dtype, backend: str = "auto", config: EncoderConfig = CONFIG):
    """The reference's weights as leaves, and our model with the same."""
    theirs = random_state(config.layers, config.width, config.feed_forward_width, config.vocab_size, dtype)
    model = NeoDictaBertModel(config, Execution(backend)).to(dtype).train()
    model.load_state_dict(to_ours(NEOBERT.rows(config, KIND), theirs, sizes(config), config))
    return {name: tensor.requires_grad_() for name, tensor in theirs.items()}, model


def texts(*lengths: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randint(2, CONFIG.vocab_size, (length,), generator=generator) for length in lengths]


def padded(rows: list[torch.Tensor], left: bool = False) -> torch.Tensor:
    length = max(map(len, rows))
    fill = [torch.full((length - len(row),), PAD) for row in rows]
    return torch.stack([torch.cat((space, row) if left else (row, space)) for row, space in zip(rows, fill)])


def assert_equal_gradients(model, theirs, config, tolerance):
    ours = {name: parameter.grad for name, parameter in model.named_parameters()}
    made = to_theirs(NEOBERT.rows(config, KIND), ours, sizes(config), config)
    assert made.keys() == theirs.keys()
    for name, gradient in made.items():
        there = theirs[name].grad
        assert there.abs().max() > 0, name
        # relative to the largest: a sum over thousands of tokens is rounded in proportion to it
        scale = max(1.0, there.abs().max().item())
        torch.testing.assert_close(gradient / scale, there / scale, rtol=0, atol=tolerance, msg=f"gradient of {name}")


@pytest.mark.parametrize("backend", ["auto", "plain", "sdpa", "static"])
@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_logits_and_gradients(dtype, backend):
    theirs, model = pair(dtype, backend)
    rows = texts(31, 1, 7, 64, 64, 2)
    tokens = padded(rows)
    there = [logits(theirs, row, CONFIG.heads) for row in rows]
    here = model(tokens)[0]
    spread = torch.randn(len(rows), tokens.size(1), CONFIG.vocab_size, dtype=dtype)  # a gradient for each logit
    for i, row in enumerate(rows):
        assert there[i].std() > 0.5
        torch.testing.assert_close(here[i, : len(row)], there[i], rtol=0, atol=TOLERANCE[dtype])
    sum((logit * spread[i, : len(logit)]).sum() for i, logit in enumerate(there)).backward()
    (here * spread)[tokens.ne(PAD)].sum().backward()
    assert_equal_gradients(model, theirs, CONFIG, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
def test_the_longest_context(dtype):
    """Positions up to 4,095 (arXiv 2510.20386: 4,096 tokens in the second phase), beside a shorter text."""
    config = dataclasses.replace(CONFIG, layers=2, width=32, heads=2, feed_forward_width=24)
    assert config.max_positions == 4096
    theirs, model = pair(dtype, config=config)
    rows = texts(4096, 3000)
    there = [logits(theirs, row, config.heads) for row in rows]
    here = model(padded(rows))[0]
    for i, row in enumerate(rows):
        torch.testing.assert_close(here[i, : len(row)], there[i], rtol=0, atol=TOLERANCE[dtype])
    spread = torch.randn(4096, config.vocab_size, dtype=dtype) / 64
    (there[0] * spread).sum().backward()
    (here[0] * spread).sum().backward()
    assert_equal_gradients(model, theirs, config, TOLERANCE[dtype])
    with pytest.raises(ValueError, match="4097 tokens, the model has 4096 positions"):
        model(torch.full((1, 4097), 5))


def test_packed_and_padded_on_the_left():
    theirs, model = pair(torch.float64)
    rows = texts(9, 30, 1)
    there = [logits(theirs, row, CONFIG.heads) for row in rows]
    left = model(padded(rows, left=True))[0]
    packed = model(torch.cat(rows)[None], cu_seqlens=torch.tensor([0, 9, 39, 40]))[0][0].split([9, 30, 1])
    for i, row in enumerate(rows):
        for here in (left[i, -len(row) :], packed[i]):
            torch.testing.assert_close(here, there[i], rtol=0, atol=1e-10)


@pytest.mark.parametrize("wrong", [{"eps": 1e-6}, {"theta": 9_999.0}], ids=str)
def test_a_wrong_constant_would_be_seen(wrong):
    theirs, model = pair(torch.float64)
    (row,) = texts(30)
    assert (model(row[None])[0][0] - logits(theirs, row, CONFIG.heads, **wrong)).abs().max() > 1e-7


@pytest.mark.parametrize("name", ["qkv", "ffn.w12"])
def test_another_order_of_rows_would_be_seen(name):
    theirs, model = pair(torch.float64)
    (row,) = texts(30)
    key = f"model.transformer_encoder.0.{name}.weight"
    swapped = {**theirs, key: torch.cat(theirs[key].chunk(2)[::-1])}
    assert (model(row[None])[0][0] - logits(swapped, row, CONFIG.heads)).abs().max() > 0.01
