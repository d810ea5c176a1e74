"""Which encoder is used: the fast one where it gives the library's ids on a sample of the text, else the library."""

import json
import shutil

import numpy as np
import pytest

from fairseq_hebrew.preprocess.binaries import encoder as module
from fairseq_hebrew.preprocess.binaries.chunks import Piece, whole
from fairseq_hebrew.preprocess.binaries.encoder import LibraryEncoder, choose, sampled_lines
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.fast_bpe import FastBPE, padded
from fairseq_hebrew.text.vocabulary import Vocabulary


def chosen(folder, path, wanted="auto"):
    vocabulary = Vocabulary(folder)
    library = LibraryEncoder(vocabulary.tokenizer, vocabulary.table)
    made = choose(folder, library, vocabulary.table, [whole(path)], wanted)
    return "library" if made is library else "fast"


@pytest.fixture
def text(tmp_path, documents, written):
    return written(tmp_path / "a.txt", documents(50, seed=1))


@pytest.fixture
def wrong(monkeypatch):
    """The fast encoder errs on lines with an emoji."""
    right = FastBPE.encode_batch

    def encode_batch(self, texts):
        return [ids[::-1] if "😀" in line else ids for ids, line in zip(right(self, texts), texts)]

    monkeypatch.setattr(FastBPE, "encode_batch", encode_batch)


def test_the_fast_one_where_it_can_be_used(tokenizer, text, capsys):
    assert chosen(tokenizer, text) == "fast" and chosen(tokenizer, text, "fast") == "fast"
    assert chosen(tokenizer, text, "huggingface") == "library"
    assert capsys.readouterr().err == "", "nothing to tell"


def test_a_difference_is_told_and_the_library_is_used(tokenizer, tmp_path, wrong, capsys):
    text = tmp_path / "a.txt"
    text.write_text("שלום\n" * 1000 + "😀 עולם גדול\n" + "סוף\n" * 1000, encoding="utf-8")
    assert chosen(tokenizer, text) == "library"
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and "takes much longer" in told
    assert "gives other ids than the library for '😀 עולם גדול' in" in told and str(text) in told
    with pytest.raises(UserError, match=r"--encoder fast cannot be used: .*😀 עולם גדול"):
        chosen(tokenizer, text, "fast")


@pytest.mark.parametrize("place", [0.0, 0.3, 0.99])
def test_a_difference_anywhere_in_a_text_that_is_sampled(tokenizer, tmp_path, wrong, monkeypatch, place):
    monkeypatch.setattr(module, "SAMPLE", 1 << 16)
    monkeypatch.setattr(module, "WINDOW", 1 << 10)
    monkeypatch.setattr(module, "BEGINNING", 1 << 12)
    lines = ["שלום עולם"] * 40_000
    first = int(place * len(lines))
    lines[first : first + len(lines) // 40] = ["😀 עולם"] * (len(lines) // 40)
    text = tmp_path / "a.txt"
    text.write_text("\n".join(lines), encoding="utf-8")
    assert text.stat().st_size > 10 * module.SAMPLE
    assert chosen(tokenizer, text) == "library"


def test_a_tokenizer_it_does_not_do_is_told(tokenizer, tmp_path, text, capsys):
    other = tmp_path / "other"
    shutil.copytree(tokenizer, other)
    content = json.loads((other / "tokenizer.json").read_text())
    content["normalizer"] = {"type": "NFC"}
    (other / "tokenizer.json").write_text(json.dumps(content))
    assert chosen(other, text) == "library"
    assert "other/tokenizer.json: it has a normalizer" in capsys.readouterr().err
    with pytest.raises(UserError, match="it has a normalizer; leave --encoder out"):
        chosen(other, text, "fast")


def test_the_sample_is_the_beginning_and_some_of_every_part(tmp_path):
    paths = [tmp_path / "a.txt", tmp_path / "b.txt"]
    for path in paths:
        path.write_bytes(b"".join(b"%s line %07d of it\n" % (path.stem.encode(), number) for number in range(150_000)))
    pieces = [whole(path) for path in paths]
    found = list(sampled_lines(pieces))
    size = sum(len(line) + 1 for _, line in found)
    assert module.SAMPLE * 0.95 < size < module.SAMPLE * 1.05
    assert found[0] == (paths[0], "a line 0000000 of it")
    for path in paths:
        numbers = [int(line.split()[2]) for found_in, line in found if found_in == path and len(line) == 20]
        # Nowhere a hole of more than one step between two windows.
        assert max(np.diff([0, *numbers, 149_999])) < 15_000
        assert all(line.startswith(path.stem) for found_in, line in found if found_in == path and len(line) == 20)


def test_the_sample_of_a_small_text_is_all_of_it(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_bytes(b"\xef\xbb\xbfone\r\ntwo\n\xffthree")
    second.write_bytes("ארבע\n".encode())
    lines = [line for _, line in sampled_lines([whole(first), Piece(second, 2, 9)])]
    assert lines == ["one", "two", "three", "רבע", ""], "without a BOM, line ends, and what is no UTF-8"


def test_the_library_encodes_lines_of_bytes(tokenizer):
    vocabulary = Vocabulary(tokenizer)
    library = LibraryEncoder(vocabulary.tokenizer, vocabulary.table)
    raw = "שלום עולם\n\nabc".encode()
    starts, ends = np.array([0, 18, 19]), np.array([17, 18, 22])
    expected = FastBPE(tokenizer / "tokenizer.json", vocabulary.table).encode(padded(raw), starts, ends, 2)
    for ours, theirs in zip(library.encode(padded(raw), starts, ends, 2), expected, strict=True):
        assert ours.dtype == theirs.dtype and ours.tolist() == theirs.tolist()
