#!/usr/bin/env python3
"""Builds the demo corpus: hand-written and generated documents, mixed and soiled.

Writes OUTPUT/raw.txt: UTF-8, a paragraph a line, a blank line after each document.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:
    # Run as a script, Python puts this file's folder on the path, not its parent.
    sys.path.insert(0, str(HERE.parent))

from demo.generator import generate, soil  # noqa: E402
from demo.generator.chance import Chance  # noqa: E402
from demo.generator.documents import count_words  # noqa: E402

HANDWRITTEN = HERE / "corpus" / "handwritten"
DEFAULT_WORDS = 65_000

Document = list[str]


class CorpusError(Exception):
    """Something wrong with a file; the message names it."""


def read_documents(path: Path) -> list[Document]:
    """The documents of a file: a paragraph a line, a blank line between documents."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path}: not UTF-8 at byte {error.start}") from error
    except OSError as error:
        raise CorpusError(f"{path}: {error.strerror or error}") from error
    documents: list[Document] = [[]]
    for line in text.split("\n"):
        line = line.strip()
        if line:
            documents[-1].append(line)
        elif documents[-1]:
            documents.append([])
    documents = [document for document in documents if document]
    if not documents:
        raise CorpusError(f"{path}: no text in it")
    return documents


def read_handwritten(folder: Path) -> list[Document]:
    """The documents of the folder's .txt files, in order of file name."""
    files = sorted(folder.glob("*.txt"), key=lambda path: path.name)
    return [document for path in files for document in read_documents(path)]


def write_documents(documents: list[Document], path: Path) -> None:
    """Writes the file under a temporary name and renames it into place."""
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=path.name, suffix=".part", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as out:
            for document in documents:
                out.write("\n".join(document) + "\n\n")
        # mkstemp makes the file private; the corpus is an ordinary file.
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except OSError as error:
        if temporary and os.path.exists(temporary):
            os.unlink(temporary)
        raise CorpusError(f"{path}: {error.strerror or error}") from error


def _repeats(documents: list[Document]) -> int:
    return len(documents) - len({tuple(document) for document in documents})


def build(output: Path, words: int, seed: int, clean: bool, handwritten: Path) -> str:
    """Builds the corpus and returns the line of counts to be printed."""
    documents = read_handwritten(handwritten)
    by_hand = sum(map(count_words, documents))
    made = list(generate(seed, words - by_hand)) if by_hand < words else []
    by_rule = sum(map(count_words, made))
    documents += made
    Chance(seed).shuffle(documents)
    planted = 0
    if not clean:
        repeats = _repeats(documents)
        documents = list(soil(documents, seed))
        planted = _repeats(documents) - repeats
    write_documents(documents, output / "raw.txt")
    return (
        f"hand-written words: {by_hand}, generated words: {by_rule}, "
        f"documents: {len(documents)}, duplicates planted: {planted}"
    )


def positive(text: str) -> int:
    """A command-line number above zero."""
    number = int(text)
    if number <= 0:
        raise argparse.ArgumentTypeError(f"must be above zero, not {number}")
    return number


def main(arguments: list[str] | None = None) -> int:
    """The command; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for raw.txt")
    parser.add_argument("--words", type=positive, default=DEFAULT_WORDS, help="words, at least")
    parser.add_argument("--seed", type=int, default=1, help="seed of all choices")
    parser.add_argument("--clean", action="store_true", help="add no dirt and no duplicates")
    parser.add_argument("--handwritten", type=Path, default=HANDWRITTEN, help="folder of hand-written documents")
    options = parser.parse_args(arguments)
    try:
        line = build(options.output, options.words, options.seed, options.clean, options.handwritten)
    except CorpusError as error:
        print(f"build_corpus: {error}", file=sys.stderr)
        return 1
    print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
