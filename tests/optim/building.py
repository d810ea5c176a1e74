"""fairseq's own ways to a schedule or an optimizer: its command line, its registries, and a short run of training."""

import json
import re
from pathlib import Path

import numpy as np
import torch
from fairseq import optim, options
from fairseq.data.indexed_dataset import MMapIndexedDatasetBuilder
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.optim import FairseqOptimizer
from fairseq.optim.lr_scheduler import build_lr_scheduler

import fairseq_hebrew.optim  # noqa: F401
from tests.conftest import run


def parsed(*arguments):
    """The config that fairseq-train makes of these arguments."""
    parser = options.get_training_parser(default_task="masked_lm")
    given = ["data", "--criterion", "masked_lm", "--arch", "roberta_base", *map(str, arguments)]
    return convert_namespace_to_omegaconf(options.parse_args_and_arch(parser, given))


def optimizer(params, *arguments) -> FairseqOptimizer:
    """`--optimizer NAME ...` of these parameters."""
    return optim.build_optimizer(parsed(*arguments).optimizer, list(params))


def schedule(*arguments):
    """`--lr-scheduler NAME ...` over a parameter of its own."""
    cfg = parsed("--optimizer", "adamw", *arguments)
    holder = optim.build_optimizer(cfg.optimizer, [torch.nn.Parameter(torch.zeros(2, 2))])
    made = build_lr_scheduler(cfg.lr_scheduler, holder)
    made.step_update(0)  # as the trainer does
    return made


def curve(made, updates: int) -> list[float]:
    """The learning rates after 0, 1, ... `updates` updates, as the optimizer has them."""
    rates = []
    for update in range(updates + 1):
        made.step_update(update)
        rates.append(made.optimizer.get_lr())
    return rates


def binaries(folder: Path) -> Path:
    """A folder of binaries for `fairseq_train`: 80 samples of 12 tokens, `<s>` and `</s>` included."""
    (folder / "dict.txt").write_text("".join(f"{i} 1\n" for i in range(40)), encoding="utf-8")
    rng = np.random.default_rng(1)
    for split, lines in (("train", 80), ("valid", 2)):
        builder = MMapIndexedDatasetBuilder(str(folder / f"{split}.bin"), dtype=np.uint16)
        for _ in range(lines):
            builder.add_item(torch.tensor([*rng.integers(4, 44, 10), 2]))
        builder.finalize(str(folder / f"{split}.idx"))
    return folder


def fairseq_train(data, save, *more, launch=("fairseq-train",)):
    """Train a model of one layer on `binaries`, two samples a micro-batch, and log every update."""
    return run(
        *launch, data, "--user-dir", "fairseq_hebrew", "--task", "hebrew_masked_lm", "--cpu",
        "--arch", "hallelubert_tiny", "--encoder-layers", 1, "--encoder-embed-dim", 64,
        "--criterion", "hebrew_masked_lm", "--sample-break-mode", "eos", "--tokens-per-sample", 12,
        "--batch-size", 2, "--required-batch-size-multiple", 1, "--num-workers", 0, "--disable-validation",
        "--save-dir", save, "--no-epoch-checkpoints", "--log-format", "json", "--log-interval", 1, *more,
    )  # fmt: skip


def rows(done) -> list[dict]:
    """The log of each update of a run."""
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(row) for row in re.findall(r"\| train_inner \| (\{.*\})", done.stdout + done.stderr)]
