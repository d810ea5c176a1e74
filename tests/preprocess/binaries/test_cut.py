"""Cutting lines that have too many tokens."""

import itertools
import random
import time

import pytest

from fairseq_hebrew.preprocess.binaries.cut import cut_lines
from fairseq_hebrew.text.fast_bpe import FastBPE
from fairseq_hebrew.text.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def vocabulary(tokenizer):
    return Vocabulary(tokenizer)


def short_enough(lines, limit, vocabulary):
    return [piece for line in cut_lines(lines, limit, vocabulary) for piece in line]


def squeezed(lines):
    return "".join("".join(lines).split())


def longest(lines, vocabulary):
    return max(len(ids) + 1 for ids in vocabulary.encode_batch(lines))


def hostile(seed):
    choice = random.Random(seed)
    words = ["שלום", "עולם.", 'אמר "לא."', "מה?!", "😀", "\u00a0", "\t", "  ", "א" * 70, "(סוף.) ", "… ", ".", "3.14"]
    ends = ["", " ", " ", "  "]
    return "א" + "".join(choice.choice(words) + choice.choice(ends) for _ in range(choice.randint(1, 150)))


@pytest.mark.parametrize("limit", [8, 9, 17, 64, 500])
def test_nothing_is_lost_and_no_line_is_too_long(vocabulary, limit):
    lines = [hostile(seed) for seed in range(40)]
    for line in lines:
        made = short_enough([line], limit, vocabulary)
        assert squeezed(made) == squeezed([line])
        assert longest(made, vocabulary) <= limit
        assert all(piece.strip() for piece in made)
    assert short_enough(lines, limit, vocabulary) == [
        piece for line in lines for piece in short_enough([line], limit, vocabulary)
    ]


def test_a_faster_encoder_makes_no_difference(vocabulary):
    lines = [hostile(seed) for seed in range(40)]
    fast = FastBPE(vocabulary.folder / "tokenizer.json")
    for limit in (8, 40):
        assert cut_lines(lines, limit, vocabulary, fast.encode_batch) == cut_lines(lines, limit, vocabulary)


def test_short_lines_and_blank_ones_stay_as_they_are(vocabulary):
    lines = ["", " שני  רווחים ", "", "א", ""]
    assert short_enough(lines, 64, vocabulary) == lines


def test_cuts_are_after_sentences_and_lines_are_filled(vocabulary):
    sentences = [f'הוא אמר "שלום {number}." והלך הביתה!' for number in range(30)]
    made = short_enough([" ".join(sentences)], 80, vocabulary)
    assert all(line.endswith(("!", '."')) for line in made)
    for line, following in itertools.pairwise(made):
        first = following.split(". ")[0].split("! ")[0]
        assert len(vocabulary.encode_batch([f"{line} {first}"])[0]) + 1 > 40, "lines are filled"


def test_without_sentences_cuts_are_at_blanks(vocabulary):
    words = [f"מילה{number}" for number in range(200)]
    made = short_enough([" ".join(words)], 32, vocabulary)
    assert [word for line in made for word in line.split(" ")] == words


def test_a_huge_line_takes_no_age(vocabulary):
    started = time.monotonic()
    for line in ("א" * 100_000, "מילה " * 20_000, "משפט קצר. " * 10_000):
        assert longest(short_enough([line], 64, vocabulary), vocabulary) <= 64
    assert time.monotonic() - started < 20
