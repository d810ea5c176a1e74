"""The forms of a batch, read for back ends that unpad and those that do not; and forms that do not fit."""

import itertools

import pytest
import torch

from fairseq_hebrew.modules.attention import BACKENDS
from fairseq_hebrew.modules.batch import Batch, read_batch

PAD, LONGEST = 1, 16
UNPADS, MASKS = BACKENDS["documents"], BACKENDS["sdpa"]

# segment ids, and the lengths of the documents in order
ROWS = {
    "packed": ([[1, 1, 1, 2, 2, 3], [1, 2, 2, 2, 2, 2]], [3, 2, 1, 1, 5]),
    "same ids in neighbouring rows": ([[1, 1, 1], [1, 1, 1], [1, 2, 2]], [3, 3, 1, 2]),
    "ids that are not consecutive": ([[7, 7, 3], [3, 900, 900]], [2, 1, 1, 2]),
    "the id of a row's end begins the next": ([[1, 2, 2], [2, 2, 1]], [1, 2, 2, 1]),
    "padding at the end": ([[1, 1, 2, 0], [1, 0, 0, 0]], [2, 1, 1]),
    "padding in front": ([[0, 0, 1, 1], [0, 1, 2, 2]], [2, 1, 2]),
    "a row of padding between equal ids": ([[1, 1], [0, 0], [1, 1]], [2, 2]),
    "padding alone": ([[0, 0], [0, 0]], []),
    "one token": ([[1]], [1]),
}


def tokens_for(segment_ids: torch.Tensor) -> torch.Tensor:
    """A different token at each place, padding at padding."""
    numbers = torch.arange(segment_ids.numel()).view(segment_ids.shape) + 10
    return torch.where(segment_ids.eq(0), PAD, numbers)


def read(tokens, backend=UNPADS, **documents) -> Batch:
    return read_batch(tokens, PAD, LONGEST, backend, **documents)


@pytest.mark.parametrize("told", [True, False], ids=["lengths given", "lengths not given"])
@pytest.mark.parametrize("case", ROWS)
def test_packed_rows_lose_their_padding(case, told):
    ids, lengths = torch.tensor(ROWS[case][0]), ROWS[case][1]
    tokens = tokens_for(ids)
    batch = read(tokens, segment_ids=ids, lengths=lengths if told else None)
    assert batch.tokens.tolist() == tokens[ids.ne(0)].tolist()
    assert batch.layout.known_lengths == tuple(lengths)
    assert batch.layout.positions.tolist() == [at for length in lengths for at in range(length)]
    assert batch.layout.cu_seqlens.tolist() == [0, *itertools.accumulate(lengths)]
    assert torch.equal(batch.places, ids.flatten().nonzero().squeeze(1))


@pytest.mark.parametrize("case", ROWS)
def test_packed_rows_stay_rows_for_back_ends_with_masks(case):
    ids = torch.tensor(ROWS[case][0])
    batch = read(tokens_for(ids), MASKS, segment_ids=ids)
    assert batch.places is None and torch.equal(batch.layout.segments, ids)
    kept = batch.layout.positions[ids.flatten().ne(0)]
    assert kept.tolist() == [at for length in ROWS[case][1] for at in range(length)]


PADDED = {
    "on the right": ([[5, 6, 7, 8], [9, 10, PAD, PAD]], [4, 2]),
    "on the left": ([[5, 6, 7, 8], [PAD, PAD, 9, 10]], [4, 2]),
    "on both sides": ([[PAD, 6, 7, PAD], [5, 9, 10, 11]], [2, 4]),
    "a row of it": ([[PAD, PAD], [5, 6]], [2]),
    "nothing else": ([[PAD, PAD]], []),
    "none": ([[5, 6], [7, 8]], [2, 2]),
}


@pytest.mark.parametrize("padded", [None, True])
@pytest.mark.parametrize("told", [True, False], ids=["lengths given", "lengths not given"])
@pytest.mark.parametrize("case", PADDED)
def test_padded_rows(case, told, padded):
    tokens, lengths = torch.tensor(PADDED[case][0]), PADDED[case][1]
    batch = read(tokens, lengths=lengths if told else None, padded=padded)
    assert batch.tokens.tolist() == tokens[tokens.ne(PAD)].tolist()
    assert batch.layout.known_lengths == tuple(lengths)
    masked = read(tokens, MASKS, padded=padded)
    real = tokens.flatten().ne(PAD)
    assert masked.layout.positions[real].tolist() == batch.layout.positions.tolist()
    assert masked.layout.positions[~real].eq(-1).all()


def test_nothing_is_masked_where_the_caller_knows_that_nothing_is_padded():
    batch = read(torch.tensor([[5, PAD], [6, 7]]), MASKS, padded=False)
    assert batch.layout.mask(0) is None and batch.places is None


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("shape", [(1, 6), (2, 3)])
def test_documents_cut_by_cu_seqlens(shape, told):
    """Also across the ends of rows."""
    tokens = torch.arange(10, 16).view(shape)
    ends = torch.tensor([0, 1, 5, 6])
    batch = read(tokens, cu_seqlens=ends, lengths=[1, 4, 1] if told else None)
    assert batch.tokens.tolist() == list(range(10, 16)) and batch.layout.positions.tolist() == [0, 0, 1, 2, 3, 0]
    assert batch.layout.known_lengths == (1, 4, 1) and batch.places is None


@pytest.mark.parametrize("backend", [UNPADS, MASKS], ids=lambda backend: backend.name)
@pytest.mark.parametrize("case", ROWS)
def test_to_rows_and_back(case, backend):
    ids = torch.tensor(ROWS[case][0])
    tokens = tokens_for(ids)
    batch = read(tokens, backend, segment_ids=ids)
    features = torch.stack((batch.tokens.double(), -batch.tokens.double()), 1).requires_grad_()
    rows = batch.to_rows(features)
    assert rows.shape == (*tokens.shape, 2)
    real = ids.ne(0)
    assert torch.equal(rows[..., 0][real], tokens[real].double())
    if backend is UNPADS:
        assert not rows[~real].any()
    assert torch.equal(batch.from_rows(tokens), batch.tokens)
    rows.sum().backward()
    assert features.grad.eq(1).all()


@pytest.mark.parametrize("backend", [UNPADS, MASKS], ids=lambda backend: backend.name)
@pytest.mark.parametrize("case", ROWS)
def test_positions_in_rows_are_found_among_the_flat_tokens(case, backend):
    ids = torch.tensor(ROWS[case][0])
    tokens = tokens_for(ids)
    batch = read(tokens, backend, segment_ids=ids)
    where = batch.at(torch.arange(ids.size(1)).flip(0).expand(ids.shape))
    real = ids.flip(1).flatten().ne(0)
    assert torch.equal(batch.tokens[where[real]], tokens.flip(1).flatten()[real])


@pytest.mark.parametrize("backend", [UNPADS, MASKS], ids=lambda backend: backend.name)
@pytest.mark.parametrize(
    ("documents", "line"),
    [
        ({"segment_ids": torch.ones(1, 4), "cu_seqlens": torch.tensor([0, 4])}, "not both"),
        ({"cu_seqlens": torch.tensor([0, 2, 3])}, "cu_seqlens tell of 3 tokens, the batch has 4"),
        (
            {"cu_seqlens": torch.tensor([0, 2, 4]), "lengths": [2, 3]},
            "tell of different documents",
        ),
        ({"cu_seqlens": torch.tensor([1, 5])}, "begin with 0"),
        ({"cu_seqlens": torch.tensor([], dtype=torch.int64)}, "begin with 0"),
        ({"cu_seqlens": torch.tensor([0, 3, 2, 4])}, "never go down"),
        ({"segment_ids": torch.ones(1, 3, dtype=torch.int64)}, r"segment_ids are \(1, 3\), the batch is \(1, 4\)"),
    ],
)
def test_forms_that_do_not_fit(documents, line, backend):
    with pytest.raises(ValueError, match=line):
        read(torch.arange(10, 14)[None], backend, **documents)


@pytest.mark.parametrize("documents", [{"segment_ids": torch.tensor([[1, 1, 2, 0]])}, {"padded": True}])
def test_lengths_that_are_not_the_rows(documents):
    with pytest.raises(ValueError, match="lengths tell of 4 tokens, the batch has 3 beside its padding"):
        read(torch.tensor([[10, 11, 12, PAD]]), lengths=[2, 2], **documents)


@pytest.mark.parametrize(
    ("tokens", "documents"),
    [
        (torch.full((1, 17), 5), {}),
        (torch.full((1, 20), 5), {"cu_seqlens": torch.tensor([0, 3, 20])}),
        (torch.full((1, 20), 5), {"segment_ids": torch.tensor([[1] * 3 + [2] * 17])}),
    ],
)
def test_documents_that_are_too_long(tokens, documents):
    with pytest.raises(ValueError, match="a sample of 17 tokens, the model has 16 positions"):
        read(tokens, **documents)
