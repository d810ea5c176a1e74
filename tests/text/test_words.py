"""Words of running text, by the plain rule."""

import numpy as np
import pytest

from fairseq_hebrew.text import word_kernels, words
from fairseq_hebrew.text.words import inside, word_classes


def cut(text: str) -> list[str]:
    """The text at each place where no word goes on."""
    begins = [i for i, joined in enumerate(inside(text)) if not joined]
    return [text[a:b] for a, b in zip(begins, [*begins[1:], len(text)])]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("שלום, עולם!", ["שלום", ",", " ", "עולם", "!"]),
        ("וכשבבית", ["וכשבבית"]),
        ('דובר צה"ל וחה״כ', ["דובר", " ", 'צה"ל', " ", "וחה״כ"]),
        ("ג'ירפה צ׳ק רח' ז'", ["ג'ירפה", " ", "צ׳ק", " ", "רח'", " ", "ז'"]),
        ('ב"הארץ" נכתב', ['ב"הארץ', '"', " ", "נכתב"]),
        ('"שלום"', ['"', "שלום", '"']),
        ('שָׁלוֹם צַהַ"ל', ["שָׁלוֹם", " ", 'צַהַ"ל']),
        ("בית־ספר בית-ספר", ["בית", "־", "ספר", " ", "בית", "-", "ספר"]),
        ("כיתה א'1", ["כיתה", " ", "א'", "1"]),
        ("don't 'quoted' it's", ["don't", " ", "'", "quoted", "'", " ", "it's"]),
        ("1,234.5 12.5.2020 3. ב-5", ["1,234.5", " ", "12.5.2020", " ", "3", ".", " ", "ב", "-", "5"]),
        ("בשנת1948 COVID19", ["בשנת1948", " ", "COVID19"]),
        ("סוף.התחלה", ["סוף", ".", "התחלה"]),
        ("א\u200fב\u00adג", ["א\u200fב\u00adג"]),
        ("א\u2581ב\u00a0ג\nד", ["א", "\u2581", "ב", "\u00a0", "ג", "\n", "ד"]),
        ("😀😀", ["😀", "😀"]),
        ("א\ufffdב", ["א\ufffdב"]),
        ("צה''ל", ["צה'", "'", "ל"]),
        ("", []),
    ],
)
def test_examples(text, wanted):
    assert cut(text) == wanted


def test_each_class_is_that_of_its_signs():
    table = word_classes()
    for signs, word_class in (
        ("אתךםןףץ\u05b0\u05c1\u0591\ufb2a\ufb4f\u05f0", words.HEBREW),
        ("aZéß漢ж\u0301\ufffd\u200d\udc80", words.LETTER),
        ("09٣½", words.NUMBER),
        (" \t\n\u00a0\u3000\u2581", words.SPACE),
        ("'׳’‘", words.QUOTE),
        ('"״”“„', words.DOUBLE_QUOTE),
        (".,", words.DECIMAL),
        ("־׀׃-–!?()_😀\ufb29$%", words.OTHER),
    ):
        assert set(table[[ord(sign) for sign in signs]]) == {word_class}, signs
    assert np.count_nonzero(table == words.NONE) == 0


def test_the_kernel_has_the_same_classes():
    for name in ("NONE", "OTHER", "SPACE", "QUOTE", "DOUBLE_QUOTE", "DECIMAL", "LETTER", "HEBREW", "NUMBER"):
        assert getattr(word_kernels, name) == getattr(words, name)
