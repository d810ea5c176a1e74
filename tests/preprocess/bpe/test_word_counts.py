"""Files of word counts: the same words give the same file, counts have 64 bits, damage is noticed."""

import random

import numpy as np
import pytest

from fairseq_hebrew.preprocess.bpe import word_counts as module
from fairseq_hebrew.preprocess.bpe.word_counts import Part, in_order, merge_files, read_totals, read_words, write_words
from fairseq_hebrew.stage.errors import UserError


def part_of(items):
    """Words with counts, their hashes made of little, in the order of files."""
    words = [word for word, _ in items]
    hashes = np.array([sum(word) * 977 % 23 for word in words], dtype=np.uint64)
    counts, lengths = np.array([n for _, n in items], np.int64), np.array([len(word) for word in words], np.int64)
    return in_order(Part(hashes, counts, lengths, np.frombuffer(b"".join(words), dtype=np.uint8).copy()))


def random_items(seed, words=400):
    choice = random.Random(seed)
    return [
        (bytes(choice.choices([0, 7, 255], k=choice.randint(1, 6))), choice.randint(1, 1 << 40)) for _ in range(words)
    ]


@pytest.fixture
def small_blocks(monkeypatch):
    monkeypatch.setattr(module, "BLOCK_WORDS", 10)
    monkeypatch.setattr(module, "BLOCK_BYTES", 30)
    monkeypatch.setattr(module, "BLOCK_MEMORY", 1)


def test_the_same_file_however_the_words_were_divided(tmp_path, small_blocks):
    items = random_items(1)
    whole = tmp_path / "whole"
    totals = write_words(whole, [part_of(items)], "gpt2")
    assert totals == read_totals(whole) and totals.occurrences == sum(n for _, n in items) > 1 << 40
    assert totals.words == len({word for word, _ in items}) and totals.bytes == sum(map(len, {w for w, _ in items}))
    blocks = list(read_words(whole))
    assert len(blocks) > 10 and all(len(block) <= 10 for block in blocks)
    for files, memory in ((1, 99), (2, 99), (7, 99), (30, 99), (30, 2), (30, 5)):
        scratch = tmp_path / f"{files}-{memory}"
        scratch.mkdir()
        paths = [tmp_path / f"{files}-{memory}-{i}" for i in range(files)]
        for i, path in enumerate(paths):
            write_words(path, [part_of(items[i::files])], "gpt2")
        merged = tmp_path / "merged"
        assert merge_files(paths, merged, scratch, memory, "gpt2") == totals
        assert merged.read_bytes() == whole.read_bytes()
        assert all(path.exists() for path in paths), "only what it made itself is removed"


def test_empty_files_among_others(tmp_path, small_blocks):
    items = random_items(2, 50)
    write_words(tmp_path / "empty", [], "hebrew")
    write_words(tmp_path / "some", [part_of(items)], "hebrew")
    assert list(read_words(tmp_path / "empty")) == []
    paths = [tmp_path / name for name in ("empty", "some", "empty")]
    merge_files(paths, tmp_path / "merged", tmp_path, 100, "hebrew")
    assert (tmp_path / "merged").read_bytes() == (tmp_path / "some").read_bytes()
    assert merge_files([], tmp_path / "none", tmp_path, 100, "hebrew").words == 0
    assert merge_files(paths[:1], tmp_path / "none", tmp_path, 100, "hebrew").words == 0


def test_counts_add_up_past_32_bits(tmp_path):
    for i in range(5):
        write_words(tmp_path / f"{i}", [part_of([("שלום".encode(), 3_000_000_000), (b"x", i + 1)])], "gpt2")
    merge_files([tmp_path / f"{i}" for i in range(5)], tmp_path / "all", tmp_path, 1 << 20, "gpt2")
    (part,) = read_words(tmp_path / "all")
    assert sorted(part.counts.tolist()) == [15, 15_000_000_000]


def test_files_that_do_not_belong_together(tmp_path):
    for kind in ("gpt2", "hebrew"):
        write_words(tmp_path / kind, [part_of([(b"a", 1)])], kind)
    with pytest.raises(UserError, match="hebrew: counted with the pre-tokenizer hebrew, not gpt2; count"):
        merge_files([tmp_path / "gpt2", tmp_path / "hebrew"], tmp_path / "all", tmp_path, 1 << 20, "gpt2")
    assert not (tmp_path / "all").exists()


def test_damage_is_noticed(tmp_path, small_blocks):
    path = tmp_path / "counts"
    write_words(path, [part_of(random_items(3, 60))], "gpt2")
    whole = path.read_bytes()
    for cut in range(0, len(whole), 11):
        path.write_bytes(whole[:cut])
        with pytest.raises(UserError, match=r"counts: .*; count the text again"):
            list(read_words(path))
    for wrong in (b"text", whole.replace(b"WORDS", b"WORKS"), whole[:48] + b"\xff" * 16 + whole[64:]):
        path.write_bytes(wrong)
        with pytest.raises(UserError, match=r"counts: .*; count the text again"):
            list(read_words(path))
