"""`split`: set whole documents apart for validation and test, by seed, before a tokenizer sees anything."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import expand, recorded, setting
from fairseq_hebrew.stage.output import Outputs
from fairseq_hebrew.stage.progress import Progress

from .dedup import all_documents
from .documents import LAYOUT_HELP, LAYOUTS
from .order import random_key

SPLITS = ("train", "valid", "test")


@dataclass
class Settings:
    input: list[Path] = setting(help="text files or glob patterns", changes_result=False)
    output: Path = setting(help="folder for train.txt, valid.txt and test.txt", changes_result=False)
    documents: str = setting("auto", LAYOUT_HELP, LAYOUTS)
    valid_bytes: int = setting(4_000_000, "text to set apart for validation; the sister papers took 3 to 5 MB", least=0)
    test_bytes: int = setting(0, "text to set apart for test", least=0)
    seed: int = setting(1, "the same seed gives the same split")


def choose(sizes: list[int] | object, valid_bytes: int, test_bytes: int, seed: int) -> dict[int, str]:
    """The split of each document set apart, by its index, from an iterable of document sizes in bytes.

    In the order of their random keys, documents are taken for validation until it has at least its bytes, then for
    test: a random sample that needs memory for what it sets apart only.
    """
    wanted = valid_bytes + test_bytes
    largest = 0
    taken: list[tuple[int, int, int]] = []  # a heap with the largest key on top: (-key, index, size)
    held = 0
    for index, size in enumerate(sizes):
        if wanted == 0:
            break
        key = random_key(seed, index)
        # The last document of validation may take it past its bytes by its own size: test must still get its share.
        largest = max(largest, size)
        needed = wanted + largest if valid_bytes and test_bytes else wanted
        if held < needed or key < -taken[0][0]:
            heapq.heappush(taken, (-key, index, size))
            held += size
            while held - taken[0][2] >= needed:
                held -= heapq.heappop(taken)[2]
    chosen: dict[int, str] = {}
    missing = {"valid": valid_bytes, "test": test_bytes}
    for _, index, size in sorted(taken, reverse=True):
        name = next((name for name in missing if missing[name] > 0), None)
        if name is None:
            break
        chosen[index] = name
        missing[name] -= size
    return chosen


def split(settings: Settings, force: bool = False) -> dict:
    """Run the stage; the manifest. Raises UserError when the corpus is too small for what is set apart."""
    inputs = expand(settings.input)

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        total = sum(path.stat().st_size for path in inputs)
        with Progress("split", 2 * total) as progress:
            sizes = (len(document.text) + 1 for document in all_documents(inputs, settings.documents, progress))
            chosen = choose(sizes, settings.valid_bytes, settings.test_bytes, settings.seed)
            used = [name for name in SPLITS if name == "train" or getattr(settings, f"{name}_bytes")]
            finals = {name: settings.output / f"{name}.txt" for name in used}
            counts = {f"{name}_{unit}": 0 for name in used for unit in ("documents", "bytes")}
            files = {name: open(outputs.path(final), "wb") for name, final in finals.items()}  # noqa: SIM115
            try:
                for index, document in enumerate(all_documents(inputs, settings.documents, progress)):
                    name = chosen.get(index, "train")
                    files[name].write(document.text + b"\n")
                    counts[f"{name}_documents"] += 1
                    counts[f"{name}_bytes"] += len(document.text) + 1
            finally:
                for file in files.values():
                    file.close()
        for name in used:
            if not counts[f"{name}_documents"]:
                raise UserError(
                    f"{inputs[0]}: the corpus of {total:,} bytes"
                    f" is too small: nothing is left for {name}; give more text or lower --valid-bytes and --test-bytes"
                )
        return list(finals.values()), counts

    return run_stage("split", settings.output / "split", inputs, recorded(settings), work, force)


COMMAND = StageCommand("split", "Set documents apart for validation and test.", Settings, split)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
