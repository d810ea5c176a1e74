import itertools
import random
import sys
import unicodedata
from dataclasses import fields, replace

import pytest

from fairseq_hebrew.text.aligned import normalize_aligned
from fairseq_hebrew.text.normalize import Normalization, normalize_line
from tests.text.hostile import COMMON, EVERY_CLASS, hostile_lines

RULES = Normalization()


def sound(text: str, rules: Normalization = RULES) -> None:
    """The text is normalize_line's, its ranges are in the original, in order, and hold what they stand for."""
    made = normalize_aligned(text, rules)
    assert made.text == normalize_line(text, rules), repr(text)
    assert len(made.begins) == len(made.ends) == len(made.text)
    assert all(0 <= begin < end <= len(text) for begin, end in zip(made.begins, made.ends))
    assert made.begins == sorted(made.begins) and made.ends == sorted(made.ends), repr(text)
    for sign, begin, end in zip(made.text, made.begins, made.ends):
        assert sign.isspace() or not text[begin:end].isspace(), (repr(text), sign)
        if end - begin == 1 and text[begin].isalpha():
            assert sign in normalize_line(text[begin], rules), (repr(text), sign)


def test_hostile_lines():
    for line in (*hostile_lines(6000, 1), *hostile_lines(2000, 2, COMMON, 60), *hostile_lines(500, 3, EVERY_CLASS, 80)):
        sound(line)


def test_any_characters_side_by_side():
    signs = [chr(code) for code in range(sys.maxunicode) if unicodedata.category(chr(code)) not in ("Cs", "Cn", "Co")]
    choice = random.Random(4)
    for _ in range(1500):
        sound("".join(choice.choices(signs, k=40)))
    joining = [sign for sign in signs if not unicodedata.is_normalized("NFC", sign) or unicodedata.combining(sign)]
    for _ in range(1500):
        sound("".join(choice.choices([*joining, "a", "e", "ש", "\u1100", "\u1161", "\u11a8", " "], k=12)))


@pytest.mark.parametrize("rule", [field.name for field in fields(Normalization) if field.name != "punctuation"])
def test_with_each_rule_left_out(rule):
    rules = replace(RULES, **{rule: False})
    for line in hostile_lines(1500, 5, longest=20):
        made = normalize_aligned(line, rules)
        assert made.text == normalize_line(line, rules), repr(line)
        assert len(made.begins) == len(made.ends) == len(made.text)


def test_a_letter_keeps_the_points_that_were_taken_off_it():
    text = "אמר שָׁלוֹם\u200f  לָהּ"
    made = normalize_aligned(text, RULES)
    assert made.text == "אמר שלום לה"
    found = [text[slice(*made.original(i, i + 1))] for i in range(len(made.text))]
    assert found == ["א", "מ", "ר", " ", "שָׁ", "ל", "וֹ", "ם", "  ", "לָ", "הּ"]
    assert text[slice(*made.original(4, 8))] == "שָׁלוֹם"


def test_what_becomes_two_characters_is_one_place():
    text = "x\ufb4fy"  # the ligature of alef and lamed
    made = normalize_aligned(text, RULES)
    assert (made.text, made.begins, made.ends) == ("xאלy", [0, 1, 1, 2], [1, 2, 2, 3])


def test_what_becomes_one_character_has_the_place_of_both():
    made = normalize_aligned("ae\u0301\r\nb", RULES)
    assert (made.text, made.begins, made.ends) == ("aé b", [0, 1, 3, 5], [1, 3, 5, 6])


def test_nothing_changed_is_one_to_one():
    made = normalize_aligned("שלום 🙂", RULES)
    assert made.begins == list(range(6)) and made.ends == list(itertools.chain(range(1, 7)))


def test_moses_is_refused():
    with pytest.raises(ValueError, match="keeps no track"):
        normalize_aligned("א", Normalization(punctuation=True))
