"""What is wrong in a file and need not end its reading: refused or counted, as the description says."""

from __future__ import annotations

import logging
from pathlib import Path

from fairseq_hebrew.data.described import TaskDescription
from fairseq_hebrew.stage.errors import UserError, at

logger = logging.getLogger(__name__)

# What an option says, other than `refuse`, where that is not `count`.
INSTEAD = {"spans": "extend", "overlaps": "longest"}


class Faults:
    """Those of one file. What is not refused is told when the file is read, with its number and its first line."""

    def __init__(self, path: Path, description: TaskDescription) -> None:
        self.path, self.description = path, description
        self._counted: dict[str, tuple[int, int]] = {}  # what is told: how many there are, the line of the first

    def found(self, option: str, line: int, problem: str, remedy: str, told: str) -> None:
        """One fault; raises UserError where the description's `option` is `refuse`.

        told: what many of them are and what was done about them, after their number.
        """
        if getattr(self.description, option) == "refuse":
            other = INSTEAD.get(option, "count")
            raise at(self.path, line, problem, f"{remedy}, or `{option}: {other}` in the description")
        self.note(line, told)

    def wrong(self, line: int, problem: str, remedy: str) -> UserError:
        """What is refused whatever the description says, to be raised."""
        return at(self.path, line, problem, remedy)

    def note(self, line: int, told: str) -> None:
        """Count what is no fault, yet must be told."""
        count, first = self._counted.get(told, (0, line))
        self._counted[told] = (count + 1, first)

    def tell(self) -> None:
        for told, (count, first) in self._counted.items():
            logger.warning(f"{self.path}: {count:,} {told} (the first: line {first})")
