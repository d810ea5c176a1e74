"""Normalization of Hebrew lines, rule by rule."""

import unicodedata

import pytest

from fairseq_hebrew.text.normalize import Normalization, normalize_and_tell, normalize_line
from tests.text.hostile import hostile_lines

ALL = Normalization()
NONE = Normalization(points=False, bidi=False, forms=False, gershayim=False, controls=False, spaces=False)


@pytest.mark.parametrize(
    "line, wanted",
    [
        ("שָׁלוֹם עֲלֵיכֶם", "שלום עליכם"),
        ("בְּרֵאשִׁ֖ית בָּרָ֣א אֱלֹהִ֑ים", "בראשית ברא אלהים"),
        ("בית־ספר", "בית־ספר"),
        ("א׀ב׃ ג׆", "א׀ב׃ ג׆"),
        ("\u200fשלום\u200e \u202bעולם\u202c\u2066!\u2069\u061c\ufeff", "שלום עולם!"),
        ("\ufb2aלום \ufb1d \ufb35 \ufb4b", "שלום י ו ו"),
        ("\ufb21\ufb22\ufb23\ufb24\ufb25\ufb26\ufb27\ufb28\ufb20\ufb29", "אדהכלםרתע+"),
        ("\ufb4fהים", "אלהים"),
        ("צה״ל וארה”ב", 'צה"ל וארה"ב'),
        ("צה\u200f״ל", 'צה"ל'),
        ("צַהַ״ל", 'צה"ל'),
        ("ג׳ירפה, צ’ק", "ג'ירפה, צ'ק"),
        ("״ציטוט״ וגם ר׳ משה", "״ציטוט״ וגם ר׳ משה"),
        ("“quoted” and don’t", "“quoted” and don’t"),
        ("  א \t ב\u00a0\u2003ג\u2028ד\x85ה\x1dו  ", "א ב ג ד ה ו"),
        ("א\x00ב\x07\x7fג\x9f", "אבג"),
        ("ם ן ץ ף ך", "ם ן ץ ף ך"),
        ("ש\u05bc\u200e\u05c1", "ש"),
        ("cafe\u0301", "café"),
        ("e\u200e\u0301 e\x01\u0301 e\u0592\u0301", "é é é"),
        ("", ""),
        (" \t\r", ""),
        ("\ufeff", ""),
        ("plain ASCII, 100% 'as' it \"is\"", "plain ASCII, 100% 'as' it \"is\""),
        ("😀 👨‍👩‍👧 ½ ﬁ ² ™ …", "😀 👨‍👩‍👧 ½ ﬁ ² ™ …"),
    ],
)
def test_rules(line, wanted):
    assert normalize_line(line, ALL) == wanted


def test_each_rule_can_be_switched_off():
    line = "\u200fצַה״ל  \ufb4f"
    assert normalize_line(line, NONE) == line
    assert normalize_line(line, Normalization(points=False)) == 'צַה"ל אל'
    assert normalize_line(line, Normalization(bidi=False)) == '\u200fצה"ל אל'
    assert normalize_line(line, Normalization(gershayim=False)) == "צה״ל אל"
    assert normalize_line(line, Normalization(spaces=False)) == 'צה"ל  אל'
    assert normalize_line(line, Normalization(forms=False)) == 'צה"ל \ufb4f'
    assert normalize_line("א\x01  ב", Normalization(controls=False)) == "א\x01 ב"


@pytest.mark.parametrize(
    "line, rules",
    [
        ("שלום עולם", []),
        ("שָלום", ["points"]),
        ("ש\u05c1\u05b8לום", ["forms", "points"]),
        ("\u200fצה״ל ", ["bidi", "gershayim", "spaces"]),
        ("\x01א\ufb4f", ["controls", "forms"]),
        ("e\u0592\u0301", ["points", "forms"]),
    ],
)
def test_the_rules_that_changed_a_line_are_told(line, rules):
    made, changed = normalize_and_tell(line, ALL)
    assert sorted(changed) == sorted(rules) and made == normalize_line(line, ALL)


def test_kept_points_do_not_hide_gershayim():
    assert normalize_line("צַהַ״ל", Normalization(points=False)) == 'צַהַ"ל'


def test_every_point_is_stripped_and_every_punctuation_mark_kept():
    punctuation = {0x05BE, 0x05C0, 0x05C3, 0x05C6}
    for code in range(0x0591, 0x05C8):
        kept = normalize_line(f"א{chr(code)}ב", ALL) != "אב"
        assert kept == (code in punctuation), hex(code)


def test_no_presentation_form_is_left():
    for code in range(0xFB1D, 0xFB50):
        if unicodedata.category(chr(code)) == "Lo":
            made = normalize_line(chr(code), ALL)
            assert made and all("א" <= letter <= "ײ" for letter in made), hex(code)


@pytest.mark.parametrize("rules", [ALL, Normalization(points=False), Normalization(gershayim=False)])
def test_a_normalized_line_stays_as_it_is(rules):
    for line in hostile_lines(20_000, seed=1):
        once = normalize_line(line, rules)
        assert normalize_line(once, rules) == once, ascii(line)
        assert unicodedata.is_normalized("NFC", once), ascii(line)
        assert once == " ".join(once.split()) and "\n" not in once


def test_letters_and_their_order_are_kept():
    def letters(text):
        return [sign for sign in unicodedata.normalize("NFKD", text) if "א" <= sign <= "ת" or sign.isascii()]

    for line in hostile_lines(5_000, seed=2):
        kept = [s for s in letters(line) if s.isalnum() and not ("٠" <= s <= "٩")]
        made = [s for s in letters(normalize_line(line, ALL)) if s.isalnum()]
        assert made == kept, ascii(line)


def test_moses_punctuation_keeps_hebrew():
    rules = Normalization(punctuation=True)
    assert normalize_line('„שלום” – צה״ל, ארה", כלומר… 5.000', rules) == '"שלום" - צה"ל, ארה", כלומר... 5.000'
    assert normalize_line("בית־ספר ₪5", rules) == "בית־ספר ₪5"
