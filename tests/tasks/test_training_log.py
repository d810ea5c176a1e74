"""What a training run tells: in fairseq's JSON log, in TensorBoard's event files and to Weights & Biases."""

import json
import os
import socket
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fairseq_hebrew.eval.training_log import read_log
from tests.tasks.test_masked_lm import binarized, train

NAMES = {"loss", "ppl", "masked_accuracy", "gnorm", "wps", "tokens_per_second", "padding_share", "masked_share"}
OF_TRAINING = {"wps", "gnorm", "tokens_per_second", "padding_share", "masked_share"}

# Stands for the package: writes down what it is given.
WANDB = """
import json, os
class config:
    update = staticmethod(lambda told: None)
def init(**of): pass
def log(told, step):
    with open(os.environ["WANDB_TOLD"], "a") as file:
        print(json.dumps([step, told]), file=file)
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Lines of 3 and of 4 tokens: with `<s>` and `</s>`, and padded to 8, 5/8 and 6/8 of a batch."""
    return binarized(tmp_path_factory.mktemp("data"))


def run(data: Path, save: Path, *more, updates: int = 6) -> dict[str, list[dict]]:
    """The records of a run of 2 updates an epoch, each told."""
    save.mkdir(exist_ok=True)
    log = save / "train.log"
    done = train(data, save, "--sample-break-mode", "eos", "--log-file", log, *more, updates=updates)
    assert done.returncode == 0, done.stderr[-2000:]
    return read_log(log)


@pytest.fixture(scope="module")
def told(data, tmp_path_factory):
    """(records of the log, folder of TensorBoard's, file of Weights & Biases')"""
    folder = tmp_path_factory.mktemp("told")
    (folder / "wandb.py").write_text(WANDB)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("PYTHONPATH", os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]))
        environment.setenv("WANDB_TOLD", str(folder / "wandb.log"))
        wanted = ("--tensorboard-logdir", folder / "tensorboard", "--wandb-project", "tiny")
        return run(data, folder / "save", *wanted), folder / "tensorboard", folder / "wandb.log"


def test_the_log_names_everything(told):
    """The gradient norm too, which nothing clips; no MFU on a CPU; of an epoch's first batch, no time is known yet."""
    for number, record in enumerate(told[0]["train"]):
        assert record.keys() >= NAMES - ({"tokens_per_second"} if number % 2 == 0 else set()) and "mfu" not in record
    assert told[0]["valid"][0].keys() >= {"loss", "ppl", "masked_accuracy"}
    assert not any(name.startswith("share_") for name in told[0]["train"][0])


def test_validation_tells_nothing_of_training(told):
    assert not (OF_TRAINING - {"wps"}) & told[0]["valid"][0].keys()


def test_padding_is_what_the_batches_have(told):
    """Full batches of one length each."""
    for record in told[0]["train"]:
        assert record["padding_share"] == {40: 37.5, 48: 25}[record["wpb"]]
        assert 0 < record["masked_share"] <= 100 * 8 / 40  # at most ceil(15 %) = 1 a row


def test_a_run_that_goes_on_averages_the_whole_epoch(data, tmp_path):
    run(data, tmp_path, updates=1)
    log = (tmp_path / "train.log").read_text() if run(data, tmp_path, updates=2) else ""
    (whole,) = [json.loads(line) for line in log.splitlines() if '"train_loss"' in line][-1:]
    assert float(whole["train_padding_share"]) == 31.25  # 1 - (40 + 48) / 128


def test_weights_and_biases_is_told(told):
    lines = [json.loads(line) for line in told[2].read_text().splitlines()]
    assert {f"train_inner/{name}" for name in NAMES} <= {name for _, values in lines for name in values}
    assert {f"valid/{name}" for name in ("loss", "ppl")} <= {name for _, values in lines for name in values}


def test_tensorboard_is_told(told):
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2", reason="tensorboardX is not installed")
    found = {}
    for path in told[1].rglob("events.*"):
        data, at = path.read_bytes(), 0
        while at < len(data):  # length, its checksum, the event, its checksum
            (length,) = struct.unpack_from("<Q", data, at)
            event = event_pb2.Event.FromString(data[at + 12 : at + 12 + length])
            at += 12 + length + 4
            for value in event.summary.value:
                found.setdefault((path.parent.name, value.tag), {})[event.step] = value.simple_value
    assert {name for part, name in found if part == "train_inner"} >= NAMES
    assert {name for part, name in found if part == "valid"} >= {"loss", "ppl", "masked_accuracy"}
    shares = found["train_inner", "padding_share"]
    assert shares == {int(r["num_updates"]): r["padding_share"] for r in told[0]["train"]}


def test_processes_are_summed(data, tmp_path):
    """Two processes tell what one with twice the update-freq tells."""
    options = ("--batch-size", 4, "--dropout", 0, "--attention-dropout", 0)
    alone = run(data, tmp_path / "one", *options, "--update-freq", 2, updates=4)["train"]
    log = tmp_path / "two.log"
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    options += ("--sample-break-mode", "eos", "--no-save")
    options += ("--distributed-world-size", 2, "--distributed-backend", "gloo", "--ddp-backend", "legacy_ddp")

    def process(rank: int) -> subprocess.CompletedProcess:
        told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": 2, "MASTER_ADDR": "localhost", "MASTER_PORT": port}
        more = ("--log-file", log) if rank == 0 else ()
        return train(data, tmp_path / "two", *options, *more, updates=4, environment=told)

    with ThreadPoolExecutor(2) as both:
        for done in both.map(process, (0, 1)):
            assert done.returncode == 0, done.stderr[-2000:]
    together = read_log(log)["train"]
    for name in ("num_updates", "wpb", "padding_share", "masked_share", "masked_accuracy"):
        assert [record[name] for record in together] == [record[name] for record in alone], name
    assert [r["loss"] for r in together] == pytest.approx([r["loss"] for r in alone], abs=2e-3)
    assert together[1]["tokens_per_second"] > 0
