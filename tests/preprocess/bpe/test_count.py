"""Counting a text: Hugging Face's words, the same file for any memory, workers, blocks and shards."""

import itertools

import pytest

from fairseq_hebrew.preprocess.bpe import lines, table, word_counts
from fairseq_hebrew.preprocess.bpe.count import count_part
from fairseq_hebrew.preprocess.bpe.sample import Sample
from fairseq_hebrew.preprocess.bpe.word_counts import merge_files
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.pretokenize import KINDS
from tests.preprocess.bpe.samples import counted, hostile, lines_of
from tests.preprocess.bpe.test_table import words_in


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_bytes(hostile(1).encode())
    return path


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("keep", [False, True])
def test_the_words_of_hugging_face(tmp_path, text, kind, keep):
    done = count_part(text, tmp_path / "counts", kind, keep)
    made = lines_of(text.read_bytes().decode(), keep)
    found = {word: count for _, word, count in words_in(tmp_path / "counts")}
    assert found == counted(made, kind)
    assert done == {"lines": len(made), "words": sum(found.values()), "distinct_words": len(found)}


def test_the_same_file_however_it_is_counted(tmp_path, text, monkeypatch):
    count_part(text, tmp_path / "reference")
    reference = (tmp_path / "reference").read_bytes()
    monkeypatch.setattr(table, "FEWEST_WORDS", 64)
    monkeypatch.setattr(table, "FEWEST_BYTES", 256)
    spilled = []
    monkeypatch.setattr(word_counts, "BLOCK_MEMORY", 1 << 19)
    for block, memory, workers in itertools.product((500, 1 << 16, 1 << 21), (0, 1, 100), (1, 3)):
        monkeypatch.setattr(lines, "BLOCK", block)
        real = table.WordTable._spill
        monkeypatch.setattr(table.WordTable, "_spill", lambda self, real=real: (spilled.append(1), real(self)))
        count_part(text, tmp_path / "counts", memory=memory, workers=workers)
        monkeypatch.setattr(table.WordTable, "_spill", real)
        assert (tmp_path / "counts").read_bytes() == reference
    assert len(spilled) > 100
    assert {path.name for path in tmp_path.iterdir()} == {"text.txt", "counts", "reference"}, "no scratch is left"


def test_shards_add_up_to_the_whole(tmp_path, text):
    """With a sample too: it depends on where a line stands in the whole text."""
    whole = text.read_bytes()
    sample = Sample(seed=5, below=1 << 62)
    count_part(text, tmp_path / "whole", sample=sample)
    rows = whole.splitlines(keepends=True)
    rows = [b"".join(rows[i : i + 500]) for i in range(0, len(rows), 500)]
    rows = [row for row in rows if row.endswith(b"\n")] + [row for row in rows if not row.endswith(b"\n")]
    assert b"".join(rows) == whole and len(rows) > 4
    first, files = 0, []
    for number, row in enumerate(rows):
        (tmp_path / f"{number}.txt").write_bytes(row)
        files.append(tmp_path / f"{number}.counts")
        count_part(tmp_path / f"{number}.txt", files[-1], sample=sample, first_byte=first)
        first += len(row)
    merge_files(files[::-1], tmp_path / "merged", tmp_path, 1 << 20, "gpt2")
    assert (tmp_path / "merged").read_bytes() == (tmp_path / "whole").read_bytes()


@pytest.mark.parametrize("workers", [1, 2])
def test_invalid_utf8_leaves_nothing(tmp_path, monkeypatch, workers):
    monkeypatch.setattr(lines, "BLOCK", 1000)
    path = tmp_path / "a.txt"
    path.write_bytes(b"abc def\n" * 1000 + b"\xff\n" + b"abc\n" * 1000)
    with pytest.raises(UserError, match=r"a\.txt:1001: invalid UTF-8 \(byte 0xff\)"):
        count_part(path, tmp_path / "counts", workers=workers)
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_text_of_blanks_has_no_words(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(" \n\n\u3000\r\n".encode())
    assert count_part(path, tmp_path / "counts") == {"lines": 0, "words": 0, "distinct_words": 0}
