import pytest

from fairseq_hebrew.text.split import split_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("חברת הכנסת זנדברג, בבקשה.", ["חברת", "הכנסת", "זנדברג", ",", "בבקשה", "."]),
        ("צה\"ל ג'ירפה רח' 1,234.5%", ['צה"ל', "ג'ירפה", "רח'", "1,234.5", "%"]),
        ("בת-ים בת־ים", ["בת", "-", "ים", "בת", "־", "ים"]),
        ("רגע... מה?!", ["רגע", "...", "מה", "?", "!"]),
        ("שָׁלוֹם\r\n\u2028ב\u200fא", ["שָׁלוֹם", "ב\u200fא"]),
        ("👨‍👩‍👧👍🏽❤️ 😀😀😃", ["👨‍👩‍👧", "👍🏽", "❤️", "😀😀", "😃"]),
        (" \n", []),
        ("", []),
    ],
)
def test_words_and_signs(text, words):
    assert [text[begin:end] for begin, end in split_words(text)] == words


def test_all_but_white_space_is_in_one_word():
    text = "א\u0301 ,\u0301\u200d🙂\u200d\t–\u200f ﬞ3️⃣ \ufeffب.\x00x 🇮🇱"
    covered = [i for begin, end in split_words(text) for i in range(begin, end)]
    assert covered == [i for i, sign in enumerate(text) if not sign.isspace()]
