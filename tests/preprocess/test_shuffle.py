"""Shuffling: a uniform permutation that depends on the seed alone."""

import weakref
from collections import Counter
from itertools import pairwise

import pytest

from fairseq_hebrew.preprocess import shuffle as module
from fairseq_hebrew.preprocess.documents import read_documents
from fairseq_hebrew.preprocess.ordering import blocks
from fairseq_hebrew.preprocess.ordering.order import random_key
from fairseq_hebrew.preprocess.shuffle import Settings, gather_part, scatter_part, shuffle
from fairseq_hebrew.stage.errors import UserError


def texts(path):
    return [document.text for document in read_documents(path)]


def test_the_order_is_that_of_the_keys(tmp_path, documents, written):
    source = written(tmp_path / "a.txt", documents(300, seed=1))
    output = tmp_path / "out.txt"
    manifest = shuffle(Settings(input=[source], output=output, seed=7))
    before = texts(source)
    order = sorted(range(len(before)), key=lambda index: random_key(7, index))
    assert texts(output) == [before[index] for index in order]
    assert manifest["counts"]["documents"] == 300


@pytest.fixture
def small_memory(monkeypatch):
    """A megabyte of memory that few documents fill, and blocks of little text."""
    monkeypatch.setattr(module, "DOCUMENT_BYTES", 20_000)
    monkeypatch.setattr(blocks, "BLOCK", 2000)


@pytest.mark.parametrize("memory", [1, 2, 5])
def test_any_memory_gives_the_same_order(tmp_path, documents, written, small_memory, memory):
    source = written(tmp_path / "a.txt", documents(500, seed=2))
    one = shuffle(Settings(input=[source], output=tmp_path / "one.txt", memory=1000))
    many = shuffle(Settings(input=[source], output=tmp_path / "many.txt", memory=memory))
    assert one["counts"]["buckets"] == 1 < many["counts"]["buckets"]
    assert (tmp_path / "many.txt").read_bytes() == (tmp_path / "one.txt").read_bytes()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_no_bucket_takes_more_memory_than_there_is(tmp_path, documents, written, small_memory, monkeypatch):
    """Buckets that are too large are divided again, down to single documents."""
    source = written(tmp_path / "a.txt", documents(500, seed=2))
    shuffle(Settings(input=[source], output=tmp_path / "one.txt", memory=1000))
    held = []
    real = module._in_memory

    def in_memory(*arguments):
        if (made := real(*arguments)) is not None:
            held.append(len(made[0]))
        return made

    monkeypatch.setattr(module, "MOST_BUCKETS", 3)
    monkeypatch.setattr(module, "_in_memory", in_memory)
    for cost, most in ((1 << 18, 4), (1 << 20, 1)):
        held.clear()
        monkeypatch.setattr(module, "DOCUMENT_BYTES", cost)
        shuffle(Settings(input=[source], output=tmp_path / "many.txt", memory=1), force=True)
        assert sum(held) == 500 and max(held) <= most
        assert (tmp_path / "many.txt").read_bytes() == (tmp_path / "one.txt").read_bytes()


def test_a_corpus_that_does_not_fit_after_all_gives_its_memory_back(tmp_path, documents, written, monkeypatch):
    """Many short documents take more memory than their text: that is known when it is read."""
    source = written(tmp_path / "a.txt", documents(300, seed=2))
    shuffle(Settings(input=[source], output=tmp_path / "one.txt"))
    places, alive = [], []

    class Watched(module.Gathered):
        def __init__(self, room):
            super().__init__(room)
            places.append(weakref.ref(self))

    def scatter(*arguments):
        alive.extend(place for place in places if place() is not None)
        return scatter_part(*arguments)

    monkeypatch.setattr(module, "Gathered", Watched)
    monkeypatch.setattr(module, "scatter_part", scatter)
    monkeypatch.setattr(module, "DOCUMENT_BYTES", 1 << 13)
    made = shuffle(Settings(input=[source], output=tmp_path / "many.txt", memory=1))
    assert made["counts"]["buckets"] > 1 and places and not alive
    assert (tmp_path / "many.txt").read_bytes() == (tmp_path / "one.txt").read_bytes()


def test_equal_documents_and_strange_bytes_survive(tmp_path, written, small_memory):
    source = written(tmp_path / "a.txt", [["same", "same"]] * 50 + [["\x00\ufeff 😀"]] + [["א" * 5000]])
    shuffle(Settings(input=[source], output=tmp_path / "out.txt", memory=1))
    assert Counter(texts(tmp_path / "out.txt")) == Counter(texts(source))


def test_more_buckets_than_documents(tmp_path, written, small_memory, monkeypatch):
    monkeypatch.setattr(module, "_divisions", lambda size, memory: 90)
    monkeypatch.setattr(module, "DOCUMENT_BYTES", 1 << 20)
    source = written(tmp_path / "a.txt", [["one"], ["two"], ["three"]])
    assert shuffle(Settings(input=[source], output=tmp_path / "out.txt", memory=1))["counts"]["buckets"] == 90
    assert Counter(texts(tmp_path / "out.txt")) == Counter(texts(source))


def test_every_layout_and_files_without_a_last_line_end(tmp_path):
    """What is odd about the files is gone: the result is that of the same documents as the stages write them."""
    (tmp_path / "a.txt").write_bytes("\ufeffאחת\r\nשתיים\r\n \r\n\r\nשלוש".encode())
    (tmp_path / "b.txt").write_bytes("ארבע\n \t\nחמש\n\n\nשש".encode())
    (tmp_path / "c.txt").write_bytes("אחת\nשתיים\n\nשלוש\n\nארבע\n\nחמש\n\nשש\n\n".encode())
    odd = shuffle(Settings(input=[tmp_path / "a.txt", tmp_path / "b.txt"], output=tmp_path / "odd"))
    shuffle(Settings(input=[tmp_path / "c.txt"], output=tmp_path / "plain"))
    assert odd["counts"]["documents"] == 5
    assert (tmp_path / "odd").read_bytes() == (tmp_path / "plain").read_bytes()
    (tmp_path / "lines.txt").write_bytes("א\n\nב\nג".encode())
    shuffle(Settings(input=[tmp_path / "lines.txt"], output=tmp_path / "out", documents="lines"))
    assert sorted((tmp_path / "out").read_text(encoding="utf-8").split("\n\n")) == ["", "א", "ב", "ג"]


def test_nothing_to_shuffle(tmp_path, small_memory):
    for name in "ab":
        (tmp_path / name).write_bytes(b"\n \n" * 2000)
    for memory in (1, 1000):
        inputs = [tmp_path / "a", tmp_path / "b"]
        with pytest.raises(UserError, match="a: holds blank lines only"):
            shuffle(Settings(input=inputs, output=tmp_path / "o", documents="blank", memory=memory))
    # A part may have nothing to do.
    assert scatter_part([tmp_path / "a"], "blank", 0, 1, [tmp_path / "0", tmp_path / "1"]) == 0
    gather_part([tmp_path / "0"], tmp_path / "o", 0, 2, 1000)
    assert (tmp_path / "o").read_bytes() == b""


@pytest.mark.parametrize("shards, buckets", [(1, 1), (1, 4), (3, 1), (3, 4)])
def test_parts_of_any_number_make_the_same_text(tmp_path, documents, written, small_memory, shards, buckets):
    made = documents(200, seed=5)
    shuffle(Settings(input=[written(tmp_path / "a.txt", made)], output=tmp_path / "one.txt", seed=3))
    cuts = [0, 150, 151, 200] if shards == 3 else [0, 200]
    files = []
    for shard, (begin, end) in enumerate(pairwise(cuts)):
        text = written(tmp_path / f"shard{shard}.txt", made[begin:end])
        files.append([tmp_path / f"{shard}-{number}" for number in range(buckets)])
        assert scatter_part([text], "blank", begin, 3, files[-1]) == end - begin
    outputs = [tmp_path / f"gathered{number}" for number in range(buckets)]
    for number in reversed(range(buckets)):
        gather_part([part[number] for part in files], outputs[number], number, buckets, memory=1 << 20)
    whole = b"".join(output.read_bytes() for output in outputs)
    assert whole == (tmp_path / "one.txt").read_bytes()


def test_the_seed_changes_the_order(tmp_path, documents, written):
    source = written(tmp_path / "a.txt", documents(100, seed=3))
    made = set()
    for seed in range(5):
        shuffle(Settings(input=[source], output=tmp_path / "out.txt", seed=seed))
        made.add((tmp_path / "out.txt").read_bytes())
    assert len(made) == 5


def test_every_order_of_four_documents_is_as_likely():
    # The order of the keys is the order of the stage (first test): 24 permutations over 4,800 seeds.
    seen = Counter(tuple(sorted(range(4), key=lambda index: random_key(seed, index))) for seed in range(4800))
    assert len(seen) == 24
    assert sum((count - 200) ** 2 / 200 for count in seen.values()) < 53, "chi-square of 23 degrees, 1 in 2,500"


def test_every_document_lands_everywhere():
    places = [[0] * 20 for _ in range(20)]
    for seed in range(2000):
        for place, index in enumerate(sorted(range(20), key=lambda index: random_key(seed, index))):
            places[index][place] += 1
    statistic = sum((count - 100) ** 2 / 100 for row in places for count in row)
    assert statistic < 361 + 4 * (2 * 361) ** 0.5, "chi-square of 19 x 19 degrees"


def test_the_command(tmp_path, documents, written, command):
    source = written(tmp_path / "a.txt", documents(50, seed=4))
    done = command("shuffle", "--input", source, "--output", tmp_path / "out.txt", "--seed", "3")
    assert done.returncode == 0
    shuffle(Settings(input=[source], output=tmp_path / "same.txt", seed=3))
    assert (tmp_path / "out.txt").read_bytes() == (tmp_path / "same.txt").read_bytes()
