"""Comparisons of answers, worked out by hand; SQuAD's by the rules of its published evaluation."""

import pytest

from fairseq_hebrew.text.answers import (
    best,
    content_words,
    exact,
    exact_with_particles,
    f1,
    f1_with_particles,
    hebrew_words,
    same_word,
    squad_words,
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The  Cat's hat, a HAT!", ["cats", "hat", "hat"]),
        ("an answer to theory", ["answer", "to", "theory"]),
        ('צה"ל', ["צהל"]),
        ("צה״ל", ["צה״ל"]),
        ("כ-60", ["כ60"]),
        ("תל־אביב", ["תל־אביב"]),
        ("שָׁלוֹם", ["שָׁלוֹם"]),
        (" .,!\n", []),
        ("$5.00", ["500"]),
    ],
)
def test_words_as_squad_has_them(text, words):
    assert squad_words(text) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("שָׁלוֹם", ["שלום"]),
        ("\u200fצה״ל", ["צהל"]),
        ('צה"ל', ["צהל"]),
        ("צה”ל", ["צהל"]),
        ("ג׳ירפה", ["גירפה"]),
        ("ג'ירפה", ["גירפה"]),
        ("תל־אביב", ["תל", "אביב"]),
        ("תל-אביב", ["תל", "אביב"]),
        ("1948–1949", ["1948", "1949"]),
        ("„כן”… „לא”׃", ["כן", "לא"]),
        ("The end", ["end"]),
        ("\u05be ׀", []),
        ("\ufb2aלום", ["שלום"]),  # shin with its dot as one character
    ],
)
def test_words_as_a_reader_of_hebrew_has_them(text, words):
    assert hebrew_words(text) == words


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("בבית", "בית", True),
        ("בית", "וכשבבית", True),
        ("בבית", "הבית", False),
        ("בית", "בית", True),
        ("1948", "ב1948", True),
        ("GPS", "הGPS", True),
        ("כלב", "ב", False),  # one letter is left: no word
        ("גבית", "בית", False),
        ("בית", "ביתי", False),
        ("", "ב", False),
    ],
)
def test_words_behind_particles(one, other, same):
    assert same_word(one, other) == same_word(other, one) == same


def test_particles_that_stand_alone():
    assert content_words("ב-1948") == ["1948"]
    assert content_words("ב") == ["ב"]


def test_f1_by_hand():
    # common: x, and y once; 2 * 2 / (3 + 4)
    assert f1(["x", "y", "y"], ["y", "z", "x", "w"]) == pytest.approx(4 / 7)
    assert f1([], []) == 1.0 and f1(["x"], []) == f1([], ["x"]) == 0.0
    assert exact(["x"], ["x"]) == 1.0 and exact(["x", "y"], ["y", "x"]) == 0.0


def test_f1_with_particles_by_hand():
    gold, said = ["בית", "הספר", "הגדול"], ["בבית", "ספר"]
    assert f1(gold, said) == 0.0
    assert f1_with_particles(gold, said) == pytest.approx(4 / 5)
    assert exact_with_particles(gold[:2], said) == 1.0 and exact_with_particles(gold, said) == 0.0
    # each word is paired once
    assert f1_with_particles(["בית"], ["בית", "הבית"]) == pytest.approx(2 / 3)
    assert f1_with_particles([], []) == 1.0 and f1_with_particles(["א"], []) == 0.0


def test_the_best_right_answer_counts_and_none_is_right_where_there_is_none():
    assert best(f1, squad_words, ["red cat", "cat"], "cat") == 1.0
    assert best(exact, squad_words, [], "") == best(f1, squad_words, [], "the") == 1.0
    assert best(f1, squad_words, [], "cat") == 0.0
    assert best(f1, squad_words, ["cat"], "") == 0.0
    # SQuAD leaves out right answers of no words
    assert best(exact, squad_words, ["...", "cat"], "") == 0.0
    assert best(exact, squad_words, ["..."], "") == 1.0
