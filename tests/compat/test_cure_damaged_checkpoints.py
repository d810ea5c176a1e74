"""Damage is found wherever it is, and a run goes on from the newest checkpoint that is whole."""

import os
import random
import re
import shutil

import pytest
import torch

from fairseq_hebrew_compat import damaged_checkpoints
from tests.conftest import the_error


def flip(path, place: int, bit: int = 0) -> None:
    with open(path, "r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ (1 << bit)]))


def same(one, other) -> bool:
    if isinstance(one, dict):
        return isinstance(other, dict) and [*one] == [*other] and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return torch.equal(one, other) if torch.is_tensor(one) else one == other


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A checkpoint of a few kilobytes, so that much of it can be damaged in turn."""
    import fairseq.checkpoint_utils  # noqa: F401  (it is then that torch is told fairseq's classes)

    path = tmp_path_factory.mktemp("small") / "checkpoint_last.pt"
    model = {f"layer{i}": torch.randn(20, generator=torch.Generator().manual_seed(i)) for i in range(3)}
    torch.save({"model": model, "last_optimizer_state": {"step": 3}, "optimizer_history": [{"num_updates": 3}]}, path)
    return path


def test_a_flipped_bit_is_found_or_does_no_harm(small, tmp_path):
    whole, size = torch.load(small), small.stat().st_size
    chance = random.Random(1)
    places = sorted({*chance.sample(range(size), 500), *range(size - 150, size)})
    found = 0
    for place in places:
        path = shutil.copy(small, tmp_path / "a.pt")
        flip(path, place, chance.randrange(8))
        if damaged_checkpoints.what_is_wrong(str(path)) is not None:
            found += 1
        else:
            assert same(torch.load(path), whole), place
    assert found > len(places) // 5  # the rest is padding and dates


def test_a_record_that_has_become_a_folder_is_found(small, tmp_path):
    """Its contents would be what stood in memory: no checksum covers the attributes of a record."""
    data = small.read_bytes()
    entries = [found.start() for found in re.finditer(rb"PK\x01\x02", data)]
    assert len(entries) >= 5
    for entry in entries:
        path = tmp_path / "a.pt"
        path.write_bytes(data)
        flip(path, entry + 38, 4)
        assert damaged_checkpoints.what_is_wrong(str(path)) == "the checkpoint is damaged"


def test_what_is_wrong_elsewhere(small, tmp_path):
    assert damaged_checkpoints.what_is_wrong(str(small)) is None
    size = small.stat().st_size
    for kept in (0, 1, 4, 100, size // 2, size - 1):
        path = shutil.copy(small, tmp_path / "a.pt")
        os.truncate(path, kept)
        assert damaged_checkpoints.what_is_wrong(str(path)), kept
        assert damaged_checkpoints.updates_of(str(path)) is None
    (tmp_path / "zeros.pt").write_bytes(bytes(size))
    assert damaged_checkpoints.what_is_wrong(str(tmp_path / "zeros.pt")) == "not a checkpoint"
    old = tmp_path / "old.pt"
    torch.save(torch.load(small), old, _use_new_zipfile_serialization=False)
    assert damaged_checkpoints.what_is_wrong(str(old)) is None and damaged_checkpoints.updates_of(str(old)) == 3


@pytest.fixture
def folder(tmp_path):
    """Checkpoints whose age their names do not tell, and files that are none."""
    import fairseq.checkpoint_utils  # noqa: F401

    for name, updates in (("best", 2), ("1_9", 9), ("_none", 30), ("2_11", 11), ("7", 10), ("last", 12)):
        name = f"checkpoint{name}.pt" if name in ("7", "_none") else f"checkpoint_{name}.pt"
        state = {"model": {"a": torch.ones(9)}, "last_optimizer_state": {"a": 1}}
        torch.save({**state, "optimizer_history": [{"num_updates": updates}]}, tmp_path / name)
    weights = {"model": {}, "optimizer_history": [{"num_updates": 20}], "last_optimizer_state": None}
    torch.save(weights, tmp_path / "checkpoint_3_20.pt")
    return tmp_path


def choose(folder, name="checkpoint_last.pt"):
    path, problem = damaged_checkpoints.choose(str(folder / name), str(folder))
    return os.path.relpath(path, folder), problem


def test_the_newest_whole_one_is_chosen_by_its_updates(folder, caplog):
    assert choose(folder) == ("checkpoint_last.pt", "") and not caplog.records
    os.truncate(folder / "checkpoint_last.pt", 700)
    os.truncate(folder / "checkpoint_2_11.pt", 700)
    assert choose(folder) == ("checkpoint7.pt", "")
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"{folder}/checkpoint_last.pt: the checkpoint is truncated")
    assert line.endswith(f"; going on from {folder}/checkpoint7.pt (10 updates)")
    assert (folder / "checkpoint_last.pt.damaged").stat().st_size == 700
    assert damaged_checkpoints.updates_of(str(folder / "checkpoint_last.pt")) == 10, "it takes the damaged one's place"
    assert choose(folder) == ("checkpoint_last.pt", "")


def test_a_damaged_tensor_of_another_is_seen(folder, caplog):
    data = (folder / "checkpoint_2_11.pt").read_bytes()
    flip(folder / "checkpoint_2_11.pt", data.index(torch.ones(9).numpy().tobytes()) + 5)
    os.truncate(folder / "checkpoint_last.pt", 0)
    assert choose(folder)[0] == "checkpoint7.pt"
    assert "checkpoint_2_11.pt: the checkpoint is damaged (its record" in caplog.records[0].getMessage()


def test_no_other_is_taken_for_a_file_that_was_asked_for(folder):
    os.truncate(folder / "checkpoint_1_9.pt", 700)
    path, problem = choose(folder, "checkpoint_1_9.pt")
    assert path == "checkpoint_1_9.pt" and problem.endswith("; give another checkpoint, or copy this one again")
    assert choose(folder, "gone.pt") == ("gone.pt", "")


def test_training_goes_on_from_the_one_before(run, tmp_path, corpus, stock_arguments):
    more = ["--save-dir", tmp_path, "--save-interval-updates", 2, "--disable-validation"]
    assert run("fairseq-train", corpus, *stock_arguments, *more, "--max-update", 4, cwd=tmp_path).returncode == 0
    last = tmp_path / "checkpoint_last.pt"
    for path in (last, tmp_path / "checkpoint_1_4.pt"):
        flip(path, path.stat().st_size // 2)
    done = run("fairseq-train", corpus, *stock_arguments, *more, "--max-update", 5, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{last}: the checkpoint is damaged" in done.stdout
    assert f"going on from {tmp_path}/checkpoint_1_2.pt (2 updates)" in done.stdout
    assert f"Loaded checkpoint {tmp_path}/checkpoint_1_2.pt (epoch 1 @ 2 updates)" in done.stdout
    for path in tmp_path.glob("*.pt"):
        os.truncate(path, path.stat().st_size // 2)
    done = run("fairseq-train", corpus, *stock_arguments, *more, "--max-update", 5, cwd=tmp_path)
    assert ": the checkpoint is truncated" in the_error(done)
    assert f"and no other checkpoint in {tmp_path} is whole; give another" in the_error(done)
