"""Real commands on small inputs: trainings of 2 updates, and their exports."""

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
    read["model"] = state | {"heads.labels.out.weight": torch.randn(2, width), "heads.labels.out.bias": torch.randn(2)}
    read["cfg"]["task"] = {"_name": "question_answering", "data": str(tokenizer), "tokenizer_dir": str(tokenizer)}
    torch.save(read, path)
    return path
