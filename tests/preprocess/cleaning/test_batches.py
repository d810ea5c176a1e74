"""Cleaning by batches against cleaning one document in plain Python: same text, same reasons."""

import random
from collections import Counter

import numpy as np
import pytest

from fairseq_hebrew.preprocess.cleaning.batches import clean_batch, joined
from fairseq_hebrew.preprocess.cleaning.plain import clean_document
from fairseq_hebrew.preprocess.cleaning.removed import Removed
from fairseq_hebrew.preprocess.cleaning.settings import Settings
from fairseq_hebrew.preprocess.documents import Document
from tests.text.hostile import REAL, hostile_documents, real_documents

LENIENT = {"min_hebrew": 0.0, "min_characters": 0, "max_symbols": 1.0, "max_yiddish": 9.0}


def settings_of(**changed):
    return Settings(input=[], output=None, **changed)


def assert_equal(documents, settings):
    batch = [Document(1, "".join(f"{line}\n" for line in lines).encode()) for lines in documents]
    made = clean_batch(batch, "a.txt", settings, Removed(3))
    text, counts = "", Counter(documents_in=len(documents))
    for lines in documents:
        kept, reason, broken = clean_document("\n".join(lines), settings)
        text += "".join(f"{line}\n" for line in kept) + "\n" * (reason is None)
        counts["lines_dropped_mojibake"] += broken
        counts["documents_out" if reason is None else f"dropped_{reason}"] += 1
    assert made.text.tobytes().decode() == text
    told = {key: number for key, number in made.counts.items() if number and not key.startswith("lines_changed")}
    told.pop("lines_out", None)
    assert told == {key: number for key, number in counts.items() if number}
    return counts


@pytest.mark.parametrize("seed", range(30))
def test_hostile_documents(seed):
    choice = random.Random(seed)
    lenient = settings_of(**LENIENT, repetition_words=0, language=choice.choice(["hebrew", "english", "any"]))
    assert_equal(hostile_documents(200, seed), lenient)
    assert_equal(hostile_documents(200, seed), settings_of(keep_niqqud=choice.random() < 0.5, collapse_spaces=False))


def test_a_return_that_a_rule_lays_bare_goes():
    settings = settings_of(**LENIENT, collapse_spaces=False)
    assert_equal([["אחת\r\u200f", "שתיים\r", "שלוש\rארבע"]], settings)
    made = clean_batch([Document(1, "אחת\r\u200f\nב\rג\n".encode())], "a.txt", settings, Removed(3))
    assert made.text.tobytes().decode() == "אחת\nב\rג\n\n"


def test_every_reason_is_met():
    words = ["אחת", "שתיים", "שלוש", "ארבע", "חמש", "שש", "שבע", "שמונה", "תשע", "עשר"]
    choice = random.Random(3)
    documents = [["English", "only"], ["קצר"], ["ארוך מאוד " * 9], ["א! ב? ג. ד, " * 4], ["א12 ב34 ג56 " * 3], [""]]
    documents += [["×©×\x9c×\x95×\x9d ×¢×\x95×\x9c×\x9d"], ["דער ייִדישער שרײַבער האָט געשריבן אַ בוך"]]
    documents += [["אחת שתיים", "שלוש ארבע"] * 4, [" ".join(words[:7])] * 2]
    documents += [["אחת שתיים " * 6 + "שלוש ארבע חמש שש שבע"]]
    documents += [[" ".join(choice.sample(words, 10))] for _ in range(20)]
    settings = settings_of(
        repetition_words=8,
        max_characters=85,
        max_top_ngrams=[0.5],
        max_duplicate_ngrams=[0.1, 0.1],
        max_duplicate_line_characters=0.6,
        max_duplicate_lines=0.6,
    )
    counts = assert_equal(documents, settings)
    assert {key.removeprefix("dropped_") for key in counts if key.startswith("dropped_")} == {
        *("not_hebrew", "short", "long", "symbols", "digits", "empty", "mojibake", "yiddish"),
        *("duplicate_lines", "top_ngram", "duplicate_ngrams"),
    }
    assert assert_equal([["English", "only"], ["שלום"] * 9], settings_of(language="english", min_characters=0)) == {
        "documents_in": 2,
        "documents_out": 1,
        "dropped_not_english": 1,
        "lines_dropped_mojibake": 0,
    }


@pytest.mark.parametrize("limit", [0.0, 0.05, 0.1, 0.3, 1.0])
def test_limits_of_repetition(limit):
    choice = random.Random(5)
    words = [f"מילה{number}" for number in range(12)]
    documents = [
        [" ".join(choice.choices(words[: choice.randint(2, 12)], k=choice.randint(1, 9))) for _ in range(8)]
        for _ in range(200)
    ]
    settings = settings_of(
        repetition_words=20,
        max_top_ngrams=[limit],
        max_duplicate_ngrams=[limit, limit],
        max_duplicate_lines=limit,
        max_duplicate_line_characters=limit,
        max_digits=1.0,
    )
    counts = assert_equal(documents, settings)
    assert counts["documents_out"] < 200 or limit == 1.0


def test_the_buffer_of_a_batch():
    text, offsets = joined([Document(1, b"a\n"), Document(3, b"bc\n")], after=b"\n")
    assert text.tobytes() == b"a\n\nbc\n\n" and offsets.tolist() == [0, 3, 7] and text.flags.writeable
    text, offsets = joined([])
    assert len(text) == 0 and offsets.tolist() == [0] and offsets.dtype == np.int64


@pytest.mark.skipif(not REAL.exists(), reason=f"no real text at {REAL}")
@pytest.mark.parametrize("name", ["benyehuda_04.txt", "laws.txt", "wikipedia_paragraphs.txt", "english_gutenberg.txt"])
def test_real_text(name):
    documents = real_documents(name, 1_000_000)
    assert_equal(documents, settings_of(max_top_ngrams=[0.03, 0.02, 0.02], max_symbols=0.05, max_digits=0.02))
    assert_equal(documents, settings_of(language="any", keep_niqqud=True))


@pytest.mark.skipif(not REAL.exists(), reason=f"no real text at {REAL}")
@pytest.mark.parametrize("name", ["benyehuda_02.txt", "laws.txt", "knesset_protocols.txt", "bible.txt"])
def test_the_defaults_keep_real_hebrew(name):
    documents = real_documents(name, 3_000_000)
    batch = [Document(1, "".join(f"{line}\n" for line in lines).encode()) for lines in documents]
    made = clean_batch(batch, name, settings_of(), Removed(0))
    assert made.counts["documents_out"] >= 0.95 * len(documents) - 1, made.counts
