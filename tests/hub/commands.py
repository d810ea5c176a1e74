"""Real commands on small inputs: trainings of 2 updates, and their exports."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import torch

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "demo" / "corpus"
KINDS = ("pretrained", "tags", "texts")

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when transformers is imported: nothing here may ask a hub


def command(name: str, *arguments, **environment) -> subprocess.CompletedProcess:
    return subprocess.run(
        [Path(sys.executable).parent / name, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
        capture_output=True,
        text=True,
        timeout=120,
    )


def run(name: str, *arguments) -> None:
    done = command(name, *arguments)
    assert done.returncode == 0, done.stderr[-2000:]


def train(data, save_dir, task, *options, arch="hallelubert_tiny") -> Path:
    run(
        "fairseq-train", data, "--user-dir", "fairseq_hebrew", "--task", task, "--arch", arch,
        "--max-positions", 64, "--optimizer", "adam", "--lr", 0.001, "--max-update", 2, "--batch-size", 4,
        "--save-dir", save_dir, "--disable-validation", "--log-format", "none", "--cpu", *options,
    )  # fmt: skip
    return save_dir / "checkpoint_last.pt"


def stir(path: Path) -> None:
    """Add noise to every tensor of a checkpoint: near their start, weights hide a mistake in where they belong."""
    import fairseq.checkpoint_utils  # noqa: F401 (with it torch's safe loader learns what is in a checkpoint)

    read = torch.load(path)
    torch.manual_seed(0)
    for tensor in read["model"].values():
        tensor += 0.1 * torch.randn_like(tensor)
    torch.save(read, path)


def questions(pretrained: Path, path: Path, tokenizer: Path) -> Path:
    """A checkpoint with a head for the ends of answers on the encoder of a pretrained one."""
    import fairseq.checkpoint_utils  # noqa: F401 (as above)

    read = torch.load(pretrained)
    state = {name: tensor for name, tensor in read["model"].items() if not name.startswith("lm_head.")}
    width = state["encoder.embed_tokens.weight"].size(1)
    torch.manual_seed(1)
    read["model"] = state | {
        "heads.labels.out.weight": 0.2 * torch.randn(2, width),
        "heads.labels.out.bias": torch.ones(2),
    }
    read["cfg"]["task"] = {"_name": "question_answering", "data": str(tokenizer), "tokenizer_dir": str(tokenizer)}
    torch.save(read, path)
    return path


def loaded(path: Path):
    """The model of a checkpoint in evaluation mode, as fairseq loads it; for questions, whose task fairseq cannot set
    up from a folder without data, the same by hand."""
    from fairseq import checkpoint_utils, utils

    from fairseq_hebrew.hub.checkpoint import QUESTIONS, read_checkpoint
    from fairseq_hebrew.models.hallelubert import HalleluBertModel

    utils.import_user_module(argparse.Namespace(user_dir=str(ROOT / "fairseq_hebrew")))
    read = read_checkpoint(path)
    if read.task == QUESTIONS:
        model = HalleluBertModel(read.config)
        model.register_head("labels", 2, "span")
        model.load_state_dict(read.state)
    else:
        (model,), _, _ = checkpoint_utils.load_model_ensemble_and_task([str(path)])
    return model.eval()
