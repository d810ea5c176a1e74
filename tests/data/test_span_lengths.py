"""How many words a span has."""

import numpy as np
import pytest

from fairseq_hebrew.data.span_lengths import span_lengths


def test_the_published_distribution():
    """SpanBERT, section 3.1: a geometric distribution with p = 0.2, up to 10 words; its mean is 3.8."""
    published = 0.2 * 0.8 ** np.arange(10) / (1 - 0.8**10)
    assert round(float(np.arange(1, 11) @ published), 1) == 3.8
    made = span_lengths(3.8, 10)
    assert np.abs(made - published).max() < 1e-3 and round(1 - made[1] / made[0], 2) == 0.2
    assert np.allclose(span_lengths(float(np.arange(1, 11) @ published), 10), published)


@pytest.mark.parametrize(("mean", "longest"), [(1, 1), (1, 10), (2, 10), (5.49, 10), (1.5, 3), (30, 100)])
def test_any_mean(mean, longest):
    made = span_lengths(mean, longest)
    assert made.shape == (longest,) and abs(made.sum() - 1) < 1e-12 and (made >= 0).all()
    assert abs(made @ np.arange(1, longest + 1) - mean) < 1e-6


@pytest.mark.parametrize(("mean", "longest"), [(0.9, 10), (5.5, 10), (3.8, 2), (float("nan"), 10), (1, 0), (2, 1)])
def test_means_that_cannot_be(mean, longest):
    with pytest.raises(ValueError, match="span_length="):
        span_lengths(mean, longest)
