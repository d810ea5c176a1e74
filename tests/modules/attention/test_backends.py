"""Every attention back end equals the plain one, forward and backward, and never leaks."""

import functools
import itertools

import pytest
import torch

from fairseq_hebrew.modules.attention import BACKENDS
from fairseq_hebrew.modules.attention.plain import plain
from fairseq_hebrew.modules.layout import from_segments, padded_rows, unpadded, whole_rows

HEADS, WIDTH = 2, 8
TOLERANCE = {torch.float32: 1e-5, torch.float64: 1e-10}
# around the block of local attention (64 queries, or the window where that is more)
WINDOWS = [0, 1, 3, 64, 100]
CPU = torch.device("cpu")


def serves(name: str):
    """The back end of that name as a parameter of a test; skipped, with its own reason, where it cannot run here."""
    with torch.no_grad():  # flex has no gradient here
        reason = BACKENDS[name].missing(CPU, torch.float32, 0.0)
    return pytest.param(name, marks=pytest.mark.skipif(reason is not None, reason=f"{name}: {reason}"))


OTHERS = [serves(name) for name in BACKENDS if name != "plain"]
ALL = [serves(name) for name in BACKENDS]


def row(*documents: int, padding: int = 0, before: int = 0) -> list[int]:
    """Segment ids of one packed row: documents of these lengths, then padding; `before`: padding in front."""
    ids = [[number] * length for number, length in enumerate(documents, 1)]
    return [0] * before + list(itertools.chain(*ids)) + [0] * padding


PACKED = {
    "several documents": [row(70, 1, 50, 9), row(64, 65, 1)],
    "padding at the end": [row(20, 100, 30, padding=10), row(1, 1, 1, padding=157)],
    "padding in front": [row(30, 60, before=7), row(97)],
    "a row of padding": [row(40, 30), row(padding=70)],
    "one token": [row(1)],
    "long": [row(513, 512, 70, 1, padding=4)],
}
PADDED = {
    "63 to 65": [63, 64, 65],
    "127 to 129": [129, 128, 127, 1],
    "512 and 513": [512, 513],
    "1,100": [1100, 90],
}
CUT = {
    "documents in order": [1, 64, 65, 1, 2, 200],
    "equal neighbours": [70, 70, 70, 3, 3],
    "one long document": [1100],
    "empty documents": [0, 5, 0, 0, 70, 0],
}
WHOLE = {"2 of 64": (2, 64), "3 of 129": (3, 129), "1 of 513": (1, 513), "4 of 1": (4, 1)}


def real_lengths(segment_ids: torch.Tensor) -> list[int]:
    """Of the documents of packed rows in order, counted the slow way."""
    return [len(list(same)) for ids in segment_ids.tolist() for number, same in itertools.groupby(ids) if number]


def cu_seqlens(lengths: list[int]) -> torch.Tensor:
    return torch.tensor([0, *itertools.accumulate(lengths)], dtype=torch.int32)


def tensors(tokens: int, dtype: torch.dtype) -> list[torch.Tensor]:
    """q, k, v and the gradient of the result, (N, H, D) each."""
    torch.manual_seed(tokens)
    return [torch.randn(tokens, HEADS, WIDTH, dtype=dtype) for _ in range(4)]


def run(attend, layout, window: int, q, k, v, grad) -> list[torch.Tensor]:
    """The result and the gradients of q, k, v; of flex the result alone, torch has no backward of it on the CPU."""
    if attend is BACKENDS["flex"].attend:
        return [attend(q, k, v, layout, window)]
    leaves = [t.detach().clone().requires_grad_() for t in (q, k, v)]
    result = attend(*leaves, layout, window)
    result.backward(grad)
    return [result.detach(), *(leaf.grad for leaf in leaves)]


def same(name: str, layout, places: torch.Tensor | None, reference, window: int, dtype: torch.dtype) -> None:
    """The back end on `layout` equals plain on the rows of `reference`, at the rows' tokens `places` (None: all)."""
    q, k, v, grad = tensors(reference.rows * reference.length, dtype)
    if places is not None:  # nothing asks for what stands at padding
        grad = torch.zeros_like(grad).index_copy(0, places, grad[places])
    wanted = run(plain, reference, window, q, k, v, grad)
    unpads = layout.rows * layout.length != len(q)
    parts = [t[places] for t in (q, k, v, grad)] if unpads else (q, k, v, grad)
    made = run(BACKENDS[name].attend, layout, window, *parts)
    for what, mine, theirs in zip("yqkv", made, wanted):
        if places is not None:
            theirs, mine = theirs[places], mine if unpads else mine[places]
        torch.testing.assert_close(mine, theirs, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype], msg=f"{name}: {what}")


def check_rows(name: str, segment_ids: torch.Tensor, window: int, dtype: torch.dtype) -> None:
    reference = from_segments(segment_ids)
    places = segment_ids.flatten().ne(0).nonzero().squeeze(1)
    layout = reference
    if BACKENDS[name].unpads:
        lengths = real_lengths(segment_ids)
        layout = unpadded(cu_seqlens(lengths), sum(lengths), lengths)
    same(name, layout, places, reference, window, dtype)


def test_plain_is_the_formula_document_by_document():
    """The reference itself, against a loop over documents and heads."""
    ids = torch.tensor(PACKED["padding at the end"])
    layout = from_segments(ids)
    q, k, v, _ = tensors(ids.numel(), torch.float64)
    for window in (0, 3):
        made = plain(q, k, v, layout, window)
        start = 0
        for number, group in itertools.groupby(
            [(at, i) for at, line in enumerate(ids.tolist()) for i in line], key=lambda pair: pair
        ):
            length = len(list(group))
            for head in range(HEADS):
                one = [t[start : start + length, head] for t in (q, k, v)]
                for at in range(length):
                    low = max(0, at - window) if window else 0
                    high = min(length, at + window + 1) if window else length
                    weights = torch.softmax(one[1][low:high] @ one[0][at] / WIDTH**0.5, 0)
                    torch.testing.assert_close(made[start + at, head], weights @ one[2][low:high], msg=f"{number}")
            start += length


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("case", PACKED)
@pytest.mark.parametrize("name", OTHERS)
def test_packed_rows(name, case, window, dtype):
    check_rows(name, torch.tensor(PACKED[case]), window, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("case", PADDED)
@pytest.mark.parametrize("name", OTHERS)
def test_padded_rows(name, case, window, dtype):
    longest = max(PADDED[case])
    ids = torch.tensor([row(length, padding=longest - length) for length in PADDED[case]])
    if BACKENDS[name].unpads:
        check_rows(name, ids, window, dtype)
    else:
        layout = padded_rows(ids.ne(0))
        same(name, layout, ids.flatten().nonzero().squeeze(1), layout, window, dtype)


@pytest.mark.parametrize("told", [True, False], ids=["lengths given", "lengths not given"])
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("case", CUT)
@pytest.mark.parametrize("name", OTHERS)
def test_unpadded_documents(name, case, window, told):
    """One row of documents, cut by cu_seqlens, for the back ends that mask too."""
    lengths = CUT[case]
    reference = from_segments(torch.tensor([row(*lengths)]))
    layout = unpadded(cu_seqlens(lengths), sum(lengths), lengths if told else None)
    same(name, layout, None, reference, window, torch.float64)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("case", WHOLE)
@pytest.mark.parametrize("name", OTHERS)
def test_one_document_a_row(name, case, window):
    rows, length = WHOLE[case]
    reference = from_segments(torch.ones(rows, length, dtype=torch.int64))
    same(name, whole_rows(rows, length, CPU), None, reference, window, torch.float64)


def test_a_mask_is_made_only_where_documents_share_a_row():
    """One document that fills its row needs no mask; two that fill it do."""
    assert whole_rows(2, 8, CPU).segments is None
    layout = unpadded(cu_seqlens([8]), 8, [8])
    assert layout.segments is None and layout.mask(0) is None
    assert unpadded(cu_seqlens([4, 4]), 8, [4, 4]).segments.tolist() == [[1] * 4 + [2] * 4]


LEAKS = [([70, 30, 1, 20], 9), ([600, 40], 3)]  # documents of one row, padding after them


@functools.cache
def leak_case(number: int):
    """(inputs, segment ids, which tokens were changed, the changed inputs) for documents beside a changed one."""
    documents, padding = LEAKS[number]
    ids = torch.tensor([row(*documents, padding=padding)])
    q, k, v, _ = tensors(ids.numel(), torch.float32)
    changed = [t.clone() for t in (q, k, v)]
    token = documents[0] + documents[1] // 2  # one token of the second document, by far
    for t in changed:
        t[token] = t[token] * -30 + 5
    return (q, k, v), ids, ids.flatten().eq(2), changed


@pytest.mark.parametrize("window", [0, 1, 64, 100])
@pytest.mark.parametrize("number", range(len(LEAKS)))
@pytest.mark.parametrize("name", ALL)
def test_a_token_changes_nothing_in_another_document(name, number, window):
    """Not a little: nothing. Also not the gradients of the other documents."""
    whole, ids, touched, changed = leak_case(number)
    keep = ids.flatten().ne(0) if BACKENDS[name].unpads else torch.ones(ids.numel(), dtype=torch.bool)
    lengths = real_lengths(ids)
    layout = unpadded(cu_seqlens(lengths), sum(lengths), lengths) if BACKENDS[name].unpads else from_segments(ids)
    grad = torch.ones_like(whole[0][keep]).cumsum(0).sin()
    attend = BACKENDS[name].attend
    before = run(attend, layout, window, *(t[keep] for t in whole), grad)
    after = run(attend, layout, window, *(t[keep] for t in changed), grad)
    other = ~touched[keep]
    for what, first, second in zip("yqkv", before, after):
        assert torch.equal(first[other], second[other]), f"{name}: {what}"
    assert not torch.equal(before[0], after[0])  # in its own document it does


@pytest.mark.parametrize("window", [0, 3, 64])
@pytest.mark.parametrize("rows", [[row(70, 30, padding=29), row(129)], [row(3, before=600, padding=5)]])
@pytest.mark.parametrize("name", [parameter for parameter in ALL if not BACKENDS[parameter.values[0]].unpads])
def test_the_content_of_padding_reaches_no_document(name, rows, window):
    """Back ends that unpad are not given it at all."""
    ids = torch.tensor(rows)
    real = ids.flatten().ne(0)
    q, k, v, grad = tensors(ids.numel(), torch.float32)
    grad = grad * real[:, None, None]
    results = []
    for content in (0.0, -1.0, 1e4):
        inputs = [torch.where(real[:, None, None], t, content) for t in (q, k, v)]
        results.append(run(BACKENDS[name].attend, from_segments(ids), window, *inputs, grad))
    for result in results:
        assert all(torch.isfinite(t).all() for t in result)
        assert all(torch.equal(t[real], first[real]) for t, first in zip(result, results[0]))
        assert all(not t[~real].any() for t in result[1:])  # and padding gets no gradient


@pytest.mark.parametrize("window", [1, 3, 64])
@pytest.mark.parametrize("name", ALL)
def test_what_is_farther_than_the_window_is_not_read(name, window):
    length, at = 300, 150
    layout = whole_rows(1, length, CPU)
    q, k, v, _ = tensors(length, torch.float32)
    changed = [t.clone() for t in (q, k, v)]
    for t in changed:
        t[at] += 3.0
    before, after = (BACKENDS[name].attend(*inputs, layout, window) for inputs in ((q, k, v), changed))
    reads = [not torch.equal(before[i], after[i]) for i in range(length)]
    assert reads == [abs(i - at) <= window for i in range(length)]


@pytest.mark.parametrize("window", [0, 3])
@pytest.mark.parametrize("name", [parameter for parameter in ALL if parameter.values[0] not in ("varlen", "flex")])
def test_dropout_on_the_weights_keeps_the_mean(name, window):
    """Of values that are all one, a mean over many draws: the weights kept are scaled, in every back end."""
    lengths = [40, 30]
    layout = unpadded(cu_seqlens(lengths), 70, lengths)
    torch.manual_seed(0)
    q, k = (torch.randn(70, 64, WIDTH) * 0.1 for _ in range(2))
    made = BACKENDS[name].attend(q, k, torch.ones(70, 64, WIDTH), layout, window, 0.3)
    assert abs(made.mean().item() - 1) < 0.02 and made.std().item() > 0.05
