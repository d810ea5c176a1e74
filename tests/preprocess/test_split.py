"""Setting documents apart, against a plain sort by key."""

import random

import numpy as np
import pytest

from fairseq_hebrew.preprocess.documents import read_documents
from fairseq_hebrew.preprocess.ordering import blocks, selection
from fairseq_hebrew.preprocess.ordering.order import random_key
from fairseq_hebrew.preprocess.split import SPLITS, Settings, choose_part, split
from fairseq_hebrew.stage.errors import UserError


def reference(sizes, valid_bytes, test_bytes, seed):
    chosen, valid, test = {}, 0, 0
    for index in sorted(range(len(sizes)), key=lambda index: random_key(seed, index)):
        if valid < valid_bytes:
            chosen[index] = "valid"
            valid += sizes[index]
        elif test < test_bytes:
            chosen[index] = "test"
            test += sizes[index]
        else:
            break
    return chosen


def chosen(tmp_path, sizes, valid_bytes, test_bytes, seed):
    """The same from `choose_part`, with the sizes in two files."""
    half = len(sizes) // 3
    for name, part in (("one", sizes[:half]), ("two", sizes[half:])):
        np.array(part, np.int64).tofile(tmp_path / name)
    choice = choose_part([tmp_path / "one", tmp_path / "two"], valid_bytes, test_bytes, seed)
    places = [*choice.places(0, half).tolist(), *choice.places(half, len(sizes) - half).tolist()]
    return {index: SPLITS[place] for index, place in enumerate(places) if place}


def test_against_a_plain_sort(tmp_path):
    choice = random.Random(1)
    for seed in range(300):
        largest = choice.choice([1, 10, 1000])
        sizes = [choice.randint(1, largest) for _ in range(choice.randint(0, 60))]
        if choice.random() < 0.3 and sizes:
            sizes[choice.randrange(len(sizes))] = 5000
        wanted = choice.choice([0, 1, 30, 500]), choice.choice([0, 1, 30, 500]), seed
        assert chosen(tmp_path, sizes, *wanted) == reference(sizes, *wanted)


def test_a_document_larger_than_both_does_not_eat_the_test_set(tmp_path):
    for seed in range(20):
        assert sorted(chosen(tmp_path, [5000] * 10, 1000, 1000, seed).values()) == ["test", "valid"]


def test_files_and_blocks_change_nothing(tmp_path, documents, written, monkeypatch):
    made = documents(300, seed=9)
    whole = written(tmp_path / "whole.txt", made)
    files = [written(tmp_path / f"{n}.txt", made[i:j]) for n, (i, j) in enumerate([(0, 1), (1, 120), (120, 300)])]
    options = {"valid_bytes": 3000, "test_bytes": 2000}
    counts = split(Settings(input=[whole], output=tmp_path / "one", **options))["counts"]
    monkeypatch.setattr(blocks, "BLOCK", 700)
    monkeypatch.setattr(selection, "BLOCK", 7)
    monkeypatch.setattr(selection, "BINS", 3)
    assert split(Settings(input=files, output=tmp_path / "many", **options))["counts"] == counts
    for name in SPLITS:
        assert (tmp_path / "one" / f"{name}.txt").read_bytes() == (tmp_path / "many" / f"{name}.txt").read_bytes()


def test_splits_are_disjoint_exhaustive_in_order_and_large_enough(tmp_path, documents, written):
    made = [[f"{number} ", *lines] for number, lines in enumerate(documents(400, seed=1))]
    source = written(tmp_path / "a.txt", made)
    manifest = split(Settings(input=[source], output=tmp_path / "out", valid_bytes=3000, test_bytes=2000))
    parts = {name: [d.text for d in read_documents(tmp_path / "out" / f"{name}.txt")] for name in SPLITS}
    everything = [document.text for document in read_documents(source)]
    assert sorted(text for texts in parts.values() for text in texts) == sorted(everything)
    for texts in parts.values():
        places = [everything.index(text) for text in texts]
        assert places == sorted(places), "the order of the corpus is kept"
    for name, least in (("valid", 3000), ("test", 2000)):
        size = (tmp_path / "out" / f"{name}.txt").stat().st_size
        assert least <= size == manifest["counts"][f"{name}_bytes"] < least + 1000
        assert manifest["counts"][f"{name}_documents"] == len(parts[name])


def test_no_file_for_a_split_that_is_not_wanted(tmp_path, documents, written):
    source = written(tmp_path / "a.txt", documents(50, seed=1))
    split(Settings(input=[source], output=tmp_path / "out", valid_bytes=500))
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"train.txt", "valid.txt", "split.manifest.json"}
    split(Settings(input=[source], output=tmp_path / "all", valid_bytes=0))
    assert (tmp_path / "all" / "train.txt").read_bytes() == source.read_bytes()


def test_seeds(tmp_path, documents, written):
    source = written(tmp_path / "a.txt", documents(100, seed=1))
    made = []
    for seed in (1, 1, 2):
        split(Settings(input=[source], output=tmp_path / "out", valid_bytes=500, seed=seed), force=True)
        made.append((tmp_path / "out" / "valid.txt").read_bytes())
    assert made[0] == made[1] != made[2]


def test_a_small_corpus_is_a_clear_line(tmp_path, written):
    source = written(tmp_path / "a.txt", [["one"], ["two"]])
    for settings, missing in [
        (Settings(input=[source], output=tmp_path / "out"), "train"),
        (Settings(input=[source], output=tmp_path / "out", valid_bytes=4, test_bytes=20), "train"),
    ]:
        with pytest.raises(UserError, match=f"nothing is left for {missing}") as error:
            split(settings)
        assert "\n" not in str(error.value)
        assert not list((tmp_path / "out").iterdir())


def test_its_own_input_is_not_overwritten(tmp_path, documents, written):
    source = written(tmp_path / "train.txt", documents(50, seed=1))
    before = source.read_bytes()
    with pytest.raises(UserError, match="is also an input"):
        split(Settings(input=[source], output=tmp_path, valid_bytes=500))
    assert source.read_bytes() == before and [path.name for path in tmp_path.iterdir()] == ["train.txt"]
