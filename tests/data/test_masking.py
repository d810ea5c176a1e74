"""Masks of single tokens against the probabilities they are drawn with, and what all units have in common."""

import math

import numpy as np
import pytest

from fairseq_hebrew.data.masking import UNITS, mask_rows
from tests.data.masking_samples import (
    BOS,
    EOS,
    MASK,
    PAD,
    PIECES,
    REPLACEMENTS,
    even,
    mask,
    masked_rows,
    masking,
    mixed,
    near,
    words,
)

SPECIALS = (BOS, EOS, PAD)


def sample(length: int) -> np.ndarray:
    """`<s>`, ids with an `</s>` every 20, `</s>`."""
    tokens = np.random.default_rng(length).integers(3, 90, length)
    tokens[::20] = EOS
    tokens[0], tokens[-1] = BOS, EOS
    return tokens


@pytest.mark.parametrize("unit", UNITS)
def test_targets_and_inputs_agree(unit):
    tokens = sample(200)
    before = tokens.copy()
    (inputs,), (targets,) = mask([tokens], masking(unit=unit))
    assert np.array_equal(tokens, before)
    assert inputs.dtype == targets.dtype == np.int64
    chosen = targets != PAD
    assert chosen.any() and np.array_equal(targets[chosen], tokens[chosen])
    assert np.array_equal(inputs[~chosen], tokens[~chosen])


@pytest.mark.parametrize("probability", [0.0, 0.05, 0.15, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("length", [2, 3, 7, 33, 512])
def test_specials_are_never_masked_and_the_number_is_within_bounds(length, probability):
    tokens = sample(length)
    special = np.isin(tokens, SPECIALS)
    expected = probability * (~special).sum()
    inputs, targets = masked_rows(tokens, masking(probability=probability), 200, seed=7, epoch=2)
    assert (targets[:, special] == PAD).all() and (inputs[:, special] == tokens[special]).all()
    counts = (targets != PAD).sum(1)
    assert math.floor(expected + 1e-9) <= counts.min() and counts.max() <= math.ceil(expected)


def test_shares_match_their_probabilities():
    """RoBERTa's: 15 % of the tokens, of which 80 % are masked, 10 % replaced and 10 % kept."""
    tokens = np.concatenate([[BOS], np.full(498, 3), [EOS]])  # 3, <unk>, is maskable and never a replacement
    samples = 4000
    inputs, targets = masked_rows(tokens, masking(), samples, seed=3)
    chosen = targets != PAD
    predicted, found = chosen.sum(), inputs[chosen]
    others = found[(found != MASK) & (found != 3)]
    # The number in a sample is 74 or 75 (74.7 on average): far steadier than a binomial.
    assert abs(predicted / samples - 0.15 * 498) < 5 * math.sqrt(0.3 * 0.7 / samples)
    assert set(chosen.sum(1)) == {74, 75} and near((chosen.sum(1) == 75).sum(), samples, 0.7)
    assert near((found == MASK).sum(), predicted, 0.8) and near((found == 3).sum(), predicted, 0.1)
    assert near(len(others), predicted, 0.1)
    drawn = np.bincount(others, minlength=MASK + 1)
    assert set(np.flatnonzero(drawn)) == set(REPLACEMENTS) and even(drawn[REPLACEMENTS])
    # Which of them is kept or replaced has nothing to do with its place.
    assert even(((inputs == 3) & chosen).sum(0)[1:-1]) and even(((inputs != 3) & (inputs != MASK)).sum(0)[1:-1])


def test_all_places_and_pairs_of_places_are_as_likely():
    tokens = np.concatenate([[BOS], np.full(40, 3)])
    samples = 30_000
    _, targets = masked_rows(tokens, masking(), samples)
    chosen = (targets != PAD)[:, 1:]
    assert (chosen.sum(1) == 6).all()
    places = chosen.sum(0)
    # Drawn without replacement: the statistic is smaller than chi-square by the share that is left, 1 - p.
    statistic = ((places - samples * 0.15) ** 2 / (samples * 0.15 * 0.85)).sum() * 39 / 40
    assert abs(statistic - 39) < 5 * math.sqrt(2 * 39)
    pairs = (chosen.T.astype(float) @ chosen)[np.triu_indices(40, 1)]
    both = 6 / 40 * 5 / 39
    deviations = (pairs - samples * both) / math.sqrt(samples * both * (1 - both))
    assert np.abs(deviations).max() < 5 and abs(deviations.std() - 1) < 0.2


@pytest.mark.parametrize("unit", UNITS)
def test_epochs_samples_and_seeds_are_independent(unit):
    """Two masks of a row have as many places in common as two that know nothing of each other."""
    row = words(np.random.default_rng(1), [1, 2, 1, 3, 1, 1, 2, 1] * 20)
    made, samples = masking(unit=unit), 2000
    first = masked_rows(row, made, samples)[1] != PAD
    share = first[:, 1:].mean(0)
    for other in (
        masked_rows(row, made, samples, epoch=2)[1] != PAD,
        masked_rows(row, made, samples, seed=2)[1] != PAD,
        masked_rows(row, made, samples, indices=np.arange(1, samples + 1))[1] != PAD,
    ):
        common = (first & other).sum(1)
        expected = (share * other[:, 1:].mean(0)).sum()
        assert abs(common.mean() - expected) < 5 * common.std() / math.sqrt(samples)
    assert not np.array_equal(first[0], first[1])


def test_the_published_recipe_of_neodictabert_masks_everything_it_predicts():
    made = masking(probability=0.2, keep=0, random=0, replacements=REPLACEMENTS[:0])
    inputs, targets = masked_rows(sample(512), made, 20)
    assert (inputs[targets != PAD] == MASK).all()
    assert abs((targets != PAD).sum(1).mean() - 0.2 * (~np.isin(sample(512), SPECIALS)).sum()) < 1


@pytest.mark.parametrize(("keep", "random"), [(0.0, 1.0), (1.0, 0.0), (0.5, 0.5), (0.3, 0.0)])
def test_any_other_mix(keep, random):
    tokens = np.concatenate([[BOS], np.full(500, 3)])
    inputs, targets = masked_rows(tokens, masking(keep=keep, random=random), 200)
    found = inputs[targets != PAD]
    for count, share in (((found == 3).sum(), keep), ((found == MASK).sum(), 1 - keep - random)):
        assert count == len(found) * share if share in (0, 1) else near(count, len(found), share)


@pytest.mark.parametrize("unit", UNITS)
def test_a_fixed_number_a_row(unit):
    made = masking(unit=unit, masked_a_row=20)
    rng = np.random.default_rng(3)
    _, targets = mask([words(rng, [1, 2, 1, 3, 1] * 20) for _ in range(300)], made)
    assert {int((row != PAD).sum()) for row in targets} == {20}
    # A row has half of its tokens predicted, rounded up, where these are fewer: 40 of 40 would leave nothing.
    for size, wanted in ((0, 0), (1, 1), (2, 1), (7, 4), (38, 19), (39, 20), (40, 20), (41, 20)):
        _, targets = masked_rows(words(rng, [1] * size), made, 50, most=20)
        assert ((targets != PAD).sum(1) == wanted).all()


@pytest.mark.parametrize("unit", UNITS)
def test_a_sample_is_its_seed_epoch_and_index(unit):
    tokens, made = mixed(np.random.default_rng(4), 100), masking(unit=unit)

    def alone(seed, epoch, index):
        return np.concatenate(mask([tokens], made, seed, epoch, np.array([index]))).tobytes()

    assert alone(1, 2, 3) == alone(1, 2, 3)
    keys = [(1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4), (2, 1, 3), (0, 0, 0), (1, 0, 0), (0, 0, 1), (-1, 0, 1)]
    assert len({alone(*key) for key in keys}) == len(keys)


@pytest.mark.parametrize("unit", UNITS)
def test_a_sample_does_not_know_the_others_of_its_batch(unit):
    rng = np.random.default_rng(5)
    rows = [mixed(rng, length) for length in rng.integers(0, 300, 60)]
    made, order = masking(unit=unit), rng.permutation(60)
    together = mask(rows, made, most=45)
    shuffled = mask([rows[i] for i in order], made, indices=order, most=45)
    for place, i in enumerate(order):
        alone = mask([rows[i]], made, indices=np.array([i]), most=45)
        for part in (0, 1):
            assert np.array_equal(together[part][i], shuffled[part][place])
            assert np.array_equal(together[part][i], alone[part][0])


@pytest.mark.parametrize("unit", UNITS)
def test_nothing_to_mask(unit):
    made = masking(unit=unit)
    for rows in ([], [np.array([BOS, EOS])], [np.zeros(0, np.int64)], [np.array([EOS]), np.zeros(0, np.int64)]):
        inputs, targets = mask(rows, made)
        assert [row.tolist() for row in inputs if len(row)] == [row.tolist() for row in rows if len(row)]
        assert all((row == PAD).all() for row in targets)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"probability": 1.2}, "probability=1.2 is not a share"),
        ({"keep": -0.1}, "keep=-0.1 is not a share"),
        ({"random": math.nan}, "random=nan is not a share"),
        ({"keep": 0.6, "random": 0.6}, "sum to more than 1"),
        ({"replacements": REPLACEMENTS[:0]}, "at least one token"),
        ({"masked_a_row": 0}, "masked_a_row=0 is not a number from 1"),
        ({"unit": "letter"}, "unit=letter is none of token, word, span"),
        ({"pad_id": 7}, "pad_id=7 is not among the specials"),
        ({"unit": "word", "pieces": None}, "unit=word needs the pieces"),
        ({"unit": "span", "mask_id": 120}, "101 pieces, the dictionary has 121 entries"),
        ({"mean_span_length": 0.5}, "mean_span_length=0.5 is not from 1 up to 5.5"),
        ({"max_span_length": 0}, "max_span_length=0 is not a number of words"),
    ],
)
def test_settings_that_cannot_be(changes, line):
    with pytest.raises(ValueError, match=line):
        masking(**changes)


def test_rows_that_cannot_be():
    made, keys = masking(), np.array([5], dtype=np.uint64)
    for tokens in ([0, -1], [0, MASK + 1]):
        with pytest.raises(ValueError, match="the dictionary has 101 entries"):
            mask_rows(np.array(tokens), np.array([2]), keys, made, 1)
    for lengths, documents in (([1], None), ([1, 1], None), ([2], np.array([1]))):
        with pytest.raises(ValueError, match="of other rows than these 2 tokens"):
            mask_rows(np.array([0, 5]), np.array(lengths), keys, made, 1, documents)
    with pytest.raises(ValueError, match="other documents than these 3 tokens"):
        PIECES.joined(np.array([4, 5, 6]), np.array([2]))
