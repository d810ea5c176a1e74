"""Counts over sentences whose windows come in different batches."""

from collections import Counter
from collections.abc import Callable


class JoinedWindows:
    """Adds to the counts what a window changes: at any time they are those of the sentences as far as they are known.

    Words of a sentence that follow one another are counted together; where a window between is missing, because
    another process has it, they are counted as two sentences.
    """

    def __init__(self, count: Callable[[list[int], list[int]], dict[str, int]]):
        """count: gold and predicted classes of words that follow one another -> numbers, by name."""
        self._count = count
        self._parts: dict[int, dict[int, tuple[list[int], list[int]]]] = {}

    def add(self, example: int, first: int, words: int, gold: list[int], predicted: list[int]) -> dict[str, int]:
        """A window of an example of so many words, from its word `first` on -> what it adds, which may be below 0."""
        if len(gold) == words:
            return self._count(gold, predicted)
        parts = self._parts.setdefault(example, {})
        before = self._counted(parts)
        parts[first] = (gold, predicted)
        after = self._counted(parts)
        if sum(len(part[0]) for part in parts.values()) == words:
            del self._parts[example]
        after.subtract(before)
        return dict(after)

    def _counted(self, parts: dict[int, tuple[list[int], list[int]]]) -> Counter:
        total: Counter = Counter()
        gold: list[int] = []
        predicted: list[int] = []
        end = 0
        for first in sorted(parts):
            if first != end:
                total.update(self._count(gold, predicted))
                gold, predicted = [], []
            gold, predicted = gold + parts[first][0], predicted + parts[first][1]
            end = first + len(parts[first][0])
        total.update(self._count(gold, predicted))
        return total
