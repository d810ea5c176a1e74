import pytest

from fairseq_hebrew.text.terms import terms, without_particles


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("מיהו בנו של רשב״י?", ["מיהו", "בנו", "של", 'רשב"י']),
        ("שָׁלוֹם, (עולם)!", ["שלום", "עולם"]),
        ("בית־ספר ובית-ספר", ["בית", "ספר", "ובית", "ספר"]),
        ("ג׳ירפה, רח' 3 – כ-1,234.5%", ["ג'ירפה", "רח'", "3", "כ", "1,234.5"]),
        ("The UN's 2nd", ["the", "un's", "2nd"]),
        ("בית בית", ["בית", "בית"]),
        ("‏שלום‎", ["שלום"]),
        ("?! … 😀", []),
        ("", []),
    ],
)
def test_terms_are_words_without_what_makes_no_difference(text, found):
    assert terms(text) == found


def test_particles_are_also_left_out():
    assert terms("ושבבית הבית", particles=True) == ["ושבבית", "שבבית", "בבית", "בית", "ית", "הבית", "בית", "ית"]
    assert without_particles("של") == ["של"]  # two letters are left
    assert without_particles("כלב") == ["כלב", "לב"]  # only letters are looked at
    assert without_particles("שלום") == ["שלום", "לום", "ום"]
    assert without_particles("the") == ["the"]
