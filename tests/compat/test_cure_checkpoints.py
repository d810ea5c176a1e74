"""Checkpoints: all of fairseq's own load with weights_only on, whatever else is given ends in one clear line."""

import argparse
import io
import os
import pickle
import shutil
import zipfile

import numpy
import pytest
import torch

from fairseq_hebrew_compat import CheckpointRefused, CheckpointUnreadable, checkpoints

REMEDY = "give another checkpoint, or copy this one again"


class Code:
    """What a file could run if it were unpickled without care: it leaves a folder behind."""

    def __init__(self, place):
        self.place = str(place)

    def __reduce__(self):
        return os.mkdir, (self.place,)


class Own:
    """A class of somebody's, unknown to fairseq."""


@pytest.fixture(scope="module")
def load():
    from fairseq.checkpoint_utils import load_checkpoint_to_cpu

    return load_checkpoint_to_cpu


def saved(state, path, **options):
    torch.save(state, path, **options)
    return str(path)


def test_a_checkpoint_of_today_loads(load, trained):
    assert isinstance(load(str(trained))["cfg"]["model"], argparse.Namespace)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_checkpoint_with_args_loads(load, state, tmp_path, zipped):
    old = {**state, "args": state["cfg"]["model"]}
    del old["cfg"]
    path = saved(old, tmp_path / "old.pt", _use_new_zipfile_serialization=zipped)
    assert load(path, {"data": "elsewhere"})["cfg"].task.data == "elsewhere"


def test_a_checkpoint_with_omegaconf_nodes_loads(load, trained, tmp_path):
    path = saved(load(str(trained)), tmp_path / "nodes.pt")
    assert b"omegaconf.dictconfig" in zipfile.ZipFile(path).read("nodes/data.pkl")
    assert load(path)["cfg"].optimization.max_update == 3


def test_numbers_of_numpy_and_old_meters_load(load, state, tmp_path):
    from fairseq.logging.meters import AverageMeter

    numbers = {"best": numpy.float64(2.5), "n": numpy.int64(3), "array": numpy.arange(3), "flag": numpy.bool_(True)}
    extra = {**state["extra_state"], **numbers, "train_meters": {"loss": AverageMeter()}}
    read = load(saved({**state, "extra_state": extra}, tmp_path / "numbers.pt"))["extra_state"]
    assert read["best"] == 2.5 and read["n"] == 3 and read["array"].tolist() == [0, 1, 2] and read["flag"]
    known = {name for _, name in checkpoints.safe_globals()}
    assert {"numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "fairseq.meters.AverageMeter"} <= known


def test_what_is_allowed_holds_no_function_but_numpys_makers():
    functions = [name for value, name in checkpoints.safe_globals() if callable(value) and not isinstance(value, type)]
    assert {name.rpartition(".")[2] for name in functions} <= {"scalar", "_reconstruct", "Any"}


def test_ranks_can_send_each_other_a_checkpoint(load, trained):
    from fairseq.distributed.utils import _split_tensors_from_obj

    buffer = io.BytesIO()
    torch.save(_split_tensors_from_obj(load(str(trained)), []), buffer)
    buffer.seek(0)
    assert torch.load(buffer, map_location="cpu")["extra_state"]


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_code_is_refused_and_not_run(load, state, tmp_path, zipped):
    harm = tmp_path / "harm"
    path = saved({**state, "extra_state": Code(harm)}, tmp_path / "evil.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(CheckpointRefused) as caught:
        load(path)
    assert not harm.exists(), "weights_only must stay on"
    line = str(caught.value)
    assert line.startswith(f"{path}: refused for safety: it holds {os.mkdir.__module__}.mkdir, ") and "\n" not in line
    assert f"({os.path.getsize(path):,} bytes); give a checkpoint from a source you trust" in line
    torch.load(path, weights_only=False)
    assert harm.exists(), "the file would have run its code"


def test_a_class_of_ones_own_is_refused_until_it_is_allowed(load, state, tmp_path):
    path = saved({**state, "mine": Own()}, tmp_path / "own.pt")
    with pytest.raises(CheckpointRefused, match=r"\.Own, which .* torch\.serialization\.add_safe_globals"):
        load(path)
    with torch.serialization.safe_globals([Own]):
        assert isinstance(load(path)["mine"], Own)


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
@pytest.mark.parametrize("part", [0.0001, 0.001, 0.01, 0.05, 0.1, 0.3, 0.5, 0.9, 0.99999])
def test_a_truncated_checkpoint_is_named(load, state, tmp_path, zipped, part):
    path = saved(state, tmp_path / "cut.pt", _use_new_zipfile_serialization=zipped)
    os.truncate(path, int(os.path.getsize(path) * part))
    with pytest.raises(CheckpointUnreadable) as caught:
        load(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: the checkpoint is truncated") and "\n" not in line
    assert line.endswith(f"({os.path.getsize(path):,} bytes); {REMEDY}")
    assert caught.value.clear_line is True


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_other_files_are_named(load, tmp_path):
    zeros, text, empty, plain = (tmp_path / name for name in ("zeros.pt", "page.html", "empty.pt", "plain.pkl"))
    zeros.write_bytes(bytes(1000))
    text.write_text("<html>404: not found</html>")
    empty.touch()
    plain.write_bytes(pickle.dumps({"model": 1}))
    expected = {zeros: "not a checkpoint", text: "not a checkpoint", plain: "not a checkpoint"}
    for path, problem in {**expected, empty: "the file is empty, no checkpoint"}.items():
        with pytest.raises(CheckpointUnreadable) as caught:
            load(str(path))
        assert str(caught.value) == f"{path}: {problem} ({path.stat().st_size:,} bytes); {REMEDY}"


def test_files_of_torchs_that_are_no_checkpoint_are_named(load, tmp_path):
    with pytest.raises(CheckpointUnreadable, match="it holds a dict of 1 keys and no 'model'"):
        load(saved({"weight": torch.ones(2)}, tmp_path / "weights.bin"))
    with pytest.raises(CheckpointUnreadable, match="it holds a Tensor and"):
        load(saved(torch.ones(2), tmp_path / "tensor.pt"))


def test_failures_that_are_not_the_files_stay_what_they_are(load, trained, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError):
        load(str(tmp_path / "missing.pt"))
    path = shutil.copy(trained, tmp_path / "whole.pt")

    def no_memory(*arguments, **options):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(torch, "load", no_memory)
    with pytest.raises(RuntimeError, match="allocate"):
        load(str(path))


def test_a_failure_after_reading_is_fairseqs_own(load, state, tmp_path):
    broken = {**state, "optimizer_history": [{}], "extra_state": None}
    with pytest.raises(Exception) as caught:
        load(saved(broken, tmp_path / "broken.pt"))
    assert not hasattr(caught.value, "clear_line")
