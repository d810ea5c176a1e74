"""Masks against the probabilities they are drawn with."""

import math

import numpy as np
import pytest

from fairseq_hebrew.data.masking import Masking, mask_tokens, sample_rng

BOS, PAD, EOS, MASK = 0, 1, 2, 100
REPLACEMENTS = np.arange(4, 90)  # 90..99 stand for fillers of the dictionary


def masking(**changes) -> Masking:
    return Masking(
        **{"specials": (BOS, EOS, PAD), "pad_id": PAD, "mask_id": MASK, "replacements": REPLACEMENTS} | changes
    )


def sample(length: int, rng=None) -> np.ndarray:
    """`<s>`, ids with an `</s>` every 20, `</s>`."""
    tokens = (rng or np.random.default_rng(length)).integers(3, 90, length)
    tokens[::20] = EOS
    tokens[0], tokens[-1] = BOS, EOS
    return tokens


def test_targets_and_inputs_agree():
    tokens = sample(200)
    before = tokens.copy()
    inputs, targets = mask_tokens(tokens, masking(), sample_rng(1, 1, 0))
    assert np.array_equal(tokens, before)
    assert inputs.dtype == targets.dtype == np.int64
    chosen = targets != PAD
    assert np.array_equal(targets[chosen], tokens[chosen])
    assert np.array_equal(inputs[~chosen], tokens[~chosen])


@pytest.mark.parametrize("probability", [0.05, 0.15, 0.2, 0.5, 1.0])
@pytest.mark.parametrize("length", [2, 3, 7, 33, 512])
def test_specials_are_never_masked_and_the_number_is_within_bounds(length, probability):
    tokens = sample(length)
    special = np.isin(tokens, (BOS, EOS, PAD))
    expected = probability * (~special).sum()
    for index in range(200):
        inputs, targets = mask_tokens(tokens, masking(probability=probability), sample_rng(7, 2, index))
        assert (targets[special] == PAD).all() and np.array_equal(inputs[special], tokens[special])
        assert math.floor(expected + 1e-9) <= (targets != PAD).sum() <= math.ceil(expected)


def test_shares_match_their_probabilities():
    made = masking(probability=0.15)
    tokens = np.concatenate([[BOS], np.full(498, 3), [EOS]])  # 3, <unk>, is maskable and never a replacement
    predicted = masked = replaced = kept = 0
    samples = 4000
    positions, drawn = np.zeros(500), np.zeros(101)
    for index in range(samples):
        inputs, targets = mask_tokens(tokens, made, sample_rng(3, 1, index))
        chosen = targets != PAD
        positions += chosen
        predicted += chosen.sum()
        masked += (inputs[chosen] == MASK).sum()
        kept += (inputs[chosen] == 3).sum()
        others = inputs[chosen & (inputs != MASK) & (inputs != 3)]
        replaced += len(others)
        drawn += np.bincount(others, minlength=101)

    def close(count, trials, probability):
        """Within 5 standard deviations of a binomial."""
        return abs(count - trials * probability) < 5 * math.sqrt(trials * probability * (1 - probability))

    # the number in a sample is 74 or 75 (74.7 on average): far steadier than a binomial
    assert abs(predicted / samples - 0.15 * 498) < 5 * math.sqrt(0.3 * 0.7 / samples)
    assert close(masked, predicted, 0.8) and close(replaced, predicted, 0.1) and close(kept, predicted, 0.1)
    assert not positions[[0, -1]].any()
    assert all(close(count, samples, 0.15) for count in positions[1:-1])
    assert not drawn[[i for i in range(101) if i not in REPLACEMENTS]].any()
    assert all(close(count, replaced, 1 / len(REPLACEMENTS)) for count in drawn[REPLACEMENTS])


def test_the_published_recipe_of_neodictabert_masks_everything_it_predicts():
    tokens = sample(512)
    inputs, targets = mask_tokens(
        tokens, masking(probability=0.2, keep=0, random=0, replacements=REPLACEMENTS[:0]), sample_rng(1, 1, 1)
    )
    assert (inputs[targets != PAD] == MASK).all()


def test_a_sample_is_its_seed_epoch_and_index():
    tokens = sample(100)

    def made(*key):
        return np.concatenate(mask_tokens(tokens, masking(), sample_rng(*key)))

    assert np.array_equal(made(1, 2, 3), made(1, 2, 3))
    keys = [(1, 2, 3), (2, 2, 3), (1, 3, 3), (1, 2, 4), (2, 1, 3), (0, 0, 0), (1, 0, 0), (0, 0, 1)]
    assert len({made(*key).tobytes() for key in keys}) == len(keys)


def test_nothing_to_mask():
    inputs, targets = mask_tokens(np.array([BOS, EOS]), masking(), sample_rng(1, 1, 1))
    assert inputs.tolist() == [BOS, EOS] and targets.tolist() == [PAD, PAD]


@pytest.mark.parametrize(
    "changes",
    [{"probability": 1.2}, {"keep": -0.1}, {"keep": 0.6, "random": 0.6}, {"replacements": REPLACEMENTS[:0]}],
)
def test_shares_that_cannot_be(changes):
    with pytest.raises(ValueError):
        masking(**changes)
