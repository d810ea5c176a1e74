"""The label of a word from its first piece, from all of them, or from the mean of their features."""

import torch
from torch.nn import functional as F

from fairseq_hebrew.modules.heads import EmbeddingHead, TokenHead
from fairseq_hebrew.modules.word_pieces import word_means

# <s>, a word of 3 pieces, one of 1, one of 2, </s>, padding.
STARTS = torch.tensor([[0, 1, 1, 1, 4, 5, 5, 7, 8]])
WORDS = {1: [1, 2, 3], 4: [4], 5: [5, 6]}


def test_means_stand_at_first_pieces():
    values = torch.randn(1, 9, 4)
    means = word_means(values, STARTS)
    for first, pieces in WORDS.items():
        torch.testing.assert_close(means[0, first], values[0, pieces].mean(dim=0))
    assert (means[0, [2, 3, 6]] == 0).all() and torch.equal(means[0, [0, 7, 8]], values[0, [0, 7, 8]])


def test_what_a_word_is_read_from():
    torch.manual_seed(1)
    head, features = TokenHead(4, 3, 0.0), torch.randn(1, 9, 4)
    plain = head(features)
    logits = F.linear(features, head.out.weight, head.out.bias)
    torch.testing.assert_close(plain, logits)
    for read in ("mean", "all"):
        head.read = read
        found = head(features, STARTS)
        assert found.shape == plain.shape
        for first, pieces in WORDS.items():
            wanted = logits[0, pieces].mean(0) if read == "mean" else logits[0, pieces].log_softmax(-1).mean(0)
            torch.testing.assert_close(found[0, first], wanted)


def test_the_loss_of_all_pieces_is_the_mean_of_theirs():
    torch.manual_seed(2)
    head, features = TokenHead(4, 3, 0.0), torch.randn(1, 9, 4)
    each = F.cross_entropy(head(features)[0, [1, 2, 3]], torch.tensor([2, 2, 2]))
    head.read = "all"
    word = F.nll_loss(head(features, STARTS)[0, [1]], torch.tensor([2]))
    torch.testing.assert_close(word, each)


def test_an_embedding_is_the_mean_without_padding_or_the_first_position():
    torch.manual_seed(3)
    head, features = EmbeddingHead(4), torch.randn(2, 5, 4)
    real = torch.tensor([[True] * 3 + [False] * 2, [True] * 5])
    for pooling, wanted in (("mean", [features[0, :3].mean(0), features[1].mean(0)]), ("cls", features[:, 0])):
        head.pooling = pooling
        torch.testing.assert_close(head(features, real), F.normalize(torch.stack(tuple(wanted)), dim=-1))
    features[0, 3:] = torch.nan  # whatever stands at padding
    for pooling in EmbeddingHead.POOLING:
        head.pooling = pooling
        for kind in (torch.float32, torch.bfloat16):
            found = head(features.to(kind), real)
            assert found.dtype == torch.float32
            torch.testing.assert_close(found.norm(dim=-1), torch.ones(2))
        assert (head(features, torch.zeros_like(real)) == 0).all()


def test_the_mean_of_an_embedding_is_taken_in_full_precision():
    torch.manual_seed(4)
    features = (torch.randn(1, 4096, 8) + 1).to(torch.bfloat16)
    found = EmbeddingHead(8)(features, torch.ones(1, 4096, dtype=torch.bool))
    torch.testing.assert_close(found, F.normalize(features.double().mean(1), dim=-1).float())
