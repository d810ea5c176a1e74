"""The published runs' scripts on XLA, made small: `--smoke --device tpu`."""

import math

import pytest
import torch

from fairseq_hebrew.monitor.text_log import read_log
from tests.train_scripts.conftest import make_corpora, script

UPDATES = 6


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_corpora(tmp_path_factory.mktemp("corpora")) / "hebrew"


@pytest.mark.parametrize("name, devices", [("hallelubert_base", 2), ("neodictabert_phase1", 1)])
def test_smoke(name, devices, data, tmp_path):
    arguments = ["--smoke", "--device", "tpu", "--updates", UPDATES, "--save-dir", tmp_path]
    where = {"PJRT_DEVICE": "CPU", "CPU_NUM_DEVICES": str(devices)}
    done = script(name, data, *arguments, timeout=900, **where)
    assert done.returncode == 0, done.stderr[-3000:]
    logged = read_log(tmp_path / "train.log")["train"]
    assert int(logged[-1]["num_updates"]) == UPDATES and math.isfinite(float(logged[-1]["loss"]))
    last = torch.load(tmp_path / "checkpoint_last.pt", weights_only=False)
    assert last["optimizer_history"][-1]["num_updates"] == UPDATES
    cfg = last["cfg"]
    assert cfg["common"]["tpu"] and cfg["task"]["fixed_shapes"]
    assert cfg["dataset"]["batch_size"] == 2 * devices  # 2 rows a device
    assert cfg["optimization"]["update_freq"] == [4]  # 8 a device


def test_a_device_that_is_not_there(data, tmp_path):
    done = script("hallelubert_base", data, "--smoke", "--device", "tpu", "--save-dir", tmp_path, PJRT_DEVICE="CUDA")
    assert done.returncode == 1 and not list(tmp_path.iterdir())
    assert "error: no XLA device answers here: " in done.stderr and "Traceback" not in done.stderr
