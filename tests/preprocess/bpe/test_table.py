"""The table of word counts, against a Counter: whatever fits into it, however often hashes meet."""

import random
from collections import Counter

import numpy as np
import pytest

from fairseq_hebrew.preprocess.bpe import table as module
from fairseq_hebrew.preprocess.bpe.table import WHOLE, WordTable
from fairseq_hebrew.preprocess.bpe.word_counts import merge_files, read_words


def words_in(path):
    """(hash, word, count) of each word of a file."""
    found = []
    for part in read_words(path):
        ends = np.cumsum(part.lengths)
        words = [part.data[a:b].tobytes() for a, b in zip(ends - part.lengths, ends)]
        found += zip(part.hashes.tolist(), words, part.counts.tolist())
    return found


def random_words(seed):
    choice = random.Random(seed)
    # Bytes of zero at either end, words that begin alike, long ones among short ones.
    words = [bytes(choice.choices([0, 0, 1, 255], k=choice.randint(1, 18))) for _ in range(3000)]
    words += [bytes(size) for size in range(1, 40)]
    words += [b"x" * choice.randint(1, 2000) for _ in range(100)] + [b"y" * 5000]
    return choice.choices(words, k=8000)


# All hashes, four of them, one: equal hashes must not make words equal.
@pytest.mark.parametrize("mask", [WHOLE, np.uint64(3 << 32), np.uint64(0)])
@pytest.mark.parametrize("memory", [1, 100_000, 1 << 30])
def test_against_a_counter(tmp_path, monkeypatch, mask, memory):
    monkeypatch.setattr(module, "FEWEST_WORDS", 16)
    monkeypatch.setattr(module, "FEWEST_BYTES", 128)
    words = random_words(1)
    data = np.frombuffer(b"".join(words), dtype=np.uint8)
    ends = np.cumsum([len(word) for word in words], dtype=np.int64)
    starts = ends - np.array([len(word) for word in words])
    table = WordTable(tmp_path / "t-", "gpt2", memory, mask)
    for first in range(0, len(words), 700):
        table.add(data, starts[first : first + 700], ends[first : first + 700])
    files = table.spilled()
    assert (len(files) == 1) == (memory == 1 << 30)
    for path in files:
        found = words_in(path)
        assert found == sorted(found) and len({word for _, word, _ in found}) == len(found)
    if mask != WHOLE and memory != 1 << 30:
        assert len({hashed for hashed, _, _ in found}) <= 4
    merge_files(files, tmp_path / "all", tmp_path, 1, "gpt2")
    found = words_in(tmp_path / "all")
    assert {word: count for _, word, count in found} == Counter(words)
    assert found == sorted(found) and len(found) == len(set(words))


def test_an_empty_table_has_no_file(tmp_path):
    table = WordTable(tmp_path / "t-", "gpt2", 1 << 20)
    assert table.spilled() == [] and list(tmp_path.iterdir()) == []
