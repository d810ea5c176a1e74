"""Which banding belongs to a threshold."""

import pytest

from fairseq_hebrew.preprocess.duplicates.banding import VALUES, choose_banding
from fairseq_hebrew.stage.errors import UsageError


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.75, 0.8, 0.9, 0.99, 1.0])
def test_the_longest_bands_that_find_what_is_at_the_threshold(threshold):
    made = choose_banding(threshold, 5)
    assert made.recall(threshold) >= 0.99 and made.bands * made.rows <= VALUES
    if made.rows < VALUES:
        longer = choose_banding(threshold, 5, rows=made.rows + 1)
        assert longer.recall(threshold) < 0.99


def test_theory_against_numbers_worked_out_by_hand():
    made = choose_banding(0.8, 5, bands=14, rows=8)
    assert (made.bands, made.rows) == (14, 8)
    assert made.recall(0.8) == pytest.approx(1 - (1 - 0.16777216) ** 14)
    assert made.recall(1) == 1 and made.recall(0) == 0
    assert set(made.told()) == {"0.5", "0.6", "0.7", "0.8", "0.9"}
    assert set(choose_banding(0.75, 5).told()) == {"0.5", "0.6", "0.7", "0.75", "0.8", "0.9"}


def test_what_is_given_is_used():
    assert (choose_banding(0.8, 5, bands=10).bands, choose_banding(0.8, 5, rows=4).bands) == (10, 32)
    assert choose_banding(0.8, 5, bands=10).recall(0.8) >= 0.99


@pytest.mark.parametrize("threshold", [0, -1, 1.01, float("nan")])
def test_a_threshold_that_is_none(threshold):
    with pytest.raises(UsageError, match="--near-threshold"):
        choose_banding(threshold, 5)


@pytest.mark.parametrize("ngram", [0, 1001, 10**30])
def test_a_gram_of_too_many_words(ngram):
    with pytest.raises(UsageError, match=f"--near-ngram {ngram}: 1 to 1000 words"):
        choose_banding(0.8, ngram)


@pytest.mark.parametrize("bands, rows", [(129, 1), (2, 65), (0, 129)])
def test_more_values_than_a_signature_has(bands, rows):
    with pytest.raises(UsageError, match="a signature has 128 values"):
        choose_banding(0.8, 5, bands, rows)
