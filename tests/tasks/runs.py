"""Real runs of fairseq-train on a small corpus, with a task that writes down each loss and does harm where it is told.

The task, `recorded`, is the pretraining task in a plugin of its own; what it is to do stands in its --plant.
"""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent

PLUGIN = '''
"""The pretraining task, recorded: a line a batch, with its update, process, samples and exact loss."""
import json, math, os, signal
from dataclasses import dataclass, field

import fairseq_hebrew.models.hallelubert, fairseq_hebrew.models.neodictabert
from fairseq.tasks import register_task
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.masked_lm import HebrewMaskedLMConfig, HebrewMaskedLMTask


@dataclass
class RecordedConfig(HebrewMaskedLMConfig):
    record: str = field(default="", metadata={"help": "file of the records"})
    plant: str = field(default="{}", metadata={"help": "JSON: what to do at update.batch.process"})


@register_task("recorded", dataclass=RecordedConfig)
class RecordedTask(HebrewMaskedLMTask):
    last = None
    validated = 0

    def train_step(self, sample, model, criterion, optimizer, update_num, ignore_grad=False):
        update, rank = update_num + 1, int(os.environ.get("RANK", 0))
        if self.last is None:
            self.write([update, rank, "begins", ""])
        self.last = (update, self.last[1] + 1) if self.last and self.last[0] == update else (update, 0)
        plants = json.loads(self.cfg.plant)
        what = plants.get("{}.{}.{}".format(*self.last, rank)) or plants.get("{}.{}".format(*self.last))
        self.signal(what)
        loss_of = criterion
        if what in ("nan loss", "inf loss"):
            def loss_of(model, sample):
                loss, size, log = criterion(model, sample)
                return (loss * math.nan if what == "nan loss" else loss + math.inf), size, log
        if what == "error":
            raise UserError("planted; pull it out")
        hook = None
        if what == "nan gradient":
            hook = next(model.parameters()).register_hook(lambda gradient: gradient * math.nan)
        done = super().train_step(sample, model, loss_of, optimizer, update_num, ignore_grad)
        if hook is not None:
            hook.remove()
        self.write([update, rank, [] if ignore_grad else sample["id"].tolist(), float(done[0].detach()).hex()])
        return done

    def write(self, line):
        with open(self.cfg.record, "a") as file:
            file.write(json.dumps(line) + "\\n")

    def valid_step(self, sample, model, criterion):
        self.validated += 1
        self.signal(json.loads(self.cfg.plant).get("valid.{}".format(self.validated)))
        return super().valid_step(sample, model, criterion)

    @staticmethod
    def signal(what):
        if what in ("SIGKILL", "SIGTERM", "SIGUSR1"):
            os.kill(os.getpid(), getattr(signal, what))
        elif what == "SIGTERM to all":
            os.killpg(0, signal.SIGTERM)
        elif what == "SIGTERM to the launcher":
            os.kill(os.getppid(), signal.SIGTERM)
'''
WORDS = range(4, 30)


def binarized(folder: Path, lines: int, seed: int = 1) -> Path:
    """Binaries of as many lines, of 3 to 40 words, and of 12 lines to validate on."""
    folder.mkdir(parents=True)
    (folder / "dict.txt").write_text("".join(f"w{word} 1\n" for word in WORDS), encoding="utf-8")
    chance = random.Random(seed)
    for split, count in (("train", lines), ("valid", 12)):
        builder = MMapIndexedDatasetBuilder(str(folder / f"{split}.bin"), dtype=np.uint16)
        for _ in range(count):
            words = chance.choices(WORDS, [1 / (i + 1) for i in range(len(WORDS))], k=chance.randint(3, 40))
            builder.add_item(torch.tensor([*words, 2]))
        builder.finalize(str(folder / f"{split}.idx"))
    return folder


def plugin(folder: Path) -> Path:
    """The plugin of the recorded task, written to a folder."""
    (folder / "recorded_plugin").mkdir(parents=True)
    (folder / "recorded_plugin" / "__init__.py").write_text(PLUGIN, encoding="utf-8")
    return folder / "recorded_plugin"


def arguments(
    data: object, user_dir: Path, save: Path, *more: object, plant: dict | None = None, validate: bool = False
) -> list[str]:
    """A tiny model's training, of eight samples an update, recorded in `save`/records; dropout is 0.1."""
    plain = [
        data, "--user-dir", user_dir, "--task", "recorded", "--arch", "hallelubert_tiny", "--criterion",
        "hebrew_masked_lm", "--encoder-layers", 1, "--encoder-embed-dim", 64, "--encoder-ffn-embed-dim", 128,
        "--optimizer", "adam", "--adam-betas", "(0.9, 0.98)", "--clip-norm", 1.0, "--lr-scheduler", "polynomial_decay",
        "--lr", 5e-3, "--warmup-updates", 4, "--total-num-update", 60, "--sample-break-mode", "eos", "--batch-size", 4,
        "--tokens-per-sample", 64, "--required-batch-size-multiple", 1, "--update-freq", 2, "--cpu", "--save-dir", save,
        "--record", save / "records", "--plant", json.dumps(plant or {}), "--no-epoch-checkpoints",
        "--log-format", "json", "--log-interval", 1, "--num-workers", 0, *more,
    ]  # fmt: skip
    plain += [] if validate else ["--disable-validation"]
    save.mkdir(parents=True, exist_ok=True)
    return [str(argument) for argument in plain]


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1"}


def train(*given: object, processes: int = 1, **harm) -> subprocess.CompletedProcess:
    """fairseq-train, to its end; through torchrun where there are to be several processes."""
    command = [BIN / "fairseq-train", *arguments(*given, **harm)]
    if processes > 1:
        launch = ["--nproc-per-node", processes, "--master-port", random.randint(20000, 30000)]
        command = [BIN / "torchrun", *launch, *command, "--distributed-backend", "gloo"]
    command = [str(part) for part in command]
    # in a group of its own: a signal to all of it is no signal to the tests
    return subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=180, start_new_session=True,
    )  # fmt: skip


SEVERAL = """
import json, sys
from fairseq_cli.train import cli_main
for arguments in json.load(sys.stdin):
    sys.argv = ["fairseq-train", *arguments]
    cli_main()
"""


def train_in_turn(commands: list[list[str]]) -> None:
    """fairseq-train's own main function, for one command after the other in one process: most of a run is its start."""
    done = subprocess.run(
        [sys.executable, "-c", SEVERAL], cwd=ROOT, env=environment(), input=json.dumps(commands), capture_output=True,
        text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]


def records(save: Path) -> list[list]:
    """[update, process, ids, loss] of each batch of a run, of all its parts: what was done a second time counts."""
    kept = {}
    for line in [json.loads(line) for line in (save / "records").read_text(encoding="utf-8").splitlines()]:
        update, rank, ids, _ = line
        if ids == "begins":
            kept = {key: value for key, value in kept.items() if key[0] < update or key[1] != rank}
        else:
            kept.setdefault((update, rank), []).append(line)
    return [line for key in sorted(kept) for line in kept[key]]


def state_of(path: Path) -> dict:
    """What a checkpoint holds."""
    from fairseq.checkpoint_utils import load_checkpoint_to_cpu

    return load_checkpoint_to_cpu(str(path))


def same_state(one: dict, other: dict) -> bool:
    """Whether the weights, the optimizer and the place in the data of two checkpoints are the same to the last bit."""
    return all(
        _equal(first, second)
        for first, second in (
            (one["model"], other["model"]),
            (one["last_optimizer_state"], other["last_optimizer_state"]),
            (one["optimizer_history"][-1], other["optimizer_history"][-1]),
            (one["extra_state"]["train_iterator"], other["extra_state"]["train_iterator"]),
        )
    )


def _equal(one, other) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(_equal(*pair) for pair in zip(one, other))
    return torch.equal(one, other) if torch.is_tensor(one) else one == other
