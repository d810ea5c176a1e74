"""`split`: set whole documents apart for validation and test, by seed, before a tokenizer sees anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import recorded, setting
from fairseq_hebrew.stage.output import Outputs, scratch_folder
from fairseq_hebrew.stage.progress import Progress

from .documents import LAYOUT_HELP, LAYOUTS
from .ordering.blocks import nothing_in, read_blocks, written
from .ordering.order import random_keys
from .ordering.selection import END, below, bound, keyed_sizes, sizes_part
from .text_files import text_files

SPLITS = ("train", "valid", "test")


@dataclass
class Settings:
    input: list[Path] = setting(help="text files or glob patterns", changes_result=False)
    output: Path = setting(help="folder for train.txt, valid.txt and test.txt", changes_result=False)
    documents: str = setting("auto", LAYOUT_HELP, LAYOUTS)
    valid_bytes: int = setting(4_000_000, "text to set apart for validation; the sister papers took 3 to 5 MB", least=0)
    test_bytes: int = setting(0, "text to set apart for test", least=0)
    seed: int = setting(1, "the same seed gives the same split")


@dataclass(frozen=True)
class Choice:
    """Who goes where: keys below `valid` are for validation, those from there on below `test` for test."""

    seed: int
    valid: int
    test: int

    def places(self, first: int, count: int) -> np.ndarray:
        """The number in SPLITS of the documents from `first` on: int64 (count,)."""
        keys = random_keys(self.seed, first, count)
        return np.where(below(keys, self.valid), 1, np.where(below(keys, self.test), 2, 0))


def choose_part(sizes: Sequence[Path], valid_bytes: int, test_bytes: int, seed: int) -> Choice:
    """Choose from the sizes of the documents of all texts, as `sizes_part` wrote them, in the order of the texts.

    In the order of their random keys, documents are taken for validation until it has at least its bytes, then for
    test: a random sample, which bounds of keys tell from the rest.
    """

    def first(low: int, wanted: int) -> int:
        return bound(lambda: keyed_sizes(sizes, seed), low, wanted)[0] if wanted and low < END else low

    valid = first(0, valid_bytes)
    return Choice(seed, valid, first(valid, test_bytes))


def assign_part(
    text: Path,
    layout: str,
    first: int,
    choice: Choice,
    write: Mapping[str, Callable[[memoryview], object]],
    progress: Progress | None = None,
) -> dict[str, int]:
    """Write each document of a text to its split, the order kept; counts of documents and bytes by split.

    `first` is the number of documents in the texts before this one. `write` has an entry for each split that may get
    a document.
    """
    counts = {f"{name}_{unit}": 0 for name in write for unit in ("documents", "bytes")}
    for block in read_blocks(text, layout):
        places = choice.places(first, len(block))
        first += len(block)
        for name in write:
            chosen = np.flatnonzero(places == SPLITS.index(name))
            for piece in written(block, chosen):
                write[name](piece)
                counts[f"{name}_bytes"] += len(piece)
            counts[f"{name}_documents"] += len(chosen)
        if progress is not None:
            progress.add(int(block.written.sum()))
    return counts


def split(settings: Settings, force: bool = False) -> dict:
    """Run the stage; the manifest. Raises UserError when the corpus is too small for what is set apart."""
    inputs = text_files(settings.input)
    used = [name for name in SPLITS if name == "train" or getattr(settings, f"{name}_bytes")]

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        total = sum(path.stat().st_size for path in inputs)
        finals = {name: settings.output / f"{name}.txt" for name in used}
        with ExitStack() as stack:
            scratch = stack.enter_context(scratch_folder(settings.output / "split"))
            files = {name: stack.enter_context(outputs.open(final)) for name, final in finals.items()}
            progress = stack.enter_context(Progress("split", 2 * total))
            sizes = [scratch / f"sizes{number}" for number in range(len(inputs))]
            firsts = [0]
            for path, part in zip(inputs, sizes):
                documents, text = sizes_part(path, settings.documents, part)
                firsts.append(firsts[-1] + documents)
                progress.add(text)
            if not firsts[-1]:
                raise nothing_in(inputs)
            choice = choose_part(sizes, settings.valid_bytes, settings.test_bytes, settings.seed)
            write = {name: file.write for name, file in files.items()}
            counts = {f"{name}_{unit}": 0 for name in used for unit in ("documents", "bytes")}
            for path, first in zip(inputs, firsts):
                for key, value in assign_part(path, settings.documents, first, choice, write, progress).items():
                    counts[key] += value
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
