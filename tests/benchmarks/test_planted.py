"""Planted near-duplicates are as far from their documents as they are said to be."""

import pytest

from benchmarks.planted import cut, plant

TEXTS = ["אחת שתיים  שלוש\nארבע חמש שש שבע", "קצר", "", " א ב ג ד ה ו ז ח ט י "]


def test_documents_of_so_many_words():
    assert list(cut(TEXTS, 3)) == ["אחת שתיים  שלוש", "ארבע חמש שש", "א ב ג", "ד ה ו", "ז ח ט"]
    assert list(cut(TEXTS, 11)) == []


@pytest.mark.parametrize("replaced", [0, 1, 3, 7])
def test_so_many_words_are_others_and_the_rest_stays(replaced):
    documents = list(cut(TEXTS * 3, 7))
    copies = plant(documents, replaced, seed=1)
    assert len(copies) == len(documents) == 6
    for document, copy in zip(documents, copies):
        assert sum(a != b for a, b in zip(document.split(), copy.split(), strict=True)) == replaced
        assert document.count("\n") == copy.count("\n") and document.count("  ") == copy.count("  ")
    assert copies == plant(documents, replaced, seed=1)
    assert not replaced or copies != plant(documents, replaced, seed=2)


def test_fewer_words_than_are_to_be_replaced():
    assert plant(["א ב"], 5, seed=1) == ["ב א"]
    with pytest.raises(ValueError, match="no other word"):
        plant(["א א"], 1, seed=1)
