"""Small sweeps for the tests: 32 of the demo's comments, and a configuration beside them."""

from pathlib import Path

import optuna
import yaml

from tests.conftest import ROOT

DESCRIPTION = ROOT / "demo" / "tasks" / "sentiment.yaml"


def data_folder(folder: Path, count: int = 32) -> Path:
    """The first training comments of the demo's sentiment as every split: a model that learns at all learns these."""
    folder.mkdir()
    text = (ROOT / "demo" / "corpus" / "sentiment" / "train.tsv").read_text(encoding="utf-8")
    for split in ("train", "dev", "test"):
        (folder / f"{split}.tsv").write_text("\n".join(text.split("\n")[: count + 1]) + "\n", encoding="utf-8")
    return folder


def configured(folder: Path, tokenizer: Path, **changes) -> Path:
    """A configuration of one tiny model in `folder`, with what is to be otherwise."""
    if not (folder / "data").exists():
        data_folder(folder / "data")
    values = {
        "name": "small",
        "description": str(DESCRIPTION),
        "data": "data",
        "tokenizer": str(tokenizer),
        "arch": "hallelubert_tiny",
        "grid": {"learning_rates": ["2e-3", 1e-6], "batch_sizes": [16], "seeds": [1, 2]},
        "epochs": 12,
        "patience": 12,
        "options": {"dropout": 0, "attention-dropout": 0, "head-dropout": 0},
        "device": "cpu",
        "output": str(folder / "out"),
        **changes,
    }
    path = folder / "sweep.yaml"
    path.write_text(yaml.safe_dump({k: v for k, v in values.items() if v is not None}, sort_keys=False))
    return path


def trials(output: Path, model: str = "hallelubert_tiny", name: str = "small"):
    """The trials that stand in a sweep's database, as Optuna tells them."""
    return optuna.load_study(study_name=f"{name}/{model}", storage=f"sqlite:///{output / 'sweep.db'}").trials
