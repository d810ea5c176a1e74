"""Questions on texts: SQuAD's JSON, 1.1 and 2.0 (HeQ is one), and the flat form of ParaShoot, a row a question.

Every mistake is named by its place in the JSON or its line, and by the question's id.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from fairseq_hebrew.data.described.questions import QuestionAnswering
from fairseq_hebrew.stage.errors import UserError, at
from fairseq_hebrew.stage.progress import log

from .answer_places import Misplaced, placed
from .file import read_text
from .question_rows import Row, flat_rows, squad_rows


@dataclass(frozen=True)
class Answer:
    """`text` is what stands in the context from character `start` on."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True)
class Question:
    """A question, the text that answers it, and the right answers; none where the text does not answer it."""

    id: str
    question: str
    context: str = field(repr=False)
    answers: tuple[Answer, ...]
    place: str  # in the file, for errors


def read_questions(path: Path, description: QuestionAnswering, tell: bool = True) -> Iterator[Question]:
    """The questions of a file, whose text is in memory; raises UserError naming what is wrong and where."""
    text = read_text(path)
    rows = flat_rows(path, text) if description.format == "flat" else squad_rows(path, text)
    seen: dict[str, str] = {}
    moved = 0
    for row in rows:
        reader = _Reader(path, text, row, description)
        question = reader.question()
        if question.id in seen:
            raise reader.wrong(
                f"its id stands at {seen[question.id]} too", "give every question an id of its own", again=True
            )
        seen[question.id] = row.place
        moved += reader.moved
        yield question
    if moved and tell:
        log(f"{path}: {moved} of the answers moved to where their text stands in the context")


class _Reader:
    """One question's checks."""

    def __init__(self, path: Path, text: str, row: Row, description: QuestionAnswering) -> None:
        self.path, self.text, self.row, self.description = path, text, row, description
        self.moved = 0

    def wrong(self, problem: str, remedy: str, again: bool = False) -> UserError:
        """The error of this question: FILE:LINE: place, id: problem."""
        name = self.row.values.get("id")
        line = self.row.line or _line_of(self.text, name, again)
        told = f", id {name!r}" if name is not None else ""
        return at(self.path, line, f"{self.row.place}{told}: {problem}", remedy)

    def question(self) -> Question:
        values = self.row.values
        name = values.get("id")
        if isinstance(name, int) and not isinstance(name, bool):
            name = str(name)
        if not isinstance(name, str) or not name.strip():
            raise self.wrong("it has no id", "give every question an id of its own")
        context, question = (self._text(key) for key in ("context", "question"))
        answers = tuple(self._answer(number, context) for number in range(len(self._answers())))
        impossible = values.get("is_impossible")
        if impossible is not None and not isinstance(impossible, bool):
            raise self.wrong(f"is_impossible is {impossible!r}", "write true or false")
        if impossible is None:
            impossible = not answers
        if impossible and answers:
            raise self.wrong("is_impossible is true, and it has answers", "correct one of them")
        if not impossible and not answers:
            raise self.wrong("it has no answers, and is_impossible is false", "correct one of them")
        if impossible and not self.description.unanswerable:
            raise self.wrong("it has no answers", "give some, or write `unanswerable: true` into the description")
        return Question(name, question, context, answers, self.row.place)

    def _text(self, key: str) -> str:
        value = self.row.values.get(key)
        if not isinstance(value, str):
            raise self.wrong(f"{key} is missing or no text", f"write the {key} as a text")
        if not value.strip():
            raise self.wrong(f"{key} is empty", "remove the question or fill it in")
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            sign = f"\\u{ord(value[error.start]):04x}"
            raise self.wrong(
                f"{key} has half of a character, {sign}, at character {error.start}", "write the file again as UTF-8"
            ) from None
        return value

    def _answers(self) -> list:
        """(text, answer_start) of each, from a list of objects or from two lists."""
        found = self.row.values.get("answers")
        if found is None:
            return []
        if isinstance(found, Mapping):
            texts, starts = found.get("text"), found.get("answer_start")
            if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
                raise self.wrong(
                    "answers is no pair of lists of one length, text and answer_start", "write it as ParaShoot does"
                )
            return list(zip(texts, starts))
        if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
            raise self.wrong("answers is no list of objects with text and answer_start", "write it as SQuAD does")
        return [(item.get("text"), item.get("answer_start")) for item in found]

    def _answer(self, number: int, context: str) -> Answer:
        text, start = self._answers()[number]
        where = f"answers[{number}]"
        if not isinstance(text, str) or not text.strip():
            raise self.wrong(f"{where} has no text", "give its text, or remove the answer")
        if isinstance(start, bool) or not isinstance(start, int):
            raise self.wrong(f"{where} has answer_start {start!r}", "give the character it begins at, counted from 0")
        if start >= 0 and context.startswith(text, start):
            return Answer(text, start)
        try:
            found = placed(text, start, context)
        except Misplaced as error:
            raise self.wrong(f"{where} {error}", "correct answer_start or the text") from None
        if not self.description.repair_answers:
            raise self.wrong(
                f"{where} {text[:40]!r} stands at character {found} of the context, not at answer_start {start}",
                "correct it, or write `repair_answers: true` into the description",
            )
        self.moved += 1
        return Answer(text, found)


def _line_of(text: str, name: object, again: bool) -> int | None:
    """The line of a file of JSON that names this id, or names it again; None where it is not found."""
    if not isinstance(name, str):
        return None
    for ascii_only in (False, True):
        written = json.dumps(name, ensure_ascii=ascii_only)
        found = text.find(written)
        if again and found >= 0:
            found = text.find(written, found + 1)
        if found >= 0:
            return text.count("\n", 0, found) + 1
    return None
