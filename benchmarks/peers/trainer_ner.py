"""transformers' Trainer on token classification, as its own example trains it: padded to each batch's longest sample.

Usage: python -m benchmarks.peers.trainer_ner MODEL SAMPLES.jsonl --epochs 1 --batch-size 32 --lr 3e-4 --sampling random
MODEL is a folder that `fairseq-hebrew export-hf` wrote, SAMPLES have `{"input_ids": [...], "labels": [...]}` a line.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path

from torch.utils.data import Dataset
from transformers import (
    AutoModelForTokenClassification,
    AutoTokenizer,
    DataCollatorForTokenClassification,
    Trainer,
    TrainingArguments,
)

# What Trainer calls sampling at random, and batches of like lengths.
SAMPLING = {"random": "random", "by length": "group_by_length"}


class Samples(Dataset):
    """Lists of ids and labels in memory."""

    def __init__(self, path: Path) -> None:
        self.rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> dict:
        return self.rows[index]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("model", type=Path)
    options.add_argument("samples", type=Path)
    options.add_argument("--epochs", type=int, required=True)
    options.add_argument("--batch-size", type=int, required=True)
    options.add_argument("--lr", type=float, required=True)
    options.add_argument("--sampling", choices=SAMPLING, default="random")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        settings = TrainingArguments(
            output_dir=folder,
            num_train_epochs=asked.epochs,
            per_device_train_batch_size=asked.batch_size,
            learning_rate=asked.lr,
            weight_decay=0.01,
            train_sampling_strategy=SAMPLING[asked.sampling],
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            seed=1,
        )
        trainer = Trainer(
            model=AutoModelForTokenClassification.from_pretrained(asked.model),
            args=settings,
            train_dataset=Samples(asked.samples),
            data_collator=DataCollatorForTokenClassification(AutoTokenizer.from_pretrained(asked.model)),
        )
        done = trainer.train()
    print(json.dumps({"loss": done.training_loss, "updates": done.global_step}))


if __name__ == "__main__":
    main()
