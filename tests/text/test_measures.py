"""What tells text worth keeping from other text, measure by measure."""

import pytest

from fairseq_hebrew.text.measures import (
    DIGIT,
    HEBREW,
    LATIN,
    LETTER,
    OTHER,
    SYMBOL,
    WHITE,
    count_kinds,
    duplicate_lines,
    duplicate_ngram_share,
    is_mojibake,
    kind_of,
    top_ngram_share,
    yiddish_share,
)


@pytest.mark.parametrize(
    "signs, kind",
    [
        ("אתםךץ", HEBREW),
        ("azAZ", LATIN),
        ("éбعװﬡ漢Ⅷ½²", LETTER),
        ("07٣", DIGIT),
        ("!?־׀׃\"'₪+…😀—", SYMBOL),
        (" \t\xa0\u2028\x1c", WHITE),
        ("\u05b8\u0591\u0301\u200f\u200d\x01\u0378", OTHER),
    ],
)
def test_kinds_of_characters(signs, kind):
    assert [kind_of(sign) for sign in signs] == [kind] * len(signs)
    assert count_kinds(signs)[kind] == len(signs) == sum(count_kinds(signs))


def test_duplicate_lines():
    assert duplicate_lines([]) == (0.0, 0.0)
    assert duplicate_lines(["אב", "גד ה", "אב"]) == (1 / 3, 2 / 8)
    assert duplicate_lines(["א  ב", "א ב", "אב"]) == (1 / 3, 3 / 9), "lines are the same by their words"


def test_top_ngrams():
    words = ["אב", "גד", "אב", "גד", "הו"]
    assert top_ngram_share(words, 2) == 8 / 10
    assert top_ngram_share(words, 3) == 0.0, "none repeats"
    assert top_ngram_share(["אב"] * 50, 4) == 1.0, "overlaps count in full, up to the whole"
    assert top_ngram_share([], 2) == 0.0


def test_duplicate_ngrams():
    words = [*"abcde", "long", *"abcde", *"bcdef"]
    assert duplicate_ngram_share(words, 5) == 5 / 19
    assert duplicate_ngram_share(["a"] * 12, 5) == 11 / 12, "no word counts twice"
    assert duplicate_ngram_share(words[:3], 5) == 0.0


def test_yiddish_is_told_from_pointed_hebrew():
    yiddish = [
        "דער ייִדישער שרײַבער האָט געשריבן אַ בוך װעגן דער אַלטער היים",
        "די שפּראַך האָט זיך אַנטוויקלט אין אייראָפּע און מען רעדט זי נאָך",
        "װאָס מאַכט איר הײַנט",
    ]
    hebrew = [
        "בְּרֵאשִׁית בָּרָא אֱלֹהִים אֵת הַשָּׁמַיִם וְאֵת הָאָרֶץ",
        "הָאָדָם אָמַר אַל תִּירָא כִּי אָנֹכִי אִתָּךְ",
        "הוא אמר שלום והלך אל הבית הגדול",
        "אָמָּנוּת וְתַרְבּוּת בָּאָרֶץ",
    ]
    assert all(yiddish_share(text) > 0.01 for text in yiddish)
    assert all(yiddish_share(text) <= 0.01 for text in hebrew)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_mojibake(encoding):
    text = "שלום עולם, זה משפט ארוך מאוד על תמיד ומים"
    broken = bytearray()
    for byte in text.encode("utf-8"):
        broken += bytes([byte]).decode(encoding, errors="replace").encode("utf-8")
    assert is_mojibake(broken.decode("utf-8"))
    assert not is_mojibake(text)


@pytest.mark.parametrize(
    "line", ["2×3 = 6", "גודל: 10×20×30×40 ס״מ", "מידות 3×4, 5×6, 7×8, 9×10", "×", "", "סימן ההחלפה \ufffd נדיר"]
)
def test_multiplication_is_no_mojibake(line):
    assert not is_mojibake(line)
