"""Resampling: fast and plain are one, p-values that are known exactly, intervals that cover as they should."""

import numpy as np
import pytest
from scipy import stats
from seqeval.metrics import f1_score as seqeval_f1
from seqeval.scheme import IOB2, IOBES
from sklearn.metrics import f1_score

from fairseq_hebrew.eval import significance
from fairseq_hebrew.eval.scores import tagged_words, texts
from fairseq_hebrew.eval.significance import (
    bootstrap_totals,
    interval,
    p_value,
    plain_bootstrap,
    plain_randomization,
    swapped_totals,
)

LABELS = {"0": "good", "1": "bad", "2": "off"}
TAGS = {
    "bioes": ["O", *(f"{place}-{kind}" for kind in ("PER", "LOC") for place in "BIES")],
    "bio": ["O", *(f"{place}-{kind}" for kind in ("PER", "LOC") for place in "BI")],
}


def text_records(count, seed, right):
    rng = np.random.default_rng(seed)
    gold = np.random.default_rng(0).choice(list("012"), count, p=[0.6, 0.3, 0.1])
    guess = np.where(rng.random(count) < right, gold, rng.choice(list("012"), count))
    return [{"gold": str(g), "predicted": str(p), "labels": LABELS} for g, p in zip(gold, guess)]


def tagged_records(count, seed, scheme):
    """Random tags, most of them of no well-formed entity; a third of the answers right."""
    rng, gold_rng = np.random.default_rng(seed), np.random.default_rng(0)
    made = []
    for length in gold_rng.integers(1, 9, count):
        gold = [str(tag) for tag in gold_rng.choice(TAGS[scheme], length)]
        guess = [str(tag) for tag in rng.choice(TAGS[scheme], length)]
        made.append({"scheme": scheme, "gold": gold, "predicted": gold if rng.random() < 1 / 3 else guess})
    return made


def macro_f1(records):
    gold, predicted = [r["gold"] for r in records], [r["predicted"] for r in records]
    return 100 * f1_score(gold, predicted, labels=list(LABELS), average="macro", zero_division=0)


def entity_f1(records):
    gold, predicted = [r["gold"] for r in records], [r["predicted"] for r in records]
    scheme = {"bioes": IOBES, "bio": IOB2}[records[0]["scheme"]]
    return 100 * seqeval_f1(gold, predicted, mode="strict", scheme=scheme, zero_division=0)


def both(name):
    """(kind's module, its metric, records of two systems, the metric by the library that keeps it)."""
    if name == "texts":
        return texts, "macro_f1", text_records(40, 1, 0.7), text_records(40, 2, 0.4), macro_f1
    return tagged_words, "f1", tagged_records(30, 1, name), tagged_records(30, 2, name), entity_f1


@pytest.mark.parametrize("name", ["texts", "bioes", "bio"])
def test_the_fast_path_gives_what_scoring_every_resample_gives(name, monkeypatch):
    kind, metric, first, second, plain = both(name)
    counts = [np.array([kind.counts(record) for record in records]) for records in (first, second)]
    monkeypatch.setattr(significance, "CELLS", 7 * len(first))  # several chunks, the last one not whole
    drawn = kind.metrics(bootstrap_totals(counts[0], 60, seed=3))[metric]
    assert drawn == pytest.approx(plain_bootstrap(first, plain, 60, seed=3))
    assert len(set(drawn.round(6))) > 20
    a, b = swapped_totals(*counts, 60, seed=3)
    exchanged = kind.metrics(a)[metric] - kind.metrics(b)[metric]
    assert exchanged == pytest.approx(plain_randomization(first, second, plain, 60, seed=3))
    assert len(set(exchanged.round(6))) > 20


def test_chunks_change_nothing_and_seeds_do(monkeypatch):
    counts = np.arange(60).reshape(20, 3)
    assert (bootstrap_totals(counts, 50, 1) != bootstrap_totals(counts, 50, 2)).any()
    whole = bootstrap_totals(counts, 50, 1), *swapped_totals(counts, counts[::-1], 50, 1)
    monkeypatch.setattr(significance, "CELLS", 1)
    for one, other in zip(whole, (bootstrap_totals(counts, 50, 1), *swapped_totals(counts, counts[::-1], 50, 1))):
        assert (one == other).all()


def test_p_by_hand():
    assert p_value(2.0, np.array([0.0, 1.0, -2.0, 3.0])) == 3 / 5
    assert p_value(-2.0, np.array([0.0, 1.0, 1.0])) == 1 / 4
    assert p_value(0.0, np.zeros(9)) == 1.0


def test_p_where_all_exchanges_can_be_told():
    """A is right and B wrong on 3 texts of 5: of the 8 exchanges that matter the 2 extreme ones are as large."""
    right, wrong = [1, 1, 1], [0, 1, 0]
    first, second = np.array([right, right, right, right, wrong]), np.array([wrong, wrong, wrong, right, wrong])
    a, b = swapped_totals(first, second, 40_000, seed=1)
    assert (a + b == first.sum(0) + second.sum(0)).all()
    found = p_value(60.0, 100 * (a[:, 0] - b[:, 0]) / 5)
    assert found == pytest.approx(2 / 8, abs=0.01)


def test_the_interval_is_scipys():
    right = (np.random.default_rng(5).random(150) < 0.8).astype(float)
    counts = np.stack([right, np.ones(150), np.ones(150)], axis=1)
    drawn = bootstrap_totals(counts, 20_000, seed=1)[:, 0] / 150
    peer = stats.bootstrap((right,), np.mean, n_resamples=20_000, method="percentile", rng=2).confidence_interval
    assert interval(drawn, 0.95) == pytest.approx((peer.low, peer.high), abs=0.007)  # one text of 150


def test_intervals_cover_the_truth_at_their_level():
    """Macro F1 of a known confusion, 400 test sets of 300 texts: about 90 in 100 intervals of 90 % hold the truth."""
    rng = np.random.default_rng(11)
    confusion = np.array([[0.45, 0.05, 0.05], [0.05, 0.2, 0.05], [0.02, 0.03, 0.1]])  # gold, predicted

    def counted(cells):
        """(N, 9): right, predicted, gold of each label."""
        gold, guess = np.divmod(cells, 3)
        roles = [[(gold == i) & (guess == i), guess == i, gold == i] for i in range(3)]
        return np.stack([role for label in roles for role in label], axis=1).astype(float)

    expected = counted(np.arange(9)).T @ confusion.ravel()
    truth = texts.metrics(expected[None] * 1e6)["macro_f1"][0]
    covered = 0
    for i in range(400):
        drawn = bootstrap_totals(counted(rng.choice(9, 300, p=confusion.ravel())), 500, seed=i)
        low, high = interval(texts.metrics(drawn)["macro_f1"], 0.9)
        covered += low <= truth <= high
    assert 0.86 <= covered / 400 <= 0.94


def test_chance_alone_is_rarely_significant():
    """Two systems of the same skill: about 1 in 10 comparisons has p below 0.1, whatever the metric's shape."""
    found = []
    for i in range(200):
        counts = [np.array([texts.counts(r) for r in text_records(100, 2 * i + j, 0.7)]) for j in (1, 2)]
        a, b = swapped_totals(*counts, 300, seed=i)
        observed = [texts.metrics(one.sum(0))["macro_f1"] for one in counts]
        found.append(p_value(observed[0] - observed[1], texts.metrics(a)["macro_f1"] - texts.metrics(b)["macro_f1"]))
    assert 0.04 <= np.mean(np.array(found) < 0.1) <= 0.16
