"""The lexicon, and phrases worked out by hand."""

from __future__ import annotations

import re

import pytest

from demo.generator.choosing import noun_named
from demo.generator.entities import Group, Person
from demo.generator.lexicon import (
    ABSENT,
    adjectives,
    inflected,
    nouns,
    people,
    verbs,
)
from demo.generator.numerals import counting_words, number_words, ordinal_words
from demo.generator.phrase import Name, NounPhrase, conjugate, inflect
from demo.generator.spelling import ARTICLE, JOINT, spell


def phrase(lemma: str, *words: str, gender: str = "m", **features) -> NounPhrase:
    chosen = tuple(adjectives()[word] for word in words)
    return NounPhrase(noun_named(lemma, gender), adjectives=chosen, **features)


# The lexicon.


def test_the_lexicon_is_as_large_as_promised():
    assert len(nouns()) + 2 * len(people()) >= 220
    assert len(adjectives()) >= 130
    assert len(verbs()) >= 120


def test_every_form_is_hebrew_without_niqqud():
    forms = [f for a in adjectives().values() for f in a.forms]
    forms += [f for v in verbs().values() for f in v.past + v.present + v.future + (v.infinitive,)]
    forms += [f for n in nouns().values() for f in (n.lemma, n.plural, n.construct)]
    forms += [f for pair in people().values() for n in pair for f in (n.lemma, n.plural)]
    wrong = [f for f in forms if f != ABSENT and not re.fullmatch('[א-ת]+("[א-ת]+)?', f)]
    assert wrong == []


def test_every_entry_has_all_its_forms():
    assert all(len(a.forms) == 4 for a in adjectives().values())
    assert all((len(v.past), len(v.present), len(v.future)) == (3, 4, 3) for v in verbs().values())
    assert all(len(forms) == 4 for forms in inflected().values())


def test_regular_adjective_endings():
    for adjective in adjectives().values():
        _, feminine, men, women = adjective.forms
        assert men.endswith("ים") and women.endswith("ות"), adjective.forms
        assert feminine[-1] in "הת", adjective.forms


def test_future_and_past_prefixes():
    for verb in verbs().values():
        assert verb.future[0][0] == "י" and verb.future[1][0] == "ת", verb.future
        assert verb.future[2][0] == "י" and verb.future[2][-1] == "ו", verb.future
        assert verb.past[1][-1] == "ה" and verb.past[2][-1] == "ו", verb.past
        assert verb.infinitive == ABSENT or verb.infinitive[0] == "ל", verb.infinitive


# Phrases worked out by hand.


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (phrase("מורה", "חדש", gender="f", number="pl", marked=True), "המורות החדשות"),
        (phrase("מורה", "חדש", gender="m", number="pl"), "מורים חדשים"),
        (phrase("בית", "גדול", marked=True), "הבית הגדול"),
        (phrase("עיר", "רחוק", number="pl"), "ערים רחוקות"),
        (phrase("כוס", "גדול", number="pl", marked=True), "הכוסות הגדולות"),
        (phrase("בית_ספר", "ישן", marked=True), "בית הספר הישן"),
        (phrase("בית_ספר", "ישן", number="pl"), "בתי ספר ישנים"),
        (phrase("תחנת_רכבת", "חדש", marked=True), "תחנת הרכבת החדשה"),
        (phrase("ראש", "חדש", complement=phrase("עירייה", marked=True)), "ראש העירייה החדש"),
        (
            phrase("ראש", "חדש", gender="f", complement=phrase("עירייה", marked=True)),
            "ראש העירייה החדשה",
        ),
        (phrase("עירייה", "חדש", complement=Name("חיפה")), "עיריית חיפה החדשה"),
        (phrase("מנהל", gender="f", complement=phrase("ספרייה")), "מנהלת ספרייה"),
        (phrase("ועדה", marked=True), "הוועדה"),
        (phrase("ילד", quantity=3, number="pl"), "שלושה ילדים"),
        (phrase("ילד", gender="f", quantity=3, number="pl"), "שלוש ילדות"),
        (phrase("ילד", quantity=3, number="pl", marked=True), "שלושת הילדים"),
        (phrase("ילד", gender="f", quantity=3, number="pl", marked=True), "שלוש הילדות"),
        (phrase("ספר", "טוב", quantity=2, number="pl"), "שני ספרים טובים"),
        (phrase("תמונה", quantity=2, number="pl", marked=True), "שתי התמונות"),
        (phrase("תוכנית", "חדש", quantity=1), "תוכנית חדשה אחת"),
        (phrase("שעה", quantity=2, number="pl"), "שעתיים"),
        (phrase("שנה", quantity=30, number="pl", digits=True), "30 שנה"),
        (phrase("שקל", quantity=15, number="pl"), "חמישה עשר שקלים"),
        (phrase("בית", "גדול", demonstrative=True), "הבית הגדול הזה"),
        (phrase("תמונה", number="pl", demonstrative=True), "התמונות האלה"),
        (phrase("ספר", "ישן", marked=True, owner=Person("רות", "כץ", "f")), "הספר הישן שלה"),
        (phrase("תלמיד", marked=True, number="pl", quantifier="כל"), "כל התלמידים"),
        (phrase("תלמיד", marked=True, number="pl", quantifier="חלק מ"), "חלק מהתלמידים"),
        (phrase('מנכ"ל', "חדש", gender="f", marked=True), 'המנכ"לית החדשה'),
    ],
)
def test_hand_worked_phrases(made, expected):
    assert str(made) == expected


@pytest.mark.parametrize(
    ("number", "gender", "expected"),
    [
        (3, "f", "שלוש"),
        (3, "m", "שלושה"),
        (11, "f", "אחת עשרה"),
        (12, "m", "שנים עשר"),
        (20, "m", "עשרים"),
        (21, "f", "עשרים ואחת"),
        (100, "m", "מאה"),
        (110, "m", "מאה ועשרה"),
        (123, "f", "מאה עשרים ושלוש"),
        (218, "m", "מאתיים ושמונה עשר"),
        (1948, "f", "אלף תשע מאות ארבעים ושמונה"),
        (3000, "m", "שלושת אלפים"),
    ],
)
def test_numbers_in_words(number, gender, expected):
    assert number_words(number, gender) == expected


def test_counting_and_ordinal_words():
    assert counting_words(2, "f") == "שתי"
    assert counting_words(7, "m", definite=True) == "שבעת"
    assert ordinal_words(2, "f") == "שנייה"
    with pytest.raises(ValueError):
        number_words(0, "m")


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (f"ב{JOINT}{ARTICLE}בית", "בבית"),
        (f"ל{JOINT}{ARTICLE}ועדה", "לוועדה"),
        (f"מ{JOINT}{ARTICLE}בית", "מהבית"),
        (f"כש{JOINT}{ARTICLE}ילד", "כשהילד"),
        (f"ו{JOINT}{ARTICLE}ורד", "והוורד"),
        (f"וב{JOINT}{ARTICLE}ספר", "ובספר"),
        (f"ב{JOINT}12 ביוני", "ב-12 ביוני"),
        (f"ל{JOINT}Lumo", "ל-Lumo"),
        (f"{JOINT}ועדה", "ועדה"),
    ],
)
def test_prefixes_are_joined(pieces, expected):
    assert spell(pieces) == expected


def test_verbs_and_prepositions_agree_with_their_subject():
    ruth = Person("רות", "כץ", "f")
    dan = Person("דן", "לוי", "m")
    assert conjugate("כתב", "past", ruth) == "כתבה"
    assert conjugate("כתב", "pres", Group((ruth, dan))) == "כותבים"
    assert conjugate("כתב", "pres", Group((ruth, Person("לאה", "כץ", "f")))) == "כותבות"
    assert conjugate("כתב", "fut", phrase("מורה", gender="f", number="pl")) == "יכתבו"
    assert conjugate("נפתח", "fut", phrase("ספרייה")) == "תיפתח"
    assert inflect("ל", ruth) == "לה" and inflect("עם", Group((ruth, dan))) == "איתם"
