"""The label of a word from its first piece, from all of them, or from the mean of their features."""

import torch
from torch.nn import functional as F

from fairseq_hebrew.modules.heads import TokenHead
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
