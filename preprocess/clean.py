"""`clean`: normalize the lines of text and drop what is not worth training on, with every reason counted."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Any

import numpy as np

from fairseq_hebrew.stage.address import Address, expand_addresses, local_paths
from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import recorded
from fairseq_hebrew.stage.output import Outputs, scratch_folder
from fairseq_hebrew.stage.parallel import ordered_map
from fairseq_hebrew.stage.progress import Progress

from .cleaning.removed import Removed
from .cleaning.settings import Settings
from .documents import Document, read_documents
from .readers import Source, open_documents
from .readers.source import QUOTED

# The count that is no number: the first broken records of the inputs, as they were told.
QUOTATIONS = "records_broken_quoted"


def source_of(address: Address, settings: Settings, progress: Progress | None = None) -> Source:
    """One input and how it is read."""
    return Source(
        address,
        documents=settings.documents,
        format=settings.format,
        text_field=settings.text_field,
        header=settings.header,
        max_broken=settings.max_broken,
        workers=settings.workers,
        progress=progress.add if progress is not None else None,
    )


def removed_path(output: Path) -> Path:
    """Where the examples of what was removed stand: beside the output, `NAME.removed.jsonl`."""
    return output.with_name(f"{output.stem}.removed.jsonl")


def clean_part(
    source: Address | Path, text: Path, removed: Path, settings: Settings, keys: Path | None = None
) -> dict[str, Any]:
    """Clean one input into the files `text` and `removed` (examples); the counts. Raises UserError if nothing is left.

    `keys`: where the hashes of its short lines go, with `settings.boilerplate_repeats`, for `repeated_lines_part`.
    `settings.input` and `settings.output` are not looked at.
    """
    examples = Removed(settings.examples)
    with Outputs(local_paths([source])) as outputs:
        with outputs.open(text) as file, outputs.open(keys) if keys else nullcontext() as key_file:
            counts = _clean_into(Address(source), file, settings, examples, keys=key_file)
        examples.write(outputs, removed)
    return counts


def drop_lines_part(
    text: Path, repeated: Path, output: Path, removed: Path, name: str, settings: Settings
) -> dict[str, int]:
    """Write a text without the short lines in `repeated` (hashes, see cleaning.boilerplate); the counts.

    `name`: the file name of the input the text was made of, for the examples.
    """
    examples = Removed(settings.examples)
    with Outputs([text, repeated]) as outputs:
        with outputs.open(output) as file:
            counts = _drop_into(text, repeated, file, name, settings, examples)
        examples.write(outputs, removed)
    return counts


def total(cleaned: Sequence[dict[str, Any]], dropped: Sequence[dict[str, int]] = ()) -> dict[str, Any]:
    """The counts of the stage from those of its parts: of `clean_part`, and of `drop_lines_part` if that was run."""
    counts: Counter = Counter()
    quoted: list[str] = []
    for part in cleaned:
        counts.update({key: number for key, number in part.items() if key != QUOTATIONS})
        quoted += part.get(QUOTATIONS, [])
    if dropped:
        counts["documents_out"] = counts["lines_out"] = 0
    for part in dropped:
        counts.update(part)
    always = ("documents_in", "documents_out", "lines_out")
    numbers = {key: number for key, number in counts.items() if number or key in always}
    return {**numbers, QUOTATIONS: quoted[:QUOTED]} if quoted else numbers


def clean(settings: Settings, force: bool = False) -> dict:
    """Run the stage; the manifest. Raises UserError when nothing is left of a file."""
    inputs = expand_addresses(settings.input)
    examples_path = removed_path(settings.output)

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        removed = Removed(settings.examples)
        size = sum(address.size() or 0 for address in inputs)
        with outputs.open(settings.output) as file:
            if settings.boilerplate_repeats:
                with scratch_folder(settings.output) as scratch:
                    counts = _clean_twice(inputs, file, scratch, settings, removed, size)
            else:
                with Progress("clean", size) as progress:
                    counts = total([_clean_into(path, file, settings, removed, progress) for path in inputs])
        if not counts["documents_out"]:
            raise UserError(f"{inputs[0]}: every line is boilerplate; give a larger --boilerplate-repeats")
        if not settings.examples:
            examples_path.unlink(missing_ok=True)
            return [settings.output], counts
        removed.write(outputs, examples_path)
        return [settings.output, examples_path], counts

    return run_stage("clean", settings.output, inputs, recorded(settings), work, force)


def _clean_twice(
    inputs: Sequence[Address], file: IO[bytes], scratch: Path, settings: Settings, removed: Removed, size: int
) -> dict[str, int]:
    """Clean to scratch with the hashes of its lines, then copy what does not repeat.

    Lines can be counted only when all were seen, and cleaning twice would cost more than writing once to disk.
    """
    from .cleaning.boilerplate import repeated_lines_part

    texts = [scratch / f"{number}.txt" for number in range(len(inputs))]
    keys = [scratch / f"{number}.keys" for number in range(len(inputs))]
    cleaned, dropped = [], []
    with Progress("clean", size) as progress:
        for source, text, counted in zip(inputs, texts, keys):
            with open(text, "wb") as made, open(counted, "wb") as key_file:
                cleaned.append(_clean_into(source, made, settings, removed, progress, key_file))
    repeated = scratch / "repeated"
    repeated_lines_part(keys, repeated, settings.boilerplate_repeats, settings.memory)
    with Progress("clean: repeated lines", sum(text.stat().st_size for text in texts)) as progress:
        for source, text in zip(inputs, texts):
            dropped.append(_drop_into(text, repeated, file, source.name, settings, removed, progress))
            text.unlink()
    return total(cleaned, dropped)


def _clean_into(
    source: Address,
    file: IO[bytes],
    settings: Settings,
    removed: Removed,
    progress: Progress | None = None,
    keys: IO[bytes] | None = None,
) -> dict[str, Any]:
    from .cleaning.batches import batches_of, clean_batch

    work = functools.partial(clean_batch, file=source.name, settings=settings, removed=removed)
    read = source_of(source, settings, progress)
    counts: dict[str, Any] = _write(work, batches_of(open_documents(read)), file, settings, removed, keys)
    counts.update(records_empty=read.counts.empty, records_broken=read.counts.broken)
    if read.counts.quoted:
        counts[QUOTATIONS] = read.counts.quoted
    if not counts["documents_out"]:
        dropped = [(key.removeprefix("dropped_"), n) for key, n in sorted(counts.items()) if n]
        reasons = ", ".join(f"{n} {reason}" for reason, n in dropped if f"dropped_{reason}" in counts)
        language = "text" if settings.language == "any" else f"{settings.language.capitalize()} text"
        raise UserError(
            f"{source}: no document is left after cleaning ({reasons or 'no text at all'}); is it {language}? "
            "Leave the file out, or change the limits (fairseq-hebrew clean --help)"
        )
    return counts


def _drop_into(
    text: Path,
    repeated: Path,
    file: IO[bytes],
    name: str,
    settings: Settings,
    removed: Removed,
    progress: Progress | None = None,
) -> dict[str, int]:
    from .cleaning.batches import batches_of
    from .cleaning.boilerplate import drop_lines

    keys = np.fromfile(repeated, dtype=np.uint64)
    work = functools.partial(drop_lines, repeated=keys, file=name, settings=settings, removed=removed)
    return _write(work, batches_of(read_documents(text), progress), file, settings, removed)


def _write(
    work: Callable,
    batches: Iterator[list[Document]],
    file: IO[bytes],
    settings: Settings,
    removed: Removed,
    keys: IO[bytes] | None = None,
) -> dict[str, int]:
    counts: Counter = Counter(documents_in=0, documents_out=0, lines_out=0)
    for done in ordered_map(work, batches, settings.workers, threads=True):
        file.write(done.text.data)
        if keys is not None:
            keys.write(done.keys.data)
        removed.add(done.examples)
        counts.update(done.counts)
    return dict(counts)


COMMAND = StageCommand("clean", "Normalize text and drop what is not worth training on.", Settings, clean)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
