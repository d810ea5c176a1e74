"""The text that is measured on: real Hebrew where it is at hand, else the demo's corpus; any amount of it."""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .measure import ROOT

REAL = ROOT.parent / "shared" / "data" / "text"
# Hebrew of many kinds; the English books and the Bible are left out.
NAMES = ("benyehuda_*", "wikipedia_*", "knesset_*", "laws", "architecture")


def sources() -> tuple[str, list[Path]]:
    """(what the text is, its files): real text, or the demo's corpus, made into a folder that is left to the system."""
    if REAL.exists():
        return "real Hebrew text", sorted(path for name in NAMES for path in REAL.glob(f"{name}.txt"))
    folder = Path(tempfile.mkdtemp(prefix="bench-text-"))
    builder = ROOT / "demo" / "build_corpus.py"
    subprocess.run([sys.executable, builder, "--output", folder, "--clean"], check=True, capture_output=True)
    return "the demo's synthetic corpus, repeated with noise", [folder / "raw.txt"]


def documents() -> Iterator[list[str]]:
    """Documents as lists of lines, file by file."""
    for path in sources()[1]:
        for block in path.read_text(encoding="utf-8").split("\n\n"):
            if lines := [line for line in block.split("\n") if line.strip()]:
                yield lines


def write(path: Path, megabytes: float, lines_only: bool = False) -> float:
    """Write about so many MB of documents; the MB written. More than there is is made up from its lines.

    The first round is the text itself, its documents in random order. Each further round deals all lines at random
    to new documents of the same lengths: the words are those of the text, no document is one that stood before.
    `lines_only` leaves out the blank lines between documents: the layout in which a line is a document.
    """
    made = list(documents())
    choice = random.Random(1)
    choice.shuffle(made)
    lengths = [len(lines) for lines in made]
    wanted, written = megabytes * 1e6, 0
    with open(path, "wb") as file:
        while True:
            for lines in made:
                text = ("\n".join(lines) + ("\n" if lines_only else "\n\n")).encode()
                file.write(text)
                written += len(text)
                if written >= wanted:
                    return written / 1e6
            lines = [line for lines in made for line in lines]
            choice.shuffle(lines)
            made, start = [], 0
            for length in lengths:
                made.append(lines[start : start + length])
                start += length
