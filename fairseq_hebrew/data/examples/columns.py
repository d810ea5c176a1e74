"""Tagged words in columns: a word and its tag on a line, a blank line after each sentence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from fairseq_hebrew.data.described.tagged_words import TokenClassification
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.spans import Span

from .faults import Faults
from .file import raw_lines
from .sentence import Entity, TaggedSentence, TagReader


def read_columns(path: Path, description: TokenClassification, faults: Faults) -> Iterator[TaggedSentence]:
    """The sentences of a file."""
    reader, columns = TagReader(description, faults), Columns(description, faults)
    words: list[str] = []
    cells: list[str] = []
    lines: list[int] = []
    for number, row in enumerate(chain(raw_lines(path), [""]), start=1):
        if not row.strip():
            if words:
                yield _sentence(words, cells, lines, reader)
                words, cells, lines = [], [], []
            continue
        if columns.is_comment(row, number, reader):
            continue
        word, tag = columns.read(row, number)
        words.append(word)
        cells.append(tag)
        lines.append(number)


class Columns:
    """A line as a word and what stands in its column of tags."""

    def __init__(self, description: TokenClassification, faults: Faults) -> None:
        self.description, self.faults = description, faults
        given = (description.word_column, description.tag_column)
        self._which = given if any(given) else (1, 2)
        self._count = 0 if any(given) else 2  # columns of the first line, and of all

    def is_comment(self, row: str, line: int, reader: TagReader) -> bool:
        """Whether a line is a comment; raises UserError where it is a tagged word as well."""
        mark = self.description.comments
        if not mark or not row.startswith(mark):
            return False
        found = self._cells(row)
        if found is not None and reader.knows(found[1]):
            problem = f"{row.strip()[:60]!r} is a comment and a tagged word"
            raise self.faults.wrong(line, problem, "give `comments:` a mark that no word begins with")
        self.faults.note(line, "comment lines are no words")
        return True

    def read(self, row: str, line: int) -> tuple[str, str]:
        """(word, tag); raises UserError for a line with other columns."""
        found = self._cells(row)
        if found is None:
            raise self._other_columns(row, line)
        self._count = len(self._fields(row))
        for cell, what in zip(found, ("word", "tag")):
            if not cell:
                raise self.faults.wrong(line, f"the {what} is empty", "write a word and its tag a line")
        return found

    def _cells(self, row: str) -> tuple[str, str] | None:
        """What stands in the two columns; None where the line has not the columns it should."""
        found = self._fields(row)
        word, tag = self._which
        if len(found) != (self._count or max(len(found), abs(word), abs(tag))):
            return None
        return found[word - (word > 0)], found[tag - (tag > 0)]

    def _fields(self, row: str) -> list[str]:
        if self.description.separator == "tab":
            return [field.strip() for field in row.split("\t")]
        # The tag is the last column; NEMO has words with a blank inside ("ו ה 60").
        return row.split() if self.description.word_column else row.strip().rsplit(maxsplit=1)

    def _other_columns(self, row: str, line: int) -> UserError:
        if not self.description.word_column:
            shown = row.strip()[:60]
            return self.faults.wrong(line, f"expected `word tag`, found {shown!r}", "write a word and its tag a line")
        problem = f"{len(self._fields(row))} columns, where word_column is {self._which[0]}"
        problem += f" and tag_column {self._which[1]}"
        if self._count:
            problem = f"{len(self._fields(row))} columns, the first line has {self._count}"
        return self.faults.wrong(line, problem, "correct the line, or the columns and `separator:` of the description")


def _sentence(words: list[str], cells: Sequence[str], lines: Sequence[int], reader: TagReader) -> TaggedSentence:
    between = reader.description.tags_between
    if not between:
        tags = [reader.tag(cell, line) for cell, line in zip(cells, lines)]
        reader.check_order(tags, lines)
        return TaggedSentence(lines[0], words, tags)
    layers = [[reader.tag(tag, line) for tag in cell.split(between)] for cell, line in zip(cells, lines)]
    spans, wrong = layered_spans(layers, reader.scheme)
    for place, tag in wrong:
        told = "tags that are of no whole entity are O"
        reader.faults.found("broken_tags", lines[place], f"{tag} is of no whole entity", "correct the tags", told)
    entities = [Entity(kind, start, end, end - start, " ".join(words[start:end])) for kind, start, end in spans]
    # The line of a sentence is that of its first word: where its entities overlap, the line of the first overlap.
    shared = [line for cell, line in zip(layers, lines) if sum(tag != "O" for tag in cell) > 1]
    return TaggedSentence(lines[0], words, reader.from_entities(entities, len(words), (shared or lines)[0]))


def layered_spans(layers: Sequence[Sequence[str]], scheme: str) -> tuple[list[Span], list[tuple[int, str]]]:
    """Entities that may lie within one another, from several tags a word; and (word, tag) of those that are of none.

    Of two open entities of one type the inner one, which began later, ends first.
    """
    spans: list[Span] = []
    wrong: list[tuple[int, str]] = []
    begun: dict[str, list[int]] = {}
    for i, tags in enumerate([*layers, []]):
        if scheme == "bio":
            going_on = {tag[2:] for tag in tags if tag[0] == "I"}
            for kind, starts in begun.items():
                if kind not in going_on:
                    spans += [(kind, start, i) for start in starts]
                    starts.clear()
        for tag in tags:
            place, _, kind = tag.partition("-")
            starts = begun.setdefault(kind, [])
            if place == "S":
                spans.append((kind, i, i + 1))
            elif place == "B":
                starts.append(i)
            elif place == "E" and starts and starts[-1] < i:
                spans.append((kind, starts.pop(), i + 1))
            elif place != "O" and not (place == "I" and any(start < i for start in starts)):
                wrong.append((i, tag))
    wrong += [(start, f"B-{kind}") for kind, starts in begun.items() for start in starts]
    return sorted(spans, key=lambda span: span[1:]), sorted(wrong)
