"""The description of questions that a span of a text answers, as SQuAD's."""

from __future__ import annotations

import math
from dataclasses import dataclass

from fairseq_hebrew.stage.errors import UserError

from .base import REMEDY, TaskDescription

FORMATS = ("squad", "flat")
# <s> question </s> </s> context </s>
FRAME = 4


@dataclass(frozen=True, kw_only=True)
class QuestionAnswering(TaskDescription):
    """A text longer than a sample is read in windows, each beside the question; `max_tokens` is a sample's length."""

    KIND = "question_answering"
    METRICS = ("f1", "exact_match")

    format: str = "squad"  # data/paragraphs/qas, as SQuAD and HeQ; flat: a row a question, as ParaShoot
    unanswerable: bool = True  # whether a question may have no answer in its text
    repair_answers: bool = False  # move answers whose text stands elsewhere in the context than it says
    max_question_tokens: int = 64
    stride: int = 128  # pieces from the beginning of a window to that of the next
    max_answer_tokens: int = 30  # the longest answer that is predicted
    null_threshold: float = 0.0  # no answer, where its score is higher than the best answer's by more than this

    @property
    def classes(self) -> list[str]:
        """What the head has an output for."""
        return ["start", "end"]

    @property
    def labels(self) -> dict[str, str]:
        """The classes by the names that are shown."""
        return {name: name for name in self.classes}

    @classmethod
    def check(cls, values: dict, where: str) -> None:
        made = {name: values.get(name, getattr(cls, name)) for name in cls.__dataclass_fields__ if hasattr(cls, name)}
        if made["format"] not in FORMATS:
            raise UserError(f"{where}: format {made['format']!r} is none of {', '.join(FORMATS)}; {REMEDY}")
        for name in ("max_question_tokens", "stride", "max_answer_tokens"):
            if made[name] < 1:
                raise UserError(f"{where}: {name} {made[name]}: at least 1; {REMEDY}")
        if not math.isfinite(made["null_threshold"]):
            raise UserError(f"{where}: null_threshold {made['null_threshold']}: is no finite number; {REMEDY}")
        room = made["max_tokens"] - made["max_question_tokens"] - FRAME
        if made["stride"] > room:
            raise UserError(
                f"{where}: stride {made['stride']}: windows have room for {room} tokens of the text beside a question "
                f"of {made['max_question_tokens']}, and would leave some unread; give at most {max(room, 1)}, or a "
                "larger max_tokens"
            )
