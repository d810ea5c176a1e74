"""Learning a byte-level BPE, against Hugging Face's trainer: is it quicker, and are the merges the same?"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from . import measure
from .measure import Comparison

GOAL = 3.5


def compare(text: Path, megabytes: float, folder: Path, size: int, workers: int) -> Iterator[Comparison]:
    """Leaves the tokenizer in `folder`/tokenizer."""
    tokenizer, peers = folder / "tokenizer", folder / "huggingface.json"
    options = ["--input", text, "--output", tokenizer, "--vocab-size", size, "--workers", workers]
    ours = measure.best(lambda: measure.run(measure.stage("train-bpe", *options)), 2)
    theirs = measure.run(measure.python("benchmarks.peers.huggingface_bpe", text, peers, size))
    learned = [json.loads(path.read_text(encoding="utf-8"))["model"] for path in (tokenizer / "tokenizer.json", peers)]
    if learned[0] != learned[1]:
        raise AssertionError("the merges differ from Hugging Face's")
    work = f"BPE of {size:,} entries, same merges (ours writes dict.txt too)"
    yield Comparison(work, "Hugging Face tokenizers", megabytes, ours, theirs, GOAL)
