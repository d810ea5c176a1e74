"""The chunked cross-entropy equals the plain one: loss, count, gradients, at any size of chunk, and stays small."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from fairseq_hebrew.modules.cross_entropy import chunked_cross_entropy, plain_cross_entropy
from fairseq_hebrew.modules.embedding import tied_embedding

IGNORE = 1
POSITIONS, WIDTH, VOCABULARY = 37, 16, 101
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
# rows of logits in a chunk: one, a number that does not divide the positions, all but one, all, more than there are
ROWS = [1, 5, 36, 37, 1000]


def inputs(dtype=torch.float32, bias: bool = True, ignored: float = 0.3, positions: int = POSITIONS, scale: float = 1):
    """x, weight, bias and targets; a part of the targets is ignored."""
    torch.manual_seed(3)
    x, weight = torch.randn(positions, WIDTH, dtype=dtype) * scale, torch.randn(VOCABULARY, WIDTH, dtype=dtype)
    shift = torch.randn(VOCABULARY, dtype=dtype) if bias else None
    targets = torch.randint(2, VOCABULARY, (positions,))
    targets[torch.rand(positions) < ignored] = IGNORE
    return x, weight, shift, targets


def judge(function, x, weight, bias, targets, upstream: float = 1.0):
    """(loss, gradients of x, weight and bias)"""
    leaves = [None if t is None else t.detach().clone().requires_grad_() for t in (x, weight, bias)]
    loss = function(*leaves, targets, IGNORE)
    (loss * upstream).backward()
    return [loss.detach(), *(leaf.grad for leaf in leaves if leaf is not None)]


def chunked(rows: int):
    def loss_alone(*arguments):
        return chunked_cross_entropy(*arguments, chunk_bytes=rows * 4 * VOCABULARY)[0]

    return loss_alone


def compare(made, wanted, tolerance: float) -> None:
    for mine, theirs in zip(made, wanted, strict=True):
        assert mine.dtype == theirs.dtype and torch.isfinite(mine).all()
        scale = max(1.0, float(theirs.abs().max()))
        torch.testing.assert_close(mine / scale, theirs / scale, atol=tolerance, rtol=0)


@pytest.mark.parametrize("upstream", [1.0, 0.37, -2048.0])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_loss_and_gradients(dtype, rows, bias, upstream):
    given = inputs(dtype, bias)
    compare(judge(chunked(rows), *given, upstream), judge(plain_cross_entropy, *given, upstream), TOLERANCE[dtype])


@pytest.mark.parametrize("rows", ROWS)
def test_the_count_of_right_predictions(rows):
    x, weight, bias, targets = inputs(ignored=0.2)
    best = (x @ weight.t() + bias).argmax(1)
    targets[::3] = best[::3]
    targets[3] = IGNORE
    _, right = chunked_cross_entropy(x, weight, bias, targets, IGNORE, rows * 4 * VOCABULARY)
    assert right.dtype == torch.int64 and not right.requires_grad
    assert int(right) == int((best.eq(targets) & targets.ne(IGNORE)).sum()) > 0


def test_an_ignored_position_is_not_right_even_where_it_is_predicted():
    """The id that is ignored may be the likeliest."""
    x, weight, bias, targets = inputs()
    bias[IGNORE] = 1000.0
    targets[:] = IGNORE
    loss, right = chunked_cross_entropy(x, weight, bias, targets, IGNORE)
    assert loss.item() == 0 and int(right) == 0


def test_what_stands_at_ignored_positions_does_not_matter():
    x, weight, bias, targets = inputs()
    other = torch.where(targets.eq(IGNORE)[:, None], x * -50 + 7, x)
    for first, second in zip(
        judge(chunked(5), x, weight, bias, targets), judge(chunked(5), other, weight, bias, targets)
    ):
        assert torch.equal(first, second)


@pytest.mark.parametrize("given", [{"ignored": 1.1}, {"positions": 0}], ids=["all ignored", "no position"])
def test_nothing_to_predict(given):
    loss, *gradients = judge(chunked(5), *inputs(**given))
    assert loss.item() == 0 and all(not gradient.any() for gradient in gradients)


@pytest.mark.parametrize("scale", [1e3, 1e6])
def test_huge_logits(scale):
    """Probabilities that are exactly zero and one: no inf, no NaN, the plain numbers."""
    given = inputs(scale=scale)
    compare(judge(chunked(5), *given), judge(plain_cross_entropy, *given), 1e-5)


def test_equal_logits_lose_the_logarithm_of_the_vocabulary():
    x, weight, bias, targets = torch.zeros(4, WIDTH), torch.zeros(VOCABULARY, WIDTH), None, torch.tensor([5, 6, 1, 7])
    loss, _ = chunked_cross_entropy(x, weight, bias, targets, IGNORE)
    assert loss.item() == pytest.approx(3 * torch.tensor(float(VOCABULARY)).log().item(), rel=1e-6)


def test_no_gradient_is_made_where_none_is_wanted():
    x, weight, bias, targets = (t.requires_grad_() if t.is_floating_point() else t for t in inputs())
    wanted = chunked_cross_entropy(x, weight, bias, targets, IGNORE)[0].detach()
    with torch.no_grad():
        loss, _ = chunked_cross_entropy(x, weight, bias, targets, IGNORE)
    assert not loss.requires_grad and torch.equal(loss, wanted)


@pytest.mark.parametrize("frozen", [0, 1, 2], ids=["x", "weight", "bias"])
def test_each_input_can_be_frozen(frozen):
    given = inputs()
    x, weight, bias, targets = (t.requires_grad_(at != frozen) if at < 3 else t for at, t in enumerate(given))
    chunked(5)(x, weight, bias, targets, IGNORE).backward()
    wanted = judge(plain_cross_entropy, *given)[1:]
    for at, leaf in enumerate((x, weight, bias)):
        if at == frozen:
            assert leaf.grad is None
        else:
            torch.testing.assert_close(leaf.grad, wanted[at], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("rows", [1, 5, 1000])
def test_under_autocast_products_are_bf16_and_the_rest_fp32(rows):
    given = inputs(positions=400)
    wanted = judge(plain_cross_entropy, *given)
    with torch.autocast("cpu", torch.bfloat16):
        made = judge(chunked(rows), *given)
        rounded = judge(plain_cross_entropy, *given)
    assert [t.dtype for t in made] == [torch.float32] * 4
    for mine, theirs, stock in zip(made, wanted, rounded):
        error, stocks = (mine - theirs).norm(), (stock.float() - theirs).norm()
        # no farther from fp32 than torch's own way under autocast
        assert 0 < error <= 1.5 * stocks + 1e-6 and error < 0.02 * theirs.norm()


def test_gradients_of_many_chunks_are_summed_in_fp32_under_autocast():
    """4,000 equal positions: a sum in bf16 would stand still at 256 times the first."""
    x, weight = torch.ones(4000, WIDTH), torch.zeros(VOCABULARY, WIDTH)
    targets = torch.full((4000,), 5)
    with torch.autocast("cpu", torch.bfloat16):
        _, grad_x, grad_weight, grad_bias = judge(chunked(1), x, weight, torch.zeros(VOCABULARY), targets)
    share = 1 / VOCABULARY
    torch.testing.assert_close(grad_weight[5], torch.full((WIDTH,), 4000 * (share - 1)), rtol=5e-3, atol=0)
    torch.testing.assert_close(grad_weight[6], torch.full((WIDTH,), 4000 * share), rtol=5e-3, atol=0)
    torch.testing.assert_close(grad_bias[6].item(), 4000 * share, rtol=5e-3, atol=0)
    assert not grad_x.any()


class Largest(TorchDispatchMode):
    """The bytes of the largest tensor that any operation makes."""

    def __init__(self):
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        made = function(*args, **(kwargs or {}))
        for t in torch.utils._pytree.tree_leaves(made):
            if isinstance(t, torch.Tensor) and t.untyped_storage().data_ptr():
                self.bytes = max(self.bytes, t.numel() * t.element_size())
        return made


@pytest.mark.parametrize("autocast", [False, True])
def test_no_tensor_is_larger_than_a_chunk(autocast):
    """Positions x vocabulary would be 8 MB, the weight is 32 KB."""
    positions, vocabulary, chunk = 1000, 2000, 256 << 10
    x, weight = torch.randn(positions, 4, requires_grad=True), torch.randn(vocabulary, 4, requires_grad=True)
    targets = torch.randint(2, vocabulary, (positions,))
    with Largest() as plainly:
        plain_cross_entropy(x, weight, None, targets, IGNORE).backward()
    with Largest() as largest, torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        chunked_cross_entropy(x, weight, None, targets, IGNORE, chunk)[0].backward()
    assert plainly.bytes == 4 * positions * vocabulary
    assert chunk / 2 < largest.bytes <= chunk


def test_nothing_as_wide_as_the_vocabulary_waits_for_the_backward_pass():
    x, weight, bias, targets = (t.requires_grad_() if t.is_floating_point() else t for t in inputs())
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.shape) or t, lambda t: t):
        chunked_cross_entropy(x, weight, bias, targets, IGNORE)
    assert (POSITIONS, VOCABULARY) not in kept


@pytest.mark.parametrize("steps", [1, 3])
def test_the_gradient_of_a_tied_embedding_accumulates(steps):
    """Several backward passes before a step, as --update-freq: each adds to the one before."""
    embedding = torch.nn.Embedding(VOCABULARY, WIDTH, padding_idx=IGNORE)
    tokens = torch.randint(0, VOCABULARY, (steps, POSITIONS))
    targets = inputs()[3]
    grads = []
    for tied in (False, True):
        embedding.weight.grad = None
        for batch in tokens:
            vectors, matrix = tied_embedding(embedding, batch) if tied else (embedding(batch), embedding.weight)
            loss = chunked(5) if tied else plain_cross_entropy
            (loss(vectors.tanh(), matrix, None, targets, IGNORE) / 7).backward()
        grads.append(embedding.weight.grad.clone())
    torch.testing.assert_close(grads[1], grads[0], atol=1e-5, rtol=1e-5)


def test_a_second_backward_pass_is_refused():
    x, weight, bias, targets = inputs()
    loss, _ = chunked_cross_entropy(x.requires_grad_(), weight, bias, targets, IGNORE)
    loss.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="one backward pass"):
        loss.backward()
