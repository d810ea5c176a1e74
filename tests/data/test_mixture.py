"""Mixtures: shares of tokens, every row equally often, an epoch that needs no other epoch."""

import itertools
from collections import Counter
from fractions import Fraction

import numpy as np
import pytest

from fairseq_hebrew.data.mixture import Mixture, Stream, by_temperature, by_weight
from fairseq_hebrew.data.samples import Sample

SIXTY = by_weight({"english": 60, "hebrew": 40})


class Rows:
    """Row i of a corpus: `sizes[i]` tokens, each of them `first` + i."""

    def __init__(self, sizes, first: int = 0):
        self.sizes, self.first = np.asarray(sizes, dtype=np.int64), first

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, index):
        size = int(self.sizes[index])
        return Sample(np.full(size, self.first + index), (size,))


def rows(count: int, first: int = 0, seed: int = 0, longest: int = 64) -> Rows:
    return Rows(np.random.default_rng(seed).integers(2, longest + 1, count), first)


def two(epoch: int = 1, **options) -> Mixture:
    """Hebrew is rows 0 to 39, English rows 10,000 to 10,299."""
    corpora = {"english": rows(300, 10_000, seed=1), "hebrew": rows(40, seed=2)}
    made = Mixture(corpora, SIXTY, **{"seed": 3} | options)
    made.set_epoch(epoch)
    return made


def read(mixture: Mixture) -> list[int]:
    """Which row each sample of the epoch is."""
    return [int(mixture[i].tokens[0]) for i in range(len(mixture))]


def test_shares_are_of_tokens():
    mixture = two()
    every = sum(int(sizes.sum()) for sizes in (rows(300, seed=1).sizes, rows(40, seed=2).sizes))
    for epoch in range(1, 8):
        mixture.set_epoch(epoch)
        tokens = mixture.tokens_by_corpus(range(len(mixture)))
        assert abs(tokens["english"] - 0.6 * every) <= 64 and abs(tokens["hebrew"] - 0.4 * every) <= 64
        assert sum(tokens.values()) == mixture.sizes.sum() == sum(len(mixture[i].tokens) for i in range(len(mixture)))


def test_what_an_epoch_gives_too_much_the_next_gives_less():
    mixture, given = two(), Counter()
    for epoch in range(1, 101):
        mixture.set_epoch(epoch)
        given.update(mixture.tokens_by_corpus(range(len(mixture))))
    assert given["english"] / sum(given.values()) == pytest.approx(0.6, abs=64 / sum(given.values()))


@pytest.mark.parametrize("epoch_tokens", [None, 200, 1_000, 50_000])
def test_every_row_is_seen_equally_often(epoch_tokens):
    """Whether a corpus lasts for several epochs or is read several times in one."""
    mixture, seen = two(epoch_tokens=epoch_tokens), Counter()
    for epoch in range(1, 30):
        mixture.set_epoch(epoch)
        seen.update(read(mixture))
        for corpus in (range(40), range(10_000, 10_300)):
            often = [seen[row] for row in corpus]
            assert max(often) - min(often) <= 1, epoch


def test_a_larger_corpus_goes_on_where_it_stopped():
    mixture, seen = two(epoch_tokens=1_000), set()
    for epoch in (1, 2, 3):
        mixture.set_epoch(epoch)
        english = {row for row in read(mixture) if row >= 10_000}
        assert english and not english & seen
        seen |= english


def test_a_smaller_corpus_is_read_again_in_another_order():
    stream = Stream(rows(40).sizes, (1, 2))
    first, second = stream.rows(0, stream.tokens), stream.rows(stream.tokens, 2 * stream.tokens)
    assert sorted(first) == sorted(second) == list(range(40)) and first.tolist() != second.tolist()
    assert stream.rows(0, 2 * stream.tokens).tolist() == [*first, *second]


def test_pieces_of_a_stream_are_the_stream():
    stream = Stream(rows(11, seed=4).sizes, (5,))
    whole = stream.rows(0, 3_000)
    cuts = [0, 1, 2, 2, 700, 701, 1_500, 2_999, 3_000]
    assert np.concatenate([stream.rows(a, b) for a, b in itertools.pairwise(cuts)]).tolist() == whole.tolist()
    assert stream.rows(7, 7).dtype == np.int64 and len(stream.rows(7, 7)) == 0


def test_an_epoch_is_a_function_of_seed_and_number():
    played = two()
    for epoch in range(2, 9):
        played.set_epoch(epoch)
    assert read(two(epoch=8)) == read(played) != read(two(epoch=7))
    played.set_epoch(2)
    assert read(two(epoch=2)) == read(played)
    assert sorted(read(two(seed=4, epoch=1))) != sorted(read(two(epoch=1)))


def test_the_order_of_a_corpus_does_not_depend_on_the_others():
    alone = Mixture({"hebrew": rows(40, seed=2)}, by_weight({"hebrew": 1}), seed=3, epoch_tokens=10_000)
    together = [row for row in read(two()) if row < 10_000]
    assert together == read(alone)[: len(together)]


def test_one_row_a_corpus():
    """The smallest mixture: each row comes whenever the stream passes its first token."""
    mixture = Mixture({"a": Rows([5], 1), "b": Rows([9], 2)}, by_weight({"a": 1, "b": 3}), seed=1)
    often = Counter()
    for epoch in range(1, 181):
        mixture.set_epoch(epoch)
        often.update(read(mixture))
    assert often == {1: 180 * 14 // 4 // 5, 2: -(-180 * 14 * 3 // 4 // 9)}


def test_an_epoch_without_room_for_a_row():
    with pytest.raises(ValueError, match="an epoch of 13 tokens, the corpora's longest rows have 14"):
        Mixture({"a": Rows([5]), "b": Rows([9, 3])}, by_weight({"a": 1, "b": 1}), seed=1, epoch_tokens=13)


def test_the_epoch_is_told(caplog):
    caplog.set_level("INFO")
    mixture = two(epoch=2)
    hebrew = mixture.tokens_by_corpus(range(len(mixture)))["hebrew"]
    (line,) = [record.message for record in caplog.records if record.name == "fairseq_hebrew.data.mixture"]
    count = sum(row < 10_000 for row in read(mixture))
    assert line.startswith("mixture of epoch 2: english 60.") or line.startswith("mixture of epoch 2: english 59.")
    assert f"({hebrew:,} tokens, {count:,} samples, passes " in line
    mixture.set_epoch(2)
    assert len(caplog.records) == 1


def test_weights():
    assert {"english": Fraction(3, 5), "hebrew": Fraction(2, 5)} == SIXTY
    assert sum(by_weight({"a": 0.1, "b": 0.2, "c": 0.7}).values()) == 1


def test_temperature_is_that_of_xlm():
    """XLM (arXiv 1901.07291, section 3.1): q_i in proportion to p_i^alpha, alpha 0.5, which is a temperature of 2."""
    sizes = {"en": 90_000, "he": 900, "yi": 9_000}
    total = sum(sizes.values())
    powers = {name: (size / total) ** 0.5 for name, size in sizes.items()}
    found = by_temperature(sizes, 2)
    assert sum(found.values()) == 1
    assert {n: float(s) for n, s in found.items()} == pytest.approx(
        {n: power / sum(powers.values()) for n, power in powers.items()}
    )
    assert float(found["en"] / found["he"]) == pytest.approx(10)
    assert float(by_temperature(sizes)["he"]) == pytest.approx(900 / total)
    assert max(by_temperature(sizes, 1e9).values()) == pytest.approx(Fraction(1, 3), abs=1e-6)
