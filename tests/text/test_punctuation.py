"""Spacing and punctuation by the Moses rules."""

from fairseq_hebrew.text.punctuation import detokenize, normalize_punctuation


def test_detokenize_writes_as_a_person_does():
    words = ["הוא", "אמר", ":", "שלום", ",", "והלך", "(", "הביתה", ")", "."]
    assert detokenize(words) == "הוא אמר: שלום, והלך (הביתה)."
    assert detokenize(['צה"ל', ",", "ג'ירפה", "?"]) == "צה\"ל, ג'ירפה?"


def test_plain_text_is_not_unescaped():
    assert detokenize(["&amp;", "א"]) == "&amp; א"


def test_normalization_is_stable():
    for line in ["„שלום” – “עולם”… ‘א’ «ב»", 'ארה", כלומר', "א   ב", "״ציטוט״, אמר"]:
        once = normalize_punctuation(line)
        assert normalize_punctuation(once) == once
