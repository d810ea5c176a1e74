"""Whole words and spans: which tokens go together, and how often."""

import math

import numpy as np
import pytest

from fairseq_hebrew.data.masking import Masking
from fairseq_hebrew.text.pieces import read_pieces
from fairseq_hebrew.text.vocabulary import Vocabulary
from tests.data.masking_samples import (
    BOS,
    EOS,
    MASK,
    PAD,
    PIECES,
    STARTS,
    mask,
    masked_rows,
    masking,
    mixed,
    near,
    words,
)
from tests.text.foreign import real_lines


def pieces_together(row: np.ndarray) -> list[np.ndarray]:
    """The places of each word of a row of the small dictionary."""
    joined = PIECES.joined(row, np.array([len(row)]))
    maskable = ~np.isin(row, (BOS, EOS, PAD))
    made: list[list[int]] = []
    for place in np.flatnonzero(maskable):
        if made and joined[place]:
            made[-1].append(place)
        else:
            made.append([place])
    return [np.array(word) for word in made]


@pytest.mark.parametrize("unit", ["word", "span"])
@pytest.mark.parametrize("probability", [0.15, 0.3])
def test_words_are_masked_whole_within_the_budget(unit, probability):
    rng = np.random.default_rng(1)
    for length in (5, 20, 60, 300):
        row = mixed(rng, length)
        found = pieces_together(row)
        maskable = sum(map(len, found))
        _, targets = masked_rows(row, masking(unit=unit, probability=probability), 400, most=10_000)
        chosen = targets != PAD
        assert not chosen[:, np.isin(row, (BOS, EOS, PAD))].any()
        for word in found:
            assert (chosen[:, word].all(1) | ~chosen[:, word].any(1)).all()
        counts = chosen.sum(1)
        most = math.ceil(probability * maskable)
        for mask_of in chosen[counts > most]:  # a single word, longer than all that a row may have
            assert sum(mask_of[word].any() for word in found) == 1
        assert near(counts.sum(), 400 * maskable, probability, 7) or length == 5


def test_the_share_is_right_and_each_word_has_its_part():
    """Rows of 512: 15 % of the tokens within one in a thousand, words of 1 to 6 pieces alike within one in twenty."""
    sizes = np.random.default_rng(2).choice([1, 2, 3, 4, 6], 260, p=[0.5, 0.25, 0.12, 0.08, 0.05])
    row = words(np.random.default_rng(3), sizes)
    samples = 20_000
    _, targets = masked_rows(row, masking(unit="word"), samples)
    chosen = targets != PAD
    assert abs(chosen.sum() / samples / (len(row) - 1) / 0.15 - 1) < 1e-3
    first = np.cumsum([1, *sizes[:-1]])
    for size in (1, 2, 3, 4, 6):
        share = chosen[:, first[sizes == size]].mean()
        assert abs(share / 0.15 - 1) < 0.06, (size, share)


def test_words_longer_than_the_budget_are_chosen_as_often_as_any():
    """In a row of 20 tokens, 3 may be predicted: two words of 5 pieces are taken alone or not at all."""
    sizes = np.array([1, 5, 1, 2, 5, 1, 1, 2, 1, 1])
    row, samples = words(np.random.default_rng(4), sizes), 60_000
    made = masking(unit="word")
    _, targets = masked_rows(row, made, samples, most=77)
    chosen = targets != PAD
    long = chosen[:, 2] | chosen[:, 10]
    assert set(chosen[long].sum(1)) == {5} and chosen[~long].sum(1).max() == 3
    share = chosen[:, 1:].mean(0)
    for start in (2, 10):
        assert near(chosen[:, start].sum(), samples, 0.15)
    # Where so little is left, single pieces often take the place of words of two; the share is right.
    single, double = share[[0, 6, 14, 15, 18, 19]] / 0.15, share[[7, 8, 16, 17]] / 0.15
    assert 0.6 < double.min() < 1 < single.max() < 1.3 and abs(share.mean() / 0.15 - 1) < 0.01
    # A row of one word: as often as a token would be.
    _, targets = masked_rows(words(np.random.default_rng(5), [5]), made, samples, most=77)
    assert near((targets[:, 1] != PAD).sum(), samples, 0.15) and set((targets != PAD).sum(1)) == {0, 5}


def test_words_longer_than_any_row_may_have_are_cut():
    row = words(np.random.default_rng(6), [511])
    for unit in ("word", "span"):
        _, targets = masked_rows(row, masking(unit=unit), 3000)
        chosen = targets != PAD
        counts = chosen.sum(1)
        assert counts.max() == 77 and abs(counts.mean() / (0.15 * 511) - 1) < 0.06
        places = np.flatnonzero(chosen[counts == 77][0])
        assert places[-1] - places[0] == 76 and (places[0] - 1) % 77 == 0
        _, targets = masked_rows(row, masking(unit=unit, masked_a_row=20), 20)
        assert ((targets != PAD).sum(1) == 20).all()


def test_each_piece_of_a_word_has_a_fate_of_its_own():
    """BERT's whole word masking: 80/10/10 is drawn for each piece."""
    row = words(np.random.default_rng(7), [2] * 250)
    inputs, targets = masked_rows(row, masking(unit="word"), 1000)
    masked = (inputs == MASK)[:, 1:].reshape(-1, 2)[(targets != PAD)[:, 1:].reshape(-1, 2)[:, 0]]
    assert near(masked.sum(), masked.size, 0.8)
    assert near(masked.all(1).sum(), len(masked), 0.64) and near((~masked).all(1).sum(), len(masked), 0.04)


def spans_of(chosen: np.ndarray) -> list[int]:
    """How long the runs of chosen tokens are."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen, [0]])))
    return (edges[1::2] - edges[::2]).tolist()


def test_the_lengths_and_fates_of_spans():
    """SpanBERT, section 3.1: geometric with p = 0.2, up to 10 words, 3.8 on average; the span shares its fate."""
    row = words(np.random.default_rng(8), [1] * 20_000)
    # So few that spans hardly ever meet: a run is a span.
    inputs, targets = masked_rows(row, masking(unit="span", masked_a_row=200), 150)
    chosen = targets != PAD
    runs, whole = [], 0
    for mask_of, read in zip(chosen, inputs == MASK):
        lengths = spans_of(mask_of)
        runs += lengths
        ends = np.cumsum(lengths)
        fates = np.split(read[mask_of], ends[:-1])
        whole += sum(len(set(fate.tolist())) == 1 for fate in fates)
    lengths = np.array(runs)
    assert lengths.max() >= 10 and abs(lengths.mean() - 3.8) < 0.1
    counts = np.bincount(lengths, minlength=11)[1:11] / len(lengths)
    wanted = 0.2 * 0.8 ** np.arange(10) / (1 - 0.8**10)
    # The last span of a row ends where the number is reached.
    assert np.abs(counts - wanted).max() < 0.015
    assert whole / len(lengths) > 0.98
    found = inputs[chosen]
    assert abs((found == MASK).mean() - 0.8) < 0.02
    others = found[(found != MASK) & (found != row[np.nonzero(chosen)[1]])]
    assert abs(len(others) / len(found) - 0.1) < 0.015 and len(set(others)) > 80


def test_spans_are_of_whole_words_and_stay_within_documents():
    rng = np.random.default_rng(9)
    documents = [words(rng, [2] * 6) for _ in range(40)]
    row, starts = np.concatenate(documents), np.cumsum([0, *(len(document) for document in documents)])
    inputs, targets = masked_rows(row, masking(unit="span", probability=0.3), 500)
    chosen = (targets != PAD).reshape(500, 40, 13)
    assert not chosen[:, :, 0].any() and np.array_equal(chosen[:, :, 1::2], chosen[:, :, 2::2])
    # Two documents of which the second begins without `<s>`: what is said of documents counts.
    row = np.concatenate([words(rng, [1] * 100), np.full(100, STARTS[0]), np.full(2, 50)])
    lengths = np.array([101, 100, 2])
    made = masking(unit="span", probability=0.1)
    crossed = {name: 0 for name in ("told", "untold")}
    for name, told in (("told", np.tile(lengths, 2000)), ("untold", None)):
        inputs, targets = (np.stack(part) for part in mask([row] * 2000, made, documents=told))
        both = (targets[:, 100] != PAD) & (targets[:, 101] != PAD)
        masked = inputs == MASK
        crossed[name] = (masked[:, 100] & masked[:, 101])[both].mean(), both.mean()
    # Apart, both are masked by chance alone: in 0.1 x 0.1 of the samples; a span has both in most of its cases.
    assert crossed["told"][1] < 0.03 < 0.05 < crossed["untold"][1]
    assert np.array_equal(starts[:2], [0, 13])


def test_words_of_packed_rows_do_not_cross_documents():
    row = np.array([STARTS[0], 50, 51, 52])  # the first document ends within what would be a word
    made = masking(unit="word", probability=0.5)
    _, targets = (np.stack(part) for part in mask([row] * 300, made, documents=np.tile([2, 2], 300), most=4))
    assert {tuple(mask_of) for mask_of in (targets != PAD).tolist()} == {
        (True, True, False, False), (False, False, True, True),
    }  # fmt: skip


def test_real_hebrew(tokenizer_dir):
    """Rows of real text: words whole, 15 % of the tokens."""
    vocabulary, pieces = Vocabulary(tokenizer_dir), read_pieces(tokenizer_dir)
    made = Masking((0, 1, 2), 1, vocabulary.mask, np.arange(4, 800), keep=0, random=0, unit="word", pieces=pieces)
    stream = np.concatenate([[*ids, EOS] for ids in vocabulary.encode_batch(real_lines(300_000))])
    rows = [np.array([BOS, *stream[i : i + 511]], dtype=np.int64) for i in range(0, len(stream), 511)]
    maskable = predicted = 0
    for row, inputs, targets in zip(rows, *mask(rows, made, most=77)):
        chosen, special = targets != PAD, np.isin(row, (BOS, EOS, PAD))
        assert not chosen[special].any() and chosen.sum() <= math.ceil(0.15 * (~special).sum())
        maskable, predicted = maskable + (~special).sum(), predicted + chosen.sum()
        # No part of a character is left over, save those that a row begins or ends with.
        assert vocabulary.decode(inputs).count("\ufffd") <= vocabulary.decode(row).count("\ufffd")
        joined = pieces.joined(row, np.array([len(row)]))
        assert (chosen[1:] == chosen[:-1])[joined[1:]].all()
    assert len(rows) > 20 and abs(predicted / maskable - 0.15) < 0.002
