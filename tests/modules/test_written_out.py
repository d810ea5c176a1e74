"""What is written out for speed or memory equals the plain formula, forward and backward."""

import math

import pytest
import torch
from torch.nn import functional as F

from fairseq_hebrew.modules import linear as linear_module
from fairseq_hebrew.modules.attention import dropping
from fairseq_hebrew.modules.dropout import PARTS, dropout, dropped, keep_mask, scale
from fairseq_hebrew.modules.embedding import tied_embedding
from fairseq_hebrew.modules.gate import GATES, gated, plain_gated
from fairseq_hebrew.modules.linear import linear
from fairseq_hebrew.modules.norm import RMSNorm
from fairseq_hebrew.modules.rotary import plain_rotate, rotate, turns

TYPES = [torch.float32, torch.float64]


def compare(ours, plain, *inputs):
    """Both functions on the same inputs: equal results and gradients."""
    results = []
    for function in (ours, plain):
        leaves = [t.detach().clone().requires_grad_() for t in inputs]
        result = function(*leaves)
        weights = torch.arange(result.numel(), dtype=result.dtype).view(result.shape).cos()
        (result * weights).sum().backward()
        results.append((result.detach(), *(leaf.grad for leaf in leaves)))
    atol = {torch.float32: 2e-5, torch.float64: 1e-10}[inputs[0].dtype]
    for mine, theirs in zip(*results):
        torch.testing.assert_close(mine, theirs, atol=atol, rtol=atol)


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize("dtype", TYPES)
def test_rotate(dtype):
    turn = turns(torch.tensor([0, 1, 5, 4095, -1]), 8, 10_000.0, dtype)
    compare(lambda x: rotate(x, turn), lambda x: plain_rotate(x, *turn), torch.randn(5, 2, 3, 8, dtype=dtype))


def test_rotation_keeps_lengths_and_depends_on_distances_alone():
    x = torch.randn(1, 2, 1, 8, dtype=torch.float64)
    products = []
    for shift in (0, 7, 4000):
        turn = turns(torch.tensor([3 + shift, 10 + shift]), 8, 10_000.0, torch.float64)
        q, k = rotate(x.expand(2, 2, 1, 8).contiguous(), turn).unbind(1)
        torch.testing.assert_close(q[0].norm(), x[0, 0].norm())
        products.append((q[0] * k[1]).sum())
    torch.testing.assert_close(products[0], products[1])
    torch.testing.assert_close(products[0], products[2])


def test_positions_are_turned_in_fp32_in_a_model_of_bf16():
    cos, sin = turns(torch.tensor([4095]), 64, 10_000.0, torch.bfloat16)
    assert cos.dtype == torch.float32
    assert abs(cos[0, 0, 0, 0].item() - math.cos(4095)) < 1e-3 and abs(sin[0, 0, 0, 0].item() - math.sin(4095)) < 1e-3
    assert rotate(torch.randn(1, 2, 1, 64).bfloat16(), (cos, sin)).dtype == torch.bfloat16


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("choice", GATES)
def test_gates(choice, dtype):
    compare(lambda x: gated(x, choice), lambda x: plain_gated(x, choice), torch.randn(7, 10, dtype=dtype))


@pytest.mark.parametrize("dtype", TYPES)
def test_rms_norm(dtype):
    norm = RMSNorm(12, eps=1e-5).to(dtype)
    with torch.no_grad():
        norm.weight.copy_(torch.rand(12) + 0.5)

    def plain(x, weight):
        return x / (x.square().mean(-1, keepdim=True) + 1e-5).sqrt() * weight

    x = torch.randn(5, 3, 12, dtype=dtype)
    leaf, other = x.clone().requires_grad_(), x.clone().requires_grad_()
    weight = norm.weight.detach().clone().requires_grad_()
    torch.testing.assert_close(norm(x), plain(x, weight))
    norm(leaf).sin().sum().backward()
    plain(other, weight).sin().sum().backward()
    tolerance = {torch.float32: 1e-4, torch.float64: 1e-10}[dtype]
    torch.testing.assert_close(leaf.grad, other.grad, atol=tolerance, rtol=tolerance)
    torch.testing.assert_close(norm.weight.grad, weight.grad, atol=tolerance, rtol=tolerance)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(6, 5), (2, 3, 5), (1, 5), (0, 5)])
def test_linear(shape, bias):
    parts = [torch.randn(shape), torch.randn(4, 5)] + ([torch.randn(4)] if bias else [])
    if 0 in shape:
        assert linear(*parts).shape == (*shape[:-1], 4)
    else:
        compare(linear, F.linear, *parts)


def test_linear_without_the_product_is_torchs(monkeypatch):
    monkeypatch.setattr(linear_module, "_product", lambda: None)
    x, weight = torch.randn(3, 5), torch.randn(4, 5)
    assert torch.equal(linear(x, weight), F.linear(x, weight))


def test_a_tied_embedding_has_one_gradient_for_both_uses():
    embedding = torch.nn.Embedding(9, 4, padding_idx=1)
    tokens = torch.tensor([3, 1, 3, 8])

    def loss(vectors, matrix):
        return (vectors.square().sum(0) @ matrix.sin().sum(0)).square()

    loss(embedding(tokens), embedding.weight).backward()
    wanted = embedding.weight.grad
    embedding.weight.grad = None
    vectors, matrix = tied_embedding(embedding, tokens)
    assert torch.equal(vectors, embedding(tokens)) and torch.equal(matrix, embedding.weight)
    loss(vectors, matrix).backward()
    torch.testing.assert_close(embedding.weight.grad, wanted)


def test_dropout_keeps_the_mean_and_the_probability():
    x = torch.ones(1 << 20)
    made = dropout(x, 0.1, training=True)
    kept = made.ne(0).double().mean().item()
    assert abs(kept - 0.9) < 5 * math.sqrt(0.09 / len(x))
    assert abs(made.mean().item() - 1) < 0.002
    assert set(made.unique().tolist()) == {0.0, torch.tensor(scale(0.1)).item()}
    assert dropout(x, 0.1, training=False) is x and dropout(x, 0.0, training=True) is x


def test_decisions_of_one_random_number_are_independent():
    keep = keep_mask(torch.Size((1 << 18, 4)), 0.3).double()
    together = (keep - keep.mean(0)).T @ (keep - keep.mean(0)) / len(keep) / 0.21
    torch.testing.assert_close(together, torch.eye(4, dtype=torch.float64), atol=0.01, rtol=0)
    torch.testing.assert_close(keep.mean(0), torch.full((4,), 0.7, dtype=torch.float64), atol=0.005, rtol=0)


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 7)])
def test_masks_of_any_shape(shape):
    assert keep_mask(torch.Size(shape), 0.5).shape == shape


@pytest.mark.parametrize("probability", [1e-9, 1e-4, 0.1, 0.5, 0.999, 1 - 1e-9])
def test_rounded_probabilities(probability):
    assert abs(dropped(probability) / PARTS - probability) <= 1 / PARTS and scale(probability) >= 1


def test_dropout_is_the_same_for_the_same_seed_and_has_its_gradient():
    x = torch.randn(100, requires_grad=True)
    torch.manual_seed(5)
    first = dropout(x, 0.4, training=True)
    torch.manual_seed(5)
    assert torch.equal(first, dropout(x, 0.4, training=True))
    first.sum().backward()
    torch.testing.assert_close(x.grad, first.ne(0) * scale(0.4))


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("at_once", [1, 100, 1 << 20])
def test_attention_with_dropout(monkeypatch, dtype, at_once):
    """Against the formula with the same decisions."""
    monkeypatch.setattr(dropping, "AT_ONCE", at_once)
    q, k, v = (torch.randn(2, 3, 9, 4, dtype=dtype) for _ in range(3))
    torch.manual_seed(7)
    keep = keep_mask(torch.Size((2, 3, 9, 9)), 0.3)

    def plain(q, k, v):
        weights = (q @ k.transpose(-1, -2) / 2.0).softmax(-1)
        return (weights * keep * scale(0.3)) @ v

    def ours(q, k, v):
        torch.manual_seed(7)
        return dropping.dropping_attention(q, k, v, 0.3)

    compare(ours, plain, q, k, v)
