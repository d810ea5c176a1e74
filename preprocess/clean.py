"""`clean`: normalize the lines of Hebrew text and drop what is no Hebrew text, with every reason counted."""

from __future__ import annotations

import dataclasses
import functools
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import expand, recorded, setting
from fairseq_hebrew.stage.output import Outputs, scratch_folder
from fairseq_hebrew.stage.parallel import ordered_map
from fairseq_hebrew.stage.progress import Progress
from fairseq_hebrew.text.normalize import Normalization, hebrew_share, is_mojibake, normalize_line, yiddish_share

from .documents import LAYOUT_HELP, LAYOUTS, Document, chunked, layout_of, read_documents
from .repeats import KeyCounter

# A repeated line longer than this is a quotation or a duplicated text, not the boilerplate of a site.
BOILERPLATE_CHARACTERS = 200
KEY_BYTES = 8


@dataclass
class Settings:
    input: list[Path] = setting(help="text files or glob patterns", changes_result=False)
    output: Path = setting(
        help="the cleaned text: a paragraph a line, a blank line after each document", changes_result=False
    )
    documents: str = setting("auto", LAYOUT_HELP, LAYOUTS)
    keep_niqqud: bool = setting(False, "keep vowel points and cantillation marks")
    normalize_punctuation: bool = setting(False, "Moses punctuation normalization of each line (sacremoses)")
    min_hebrew: float = setting(
        0.5, "drop documents with a smaller share of Hebrew letters among their letters", least=0
    )
    max_yiddish: float = setting(0.01, "drop documents with more signs of Yiddish spelling per Hebrew letter", least=0)
    min_characters: int = setting(20, "drop documents that are shorter after cleaning", least=0)
    boilerplate_repeats: int = setting(
        0,
        f"drop lines of up to {BOILERPLATE_CHARACTERS} characters that stand in more documents than this; 0: keep",
        least=0,
    )
    memory: int = setting(1000, "MB of memory for counting repeated lines", changes_result=False, least=1)
    workers: int = setting(1, "processes; the output is the same for any number", changes_result=False, least=1)


@dataclass
class Cleaned:
    """What a worker made of a chunk: the kept documents (lists of lines) and the reasons of what it dropped."""

    documents: list[list[str]]
    counts: Counter


def clean_document(text: str, settings: Settings) -> tuple[list[str], str | None, int]:
    """(lines kept, reason the document was dropped for or None, lines dropped as mojibake)."""
    rules = Normalization(points=not settings.keep_niqqud, punctuation=settings.normalize_punctuation)
    if yiddish_share(text) > settings.max_yiddish:
        return [], "yiddish", 0
    lines = text.split("\n")
    sound = [line for line in lines if not is_mojibake(line)]
    kept = [line for line in (normalize_line(line, rules) for line in sound) if line]
    broken = len(lines) - len(sound)
    joined = "\n".join(kept)
    if not kept:
        return [], "mojibake" if broken else "empty", broken
    if hebrew_share(joined) < settings.min_hebrew:
        return [], "not_hebrew", broken
    if len(joined) < settings.min_characters:
        return [], "short", broken
    return kept, None, broken


def _clean_chunk(numbered: tuple[int, list[Document]], settings: Settings) -> tuple[int, Cleaned]:
    number, chunk = numbered
    done = Cleaned([], Counter())
    for document in chunk:
        lines, reason, broken = clean_document(document.text.decode("utf-8").rstrip("\n"), settings)
        done.counts["documents_in"] += 1
        done.counts["lines_dropped_mojibake"] += broken
        if reason is not None:
            done.counts[f"dropped_{reason}"] += 1
        else:
            done.documents.append(lines)
    return number, done


def clean(settings: Settings, force: bool = False) -> dict:
    """Run the stage; the manifest. Raises UserError when nothing is left of a file."""
    inputs = expand(settings.input)

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        counts: Counter = Counter()
        with scratch_folder(settings.output) as scratch, outputs.open(settings.output) as file:
            repeats = None
            cleaned: Iterator[list[str]] = _cleaned(inputs, settings, counts)
            if settings.boilerplate_repeats:
                # Two passes: lines can be counted only when all were seen, and cleaning twice would cost more than
                # writing once to disk.
                repeats = _count_lines(cleaned, scratch, settings)
                cleaned = (
                    document.text.decode("utf-8").rstrip("\n").split("\n")
                    for document in read_documents(scratch / "cleaned.txt")
                )
            for lines in cleaned:
                if repeats is not None:
                    kept = [line for line in lines if not repeats.contains(_line_key(line))]
                    counts["lines_dropped_boilerplate"] += len(lines) - len(kept)
                    if not kept or len("\n".join(kept)) < settings.min_characters:
                        counts["dropped_boilerplate"] += 1
                        continue
                    lines = kept
                counts["documents_out"] += 1
                counts["lines_out"] += len(lines)
                file.write(("\n".join(lines) + "\n\n").encode("utf-8"))
        if not counts["documents_out"]:
            raise UserError(f"{inputs[0]}: every line is boilerplate; give a larger --boilerplate-repeats")
        return [settings.output], dict(counts)

    return run_stage("clean", settings.output, inputs, recorded(settings), work, force)


def _cleaned(inputs: list[Path], settings: Settings, counts: Counter) -> Iterator[list[str]]:
    # Workers are handed what they need and no more: paths do not matter to them.
    work = functools.partial(_clean_chunk, settings=dataclasses.replace(settings, input=[]))
    of_files = [Counter() for _ in inputs]
    with Progress("clean", sum(path.stat().st_size for path in inputs)) as progress:
        chunks = _numbered_chunks(inputs, settings.documents, progress)
        for number, cleaned in ordered_map(work, chunks, settings.workers):
            of_files[number] += cleaned.counts
            yield from cleaned.documents
    for path, of_file in zip(inputs, of_files):
        dropped = {key: n for key, n in of_file.items() if key.startswith("dropped_")}
        if sum(dropped.values()) == of_file["documents_in"]:
            reasons = ", ".join(f"{n} {key.removeprefix('dropped_')}" for key, n in sorted(dropped.items()))
            raise UserError(
                f"{path}: no document is left after cleaning ({reasons or 'no text at all'}); is it Hebrew text? "
                "Leave the file out, or lower --min-hebrew or --min-characters"
            )
        counts.update(of_file)


def _numbered_chunks(inputs: list[Path], layout: str, progress: Progress) -> Iterator[tuple[int, list[Document]]]:
    """Chunks of documents with the number of the file they come from."""
    for number, path in enumerate(inputs):
        for chunk in chunked(read_documents(path, layout_of(path, layout))):
            progress.add(sum(len(document.text) + 1 for document in chunk))
            yield number, chunk


def _line_key(line: str) -> bytes:
    return blake2b(line.encode("utf-8"), digest_size=KEY_BYTES).digest()


def _count_lines(cleaned: Iterator[list[str]], scratch: Path, settings: Settings) -> KeyCounter:
    """Write the cleaned documents to scratch and find the short lines that stand in too many of them."""
    counter = KeyCounter(scratch / "lines.keys", KEY_BYTES, settings.memory << 20)
    with open(scratch / "cleaned.txt", "wb") as file:
        for lines in cleaned:
            for line in {line for line in lines if len(line) <= BOILERPLATE_CHARACTERS}:
                counter.add(_line_key(line))
            file.write(("\n".join(lines) + "\n\n").encode("utf-8"))
    counter.find_repeated(settings.boilerplate_repeats)
    return counter


COMMAND = StageCommand("clean", "Normalize Hebrew text and drop what is no Hebrew text.", Settings, clean)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
