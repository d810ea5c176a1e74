"""Sizes of documents in bytes, words and tokens, against plain counting."""

import numpy as np
import pytest

from fairseq_hebrew.preprocess.documents import read_documents
from fairseq_hebrew.preprocess.ordering import measure as module
from fairseq_hebrew.preprocess.ordering.measure import measure_part
from fairseq_hebrew.text.tokenizer import open_tokenizer


@pytest.fixture
def text(tmp_path, documents, written):
    odd = [["a\x0bb\x0c c\x1c\x1fd", "\t ב\u00a0ג \r", " x"], ["."], ["😀 \x00 \x7f"]]
    return written(tmp_path / "a.txt", [*documents(200, seed=1), *odd])


def sizes(text, unit, *more):
    output = text.with_name("sizes")
    documents, total = measure_part(text, "blank", unit, *more[:1] or (None,), output, *more[1:])
    found = np.fromfile(output, np.int64).tolist()
    assert documents == len(found) and total == sum(found)
    return found


def test_bytes_and_words(text):
    made = [document.text for document in read_documents(text)]
    assert sizes(text, "bytes") == [len(document) + 1 for document in made]
    assert sizes(text, "words") == [len(document.split()) for document in made]


@pytest.mark.parametrize("workers", [1, 2])
def test_tokens(text, tokenizer, monkeypatch, workers):
    plain = open_tokenizer(tokenizer)
    wanted = []
    for document in read_documents(text):
        wanted.append(sum(map(len, plain.encode_batch(document.text.decode().split("\n")[:-1]))))
    assert sizes(text, "tokens", tokenizer, workers) == wanted
    monkeypatch.setattr(module._texts, "__defaults__", (100,))
    assert sizes(text, "tokens", tokenizer, workers) == wanted
