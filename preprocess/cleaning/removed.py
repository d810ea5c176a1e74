"""Examples of what was changed and removed, for a person to look at: a fixed number a reason, chosen by hash.

Which examples are kept depends on the names of the input files and the places in them alone: not on workers, not on
how the work was divided. The file is JSON lines: reason, file, the line its document begins on, the paragraph in the
document (0: the whole of it), the text before and after (null: removed).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.output import Outputs

# Characters of an excerpt, and how many of them stand before the first change.
EXCERPT, CONTEXT = 300, 40
_MOST_KEY = np.uint64(0xFFFFFFFFFFFFFFFF)


@dataclass(frozen=True)
class Example:
    reason: str
    file: str
    line: int
    paragraph: int
    before: str
    after: str | None


def excerpts(before: str, after: str) -> tuple[str, str]:
    """The part of a text and of what became of it that shows the first change."""
    pairs = enumerate(zip(before, after))
    change = next((at for at, (one, other) in pairs if one != other), min(len(before), len(after)))
    start = max(0, change - CONTEXT)
    return before[start : start + EXCERPT], after[start : start + EXCERPT]


def keys_of(file: str, reason: str, lines: np.ndarray, paragraphs: np.ndarray) -> np.ndarray:
    """uint64: a random number for each place, by the finalizer of SplitMix64 (Steele, Lea, Flood 2014)."""
    seed = np.frombuffer(blake2b(f"{file}\0{reason}".encode(), digest_size=8).digest(), dtype="<u8")[0]
    state = lines.astype(np.uint64) * np.uint64(0xD1342543DE82EF95) + paragraphs.astype(np.uint64)
    state = seed + state * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


class Removed:
    """For each reason the `most` examples whose keys are smallest."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[str, list[tuple[int, Example]]] = {}

    def candidates(self, file: str, reason: str, lines: np.ndarray, paragraphs: np.ndarray) -> np.ndarray:
        """The positions of the places that may still be among the examples: no more than `most`.

        May be called from several threads: examples that another one adds meanwhile only make the choice narrower.
        """
        if not self._most or not len(lines):
            return np.empty(0, dtype=np.int64)
        keys = keys_of(file, reason, lines, paragraphs)
        kept = self._kept.get(reason, [])
        limit = np.uint64(kept[-1][0]) if len(kept) == self._most else _MOST_KEY
        found = np.flatnonzero(keys <= limit)
        return found[np.argsort(keys[found], kind="stable")[: self._most]]

    def add(self, examples: Iterable[Example]) -> None:
        for example in examples:
            place = np.array([example.line]), np.array([example.paragraph])
            entry = (int(keys_of(example.file, example.reason, *place)[0]), example)
            kept = [*self._kept.get(example.reason, []), entry]
            # Two files of one name have the same keys: what was read tells them apart.
            kept.sort(key=lambda one: (one[0], one[1].file, one[1].before))
            self._kept[example.reason] = kept[: self._most]

    def write(self, outputs: Outputs, path: Path) -> None:
        with outputs.open(path) as file:
            for reason in sorted(self._kept):
                for _, example in self._kept[reason]:
                    file.write((json.dumps(asdict(example), ensure_ascii=False) + "\n").encode("utf-8"))


def merge_removed(parts: Sequence[Path], output: Path, most: int) -> None:
    """The examples of a stage from those of its parts."""
    removed = Removed(most)
    for part in parts:
        with open(part, encoding="utf-8") as file:
            removed.add(Example(**json.loads(line)) for line in file)
    with Outputs(parts) as outputs:
        removed.write(outputs, output)
