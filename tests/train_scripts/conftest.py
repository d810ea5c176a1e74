"""Binaries for the scripts: Hebrew and English with one dictionary, short documents and some of over 2,048 tokens."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
HEBREW = "שלום עולם הילדה קראה ספר ישן בגינה ליד הבית הגדול כאשר ירד גשם חזק אתמול בערב והרוח נשבה מן הים"
ENGLISH = "the old house by the sea stood empty while rain fell on its garden and nobody came to read the book"


def script(name: str, *arguments: object, timeout: int = 300, **variables: str) -> subprocess.CompletedProcess:
    """Run a train script as a user would, with this environment's commands; nothing is raised for a failure."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    return subprocess.run(
        ["bash", ROOT / "train_scripts" / f"{name}.sh", *map(str, arguments)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
    )


def documents(words: str, lengths: list[int], seed: int) -> str:
    """Documents of so many words, in lines of some ten words that end with a period."""
    random = np.random.default_rng(seed)
    found = []
    for length in lengths:
        chosen = random.choice(words.split(), length)
        lines = [" ".join(chosen[at : at + 10]) + "." for at in range(0, length, 10)]
        found.append("\n".join(lines))
    return "\n\n".join(found) + "\n\n"


@pytest.fixture(scope="session")
def corpora(tmp_path_factory) -> Path:
    return make_corpora(tmp_path_factory.mktemp("corpora"))


def make_corpora(folder: Path) -> Path:
    """Fill a folder with `hebrew` and `english`, each with dict.txt, train and valid."""
    from fairseq_hebrew.preprocess.binarize import Settings as Binaries
    from fairseq_hebrew.preprocess.binarize import binarize
    from fairseq_hebrew.preprocess.train_bpe import Settings, train_bpe

    lengths = [30, 200, 900, 1500, 2600, 3000, 5000, 60, 400]
    for name, words, seed in (("hebrew", HEBREW, 1), ("english", ENGLISH, 2)):
        (folder / f"{name}.train.txt").write_text(documents(words, lengths, seed), encoding="utf-8")
        (folder / f"{name}.valid.txt").write_text(documents(words, [50, 700, 2500], seed + 2), encoding="utf-8")
    texts = [folder / f"{name}.train.txt" for name in ("hebrew", "english")]
    tokenizer = folder / "tokenizer"
    train_bpe(Settings(input=texts, output=tokenizer, vocab_size=400))
    for name in ("hebrew", "english"):
        for split in ("train", "valid"):
            text = [folder / f"{name}.{split}.txt"]
            binarize(Binaries(input=text, tokenizer=tokenizer, output=folder / name, split=split))
    return folder
