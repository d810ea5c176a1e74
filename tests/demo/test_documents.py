"""Generated documents, and the dirt put on them."""

from __future__ import annotations

import re

import pytest

from demo.generator import foreign, generate, soil
from demo.generator.chance import Chance
from demo.generator.dirt import BIDI_MARKS, SHARES
from demo.generator.documents import count_words, write_document
from demo.generator.genres import GENRES
from demo.generator.stage import Stage


def test_the_same_seed_gives_the_same_documents():
    assert list(generate(5, 3000)) == list(generate(5, 3000))
    assert list(generate(5, 3000)) != list(generate(6, 3000))


def test_choices_do_not_change_between_python_versions():
    chance = Chance(1)
    drawn = [chance.below(1000) for _ in range(5)]
    mixed = list(range(6))
    chance.shuffle(mixed)
    assert (drawn, mixed) == ([362, 750, 281, 193, 147], [3, 1, 2, 5, 4, 0])


def test_the_word_count_is_reached_and_not_far_passed():
    for words in (1, 500, 20_000):
        made = [count_words(document) for document in generate(2, words)]
        assert sum(made) >= words
        assert sum(made[:-1]) < words
    with pytest.raises(ValueError):
        next(generate(1, 0))


def test_documents_have_three_to_seven_paragraphs(documents):
    assert {len(document) for document in documents} <= set(range(3, 8))
    assert all(text and "\n" not in text for document in documents for text in document)


def test_sentences_are_seldom_repeated(text_sentences):
    assert len(set(text_sentences)) / len(text_sentences) >= 0.97


def test_text_is_clean_hebrew(documents):
    joined = "\n".join(text for document in documents for text in document)
    assert not re.search("[\ue000-\uf8ff{}|<>_]|  ", joined)
    assert not re.search("[\u0591-\u05c7]", joined)
    assert "None" not in joined


def test_a_document_keeps_its_persons():
    for seed in range(10):
        stage = Stage(Chance(seed), set())
        GENRES["family"].cast(stage)
        elder = stage.scope["elder"].first
        told = stage.tell(GENRES["family"].PLAN)
        assert sum(elder in text for text in told) >= 3


def test_every_genre_writes():
    for genre in GENRES:
        assert count_words(write_document(genre, Chance(3), set())) > 60
    assert len(GENRES) >= 10


# Dirt.


def test_dirt_is_deterministic_and_within_its_shares(documents):
    soiled = list(soil(documents, 4))
    assert soiled == list(soil(documents, 4))
    total = len(documents)
    repeats = len(soiled) - len({tuple(document) for document in soiled})
    assert 0.035 * total <= repeats <= 0.045 * total

    def share(test) -> float:
        return sum(any(test(text) for text in document) for document in soiled) / total

    assert share(lambda text: bool(BIDI_MARKS & set(text))) <= 2 * SHARES["bidi"]
    assert share(lambda text: bool(BIDI_MARKS & set(text))) >= 0.03
    assert 0.03 <= share(lambda text: "\u00a0" in text) <= 0.2
    assert 0.02 <= share(lambda text: "״" in text) <= 0.3
    assert 0.01 <= share(lambda text: bool(re.search("[\u05b0-\u05c2]", text))) <= 0.12
    assert share(lambda text: bool(re.search("[\ufb2a-\ufb4e]", text))) <= 0.06
    assert 0.05 <= share(lambda text: text in foreign.BOILERPLATE) <= 0.25
    assert share(lambda text: "×" in text) <= 0.06
    assert 2 <= sum(document[0] in foreign.FOREIGN for document in soiled) <= len(foreign.FOREIGN)
    assert sum(document[0] in foreign.YIDDISH for document in soiled) == 1


def test_most_documents_stay_as_they_were(documents):
    clean = {tuple(document) for document in documents}
    kept = {tuple(document) for document in soil(documents, 4)} & clean
    assert len(kept) / len(clean) > 0.45


def test_soiling_few_or_no_documents():
    assert list(soil([], 1)) == []
    assert list(foreign.YIDDISH) in list(soil([["שלום"]], 1))


def test_pointed_words_are_the_same_words():
    for bare, pointed in foreign.POINTED.items():
        assert re.sub("[\u0591-\u05c7]", "", pointed) == bare
