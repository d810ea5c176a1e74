"""The parts of the stages as tasks call them, where a part needs a word more: numbers that other tasks found."""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.errors import UserError

from .. import mix, train_bpe
from ..binaries.chunks import whole
from ..binaries.part import binarize_part
from ..binaries.shards import Shard
from ..bpe.count import count_part
from ..bpe.learn import learn_part
from ..bpe.sample import Sample
from ..duplicates.filtering import filter_part
from ..ordering.blocks import nothing_in
from ..ordering.interleave import Run
from ..ordering.measure import measure_part
from ..ordering.selection import sizes_part
from ..shuffle import gather_part, scatter_part
from ..split import Choice, assign_part, choose_part

# Between the stages a blank line ends every document.
LAYOUT = "blank"


def keep_documents(text: Path, signatures: Path, kept: Path, output: Path) -> dict[str, int]:
    """`filter_part` over documents."""
    return {"documents_out": filter_part(text, signatures, kept, output)}


def filter_text(text: Path, signatures: Path, kept: Path, output: Path, count: Path) -> dict[str, int]:
    """`filter_part` over documents, their number in a file of its own."""
    counts = keep_documents(text, signatures, kept, output)
    count.write_text(f"{counts['documents_out']}\n")
    return counts


def filter_lines(text: Path, signatures: Path, kept: Path, output: Path, count: Path) -> dict[str, int]:
    """`filter_part` over lines, the number of documents in a file of its own."""
    filter_part(text, signatures, kept, output)
    with open(output, "rb") as file:
        documents = sum(line == b"\n" for line in file)
    count.write_text(f"{documents}\n")
    return {"documents_out": documents}


def place_texts(counts: Sequence[Path], firsts: Path) -> dict[str, int]:
    """The number of the first document of each text, a JSON list with their whole number at its end."""
    numbers = _running_total(counts)
    if not numbers[-1]:
        raise UserError("no document is left after clean and dedup; the counts of these phases say why")
    firsts.write_text(json.dumps(numbers))
    return {"documents": numbers[-1]}


def scatter_text(text: Path, firsts: Path, buckets: Sequence[Path], number: int, seed: int) -> dict[str, int]:
    """`scatter_part` of one text, the `number`-th."""
    if not text.stat().st_size:
        # All its documents stand elsewhere too.
        for bucket in buckets:
            bucket.touch()
        return {"documents": 0}
    first = json.loads(firsts.read_text())[number]
    return {"documents": scatter_part([text], LAYOUT, first, seed, buckets)}


def gather_text(
    buckets: Sequence[Path], output: Path, sizes: Path, number: int, of: int, memory: int
) -> dict[str, int]:
    """`gather_part` in `memory` MB, and the sizes of its documents."""
    gather_part(buckets, output, number, of, memory << 20)
    documents, written = sizes_part(output, LAYOUT, sizes)
    return {"documents": documents, "bytes": written}


def choose_documents(sizes: Sequence[Path], choice: Path, valid_bytes: int, test_bytes: int, seed: int) -> None:
    """`choose_part`, kept as JSON with the number of the first document of each text."""
    chosen = choose_part(sizes, valid_bytes, test_bytes, seed)
    firsts = [0]
    for path in sizes:
        firsts.append(firsts[-1] + path.stat().st_size // 8)
    choice.write_text(json.dumps({"choice": vars(chosen), "firsts": firsts}))


def assign_text(text: Path, choice: Path, size: Path, number: int, **splits: Path) -> dict[str, int]:
    """`assign_part` of one text, the `number`-th; the bytes for training in a file of its own."""
    chosen = json.loads(choice.read_text())
    with ExitStack() as stack:
        write = {name: stack.enter_context(open(path, "wb")).write for name, path in splits.items()}
        counts = assign_part(text, LAYOUT, chosen["firsts"][number], Choice(**chosen["choice"]), write)
    size.write_text(f"{counts['train_bytes']}\n")
    return counts


def weigh_corpora(
    texts: Sequence[Sequence[Path]],
    sizes: Sequence[Sequence[Path]],
    runs: Path,
    names: Sequence[str],
    settings: mix.Settings,
) -> dict[str, int]:
    """What is taken of each corpus (`mix.choose_part`), as JSON; its texts and their sizes stand in the same order."""
    measured = {}
    for name, files, measures in zip(names, texts, sizes):
        total = sum(int(np.fromfile(path, np.int64).sum()) for path in measures)
        if not total:
            raise nothing_in(files)
        measured[name] = mix.Measured(files, measures, total)
    chosen = mix.choose_part(measured, settings.weights, LAYOUT, settings.seed, settings.total, settings.repeat)
    kept = ("seed", "epochs", "bound", "total")
    runs.write_text(json.dumps({name: {key: getattr(run, key) for key in kept} for name, run in chosen.items()}))
    return {f"{name}_{settings.unit}": run.total for name, run in chosen.items()}


def mix_texts(
    texts: Sequence[Sequence[Path]],
    sizes: Sequence[Sequence[Path]],
    runs: Path,
    output: Path,
    size: Path,
    number: int,
    of: int,
) -> dict[str, int]:
    """`mix.mix_part`, its bytes in a file of their own."""
    chosen = json.loads(runs.read_text())
    whole = {
        name: Run(files, measures, LAYOUT, **run)
        for (name, run), files, measures in zip(chosen.items(), texts, sizes, strict=True)
    }
    taken = mix.mix_part(whole, number, of, output)
    size.write_text(f"{output.stat().st_size}\n")
    return {f"{name}_documents": documents for name, documents in taken.items()}


def measure_text(text: Path, output: Path, unit: str) -> dict[str, int]:
    """`measure_part` of a text between the stages."""
    return {unit: measure_part(text, LAYOUT, unit, None, output)[1]}


def join_splits(sizes: Sequence[Path], starts: Path, parts: Sequence[Sequence[Path]], joined: Sequence[Path]) -> None:
    """The texts of validation and test, each joined from its parts; where each training text starts in the whole.

    `starts`: a JSON list of bytes, those of the whole at its end. Raises UserError for a split, or a training text,
    that got no document.
    """
    numbers = _running_total(sizes)
    for before, after in itertools.pairwise(numbers):
        if before == after:
            few = "the corpus is too small: nothing is left for train; give more text or lower --valid-bytes"
            raise UserError(f"shards {len(sizes)}: too few documents for as many; give fewer" if numbers[-1] else few)
    starts.write_text(json.dumps(numbers))
    for texts, output in zip(parts, joined):
        with open(output, "wb") as file:
            for path in texts:
                with open(path, "rb") as text:
                    shutil.copyfileobj(text, file, 1 << 20)
            if not file.tell():
                raise UserError(
                    f"the corpus is too small: nothing is left for {output.stem}; give more text or lower "
                    "--valid-bytes and --test-bytes"
                )


def count_words(
    text: Path, starts: Path, counts: Path, number: int, settings: train_bpe.Settings, memory: int, workers: int
) -> dict[str, int]:
    """`count_part` of one training text, the `number`-th, with the sample of the whole."""
    numbers = json.loads(starts.read_text())
    sample = Sample.of(settings.seed, numbers[-1], settings.sample_megabytes * 1_000_000)
    return count_part(
        text, counts, settings.pre_tokenizer, settings.keep_line_ends, sample, numbers[number], memory, workers
    )


def learn_merges(sources: Sequence[Path], folder: Path, settings: train_bpe.Settings, memory: int) -> dict[str, int]:
    """`learn_part` from the word counts of all training texts."""
    return learn_part(
        sources,
        folder,
        settings.vocab_size,
        settings.pre_tokenizer,
        settings.min_frequency,
        settings.prune_below,
        memory,
        Path("the training text"),
    )


def learn_pieces(texts: Sequence[Path], folder: Path, settings: train_bpe.Settings, workers: int) -> dict:
    """A sentencepiece model, which is learned in one place."""
    return train_bpe.train_bpe(replace(settings, input=list(texts), output=folder, workers=workers))["counts"]


def binarize_text(
    text: Path, tokenizer: Path, tokens: Path, index: Path, limit: int, encoder: str, workers: int
) -> dict:
    """`binarize_part` of a text that ends with a blank line, as every text between the stages does."""
    return binarize_part(Shard((whole(text),)), tokenizer, None, (tokens, index), limit, workers, encoder)


def copy_dictionary(tokenizer: Path, copies: Sequence[Path]) -> None:
    for copy in copies:
        shutil.copyfile(tokenizer / "dict.txt", copy)


def _running_total(counts: Sequence[Path]) -> list[int]:
    numbers = [0]
    for path in counts:
        numbers.append(numbers[-1] + int(path.read_text()))
    return numbers
