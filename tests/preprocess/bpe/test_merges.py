"""Merges: Hugging Face's wherever it is right, those of the definition always, with counts past 32 bits too."""

import random

import numpy as np
import pytest

from fairseq_hebrew.preprocess.bpe.alphabet import FIRST_MERGE
from fairseq_hebrew.preprocess.bpe.merges import learn, token_counts
from fairseq_hebrew.text.pretokenize import KINDS
from tests.preprocess.bpe.samples import (
    CORPORA,
    REAL,
    as_words,
    counted,
    lines_of,
    merges_of,
    train_huggingface,
    train_plainly,
)


def pairs(merges):
    assert merges.dtype == np.int32
    return list(map(tuple, merges.tolist()))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CORPORA)
def test_the_merges_of_hugging_face(name, kind):
    lines = lines_of(CORPORA[name]())
    reference = merges_of(train_huggingface(lines, 20_000, kind))
    assert len(reference) > 100
    # As many as can be learned: the last ones are ties without end.
    assert pairs(learn(as_words(counted(lines, kind)), 20_000 - 256, 2)) == reference


@pytest.mark.parametrize("name", ["wikipedia_articles", "bible", "english_gutenberg"])
def test_the_merges_of_hugging_face_on_real_text(name):
    if not REAL.exists():
        pytest.skip(f"no real text at {REAL}")
    lines = lines_of((REAL / f"{name}.txt").read_text(encoding="utf-8")[:1_000_000])
    assert pairs(learn(as_words(counted(lines)), 4000, 2)) == merges_of(train_huggingface(lines, 4256))


@pytest.mark.parametrize("least", [0, 1, 2, 5, 40])
def test_the_least_count_of_a_merge(least):
    lines = lines_of(CORPORA["hostile"]())[:300]
    reference = merges_of(train_huggingface(lines, 30_000, min_frequency=least))
    assert pairs(learn(as_words(counted(lines)), 30_000 - 256, least)) == reference


def random_words(seed):
    """Few letters, much repetition: ties, runs and pairs that come and go."""
    choice = random.Random(seed)
    letters = b"ab" if seed % 3 == 0 else b"abc\xd7\x90"
    words = {bytes(choice.choices(letters, k=choice.randint(1, 12))) for _ in range(choice.randint(1, 60))}
    return {word: choice.choice([1, 1, 2, 3, 10, choice.randint(1, 1000)]) for word in sorted(words)}


@pytest.mark.parametrize("seed", range(60))
def test_the_definition_and_counts_past_32_bits(seed):
    counts = random_words(seed)
    reference = train_plainly(counts, 200, 2)
    words = as_words(counts)
    assert pairs(learn(words, 200, 2)) == reference
    # Every count is past what 32 bits hold, and what it is a multiple of would be lost in them.
    large = {word: count << 32 for word, count in counts.items()}
    assert train_plainly(large, 200, 2 << 32) == reference
    assert pairs(learn(as_words(large), 200, 2 << 32)) == reference


def test_sums_just_past_32_bits_are_still_the_most_frequent():
    counts = {"אב".encode(): 1_500_000_000, "אג".encode(): 1_500_000_000, b"xy": 2_000_000_000}
    # The pair (0xD7, 0x90) of alef is counted 3,000,000,000 times, which is negative in 32 bits.
    alef = train_plainly({"א".encode(): 1}, 1, 1)
    assert pairs(learn(as_words(counts), 1, 2)) == alef
    assert pairs(learn(as_words(counts), 10, 2)) == train_plainly(counts, 10, 2)


def test_the_order_of_the_words_does_not_matter():
    counts = counted(lines_of(CORPORA["hostile"]())[:800])
    reference = pairs(learn(as_words(counts), 3000, 2))
    for seed in range(3):
        items = list(counts.items())
        random.Random(seed).shuffle(items)
        assert pairs(learn(as_words(dict(items)), 3000, 2)) == reference


def test_words_end_cut_as_the_tokenizer_cuts_them():
    lines = lines_of(CORPORA["hostile"]())
    tokenizer = train_huggingface(lines, 3000)
    tokenizer.encode_special_tokens = True
    words = as_words(counted(lines))
    merges = learn(words, 3000 - 256, 2)
    ids = [i for encoded in tokenizer.encode_batch(lines) for i in encoded.ids]
    size = FIRST_MERGE + len(merges)
    assert np.array_equal(token_counts(words, size), np.bincount(ids, minlength=size))


def test_nothing_to_learn():
    assert len(learn(as_words({}), 100, 2)) == 0
    assert len(learn(as_words({b"a": 5, b"b": 9}), 100, 2)) == 0
    assert len(learn(as_words({b"abc": 5}), 0, 2)) == 0
    assert len(learn(as_words({b"abc": 5}), 100, 6)) == 0
