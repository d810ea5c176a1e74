"""Raw text to fairseq's .bin and .idx, against the two usual ways: is it quicker, and is it the same to the byte?"""

from __future__ import annotations

import filecmp
import sys
from collections.abc import Iterator
from pathlib import Path

from . import measure
from .measure import Comparison, Measured

# Goals of the project: how many times faster than each.
PEERS = {
    "huggingface": ("the published pipeline's steps (HF tokenizers in processes, fairseq-preprocess)", 40),
    "fairseq": ("fairseq's own path (its GPT-2 BPE encoder in processes, fairseq-preprocess)", 40),
}


def compare(text: Path, megabytes: float, folder: Path, tokenizer: Path, workers: int) -> Iterator[Comparison]:
    data = folder / "binaries"
    options = ["--input", text, "--tokenizer", tokenizer, "--output", data, "--workers", workers]
    ours = measure.best(lambda: measure.run(measure.stage("binarize", *options)), 3)
    for kind, (peer, goal) in PEERS.items():
        ids, binaries = folder / f"{kind}.ids", folder / f"{kind}.binaries"
        encode = measure.python("benchmarks.peers.encode_lines", kind, tokenizer, text, ids, workers)
        preprocess = [
            *(Path(sys.executable).parent / "fairseq-preprocess", "--only-source", "--srcdict", tokenizer / "dict.txt"),
            *("--trainpref", ids, "--destdir", binaries, "--workers", 1),
        ]
        steps = [measure.run(encode), measure.run(preprocess)]
        theirs = Measured(sum(step.seconds for step in steps), max(step.peak for step in steps))
        for ending in ("bin", "idx"):
            if not filecmp.cmp(data / f"train.{ending}", binaries / f"train.{ending}", shallow=False):
                raise AssertionError(f"train.{ending} differs from that of {peer}")
        yield Comparison("text to .bin/.idx, same bytes", peer, megabytes, ours, theirs, goal)
