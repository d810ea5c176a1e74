"""Samples of questions: the question beside a window of its text, and where in it the answer begins and ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import torch

from fairseq_hebrew.data.described.questions import FRAME, QuestionAnswering
from fairseq_hebrew.data.examples import Answer, Question
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.aligned import normalize_aligned
from fairseq_hebrew.text.normalize import Normalization
from fairseq_hebrew.text.vocabulary import Vocabulary

from .sample import IGNORE, Sample, SampleMaker

# What a target says of a position, as bits: the answer begins here, ends here. 0: it might.
START, END = 1, 2


@dataclass(frozen=True)
class QuestionSample(Sample):
    """A window: `<s>` question `</s> </s>` a part of the context `</s>`, as RoBERTa reads two texts.

    `target` (T,) int64 says where an answer may begin or end, and where it does: at pieces of the context that are more
    than white space, and at `<s>`, which stands for no answer here; IGNORE elsewhere. `places` int32 (T, 2) is the
    half-open range of the context's characters, as it was given, of each piece; of those outside the context (0, 0).
    """

    question: Question | None = field(default=None, repr=False)
    places: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), np.int32), repr=False)
    windows: int = 1  # how many the question has


class QuestionSamples(SampleMaker):
    """The windows of each question, `description.stride` pieces from one to the next. One that does not hold the whole
    answer, the first where there are several, has none."""

    description: QuestionAnswering
    longer = "read in windows"

    def __init__(self, vocabulary: Vocabulary, description: QuestionAnswering, max_tokens: int) -> None:
        super().__init__(vocabulary, description, max_tokens)
        if max_tokens < FRAME + 2:
            raise UserError(f"--max-tokens-per-sample {max_tokens}: at least {FRAME + 2}, for a question and its text")
        self.longest_question = min(description.max_question_tokens, max(1, (max_tokens - FRAME) // 2))
        # Windows share what is not a step of the stride: with less room an answer might be whole in none.
        self.least = description.max_question_tokens + FRAME + description.stride
        self.context = lru_cache(maxsize=1024)(self._context)
        self.questions_cut = 0
        self.answers_without_pieces = 0
        self.answers_inside_pieces = 0  # a piece holds more: the letter before the word, the point after it

    def _context(self, text: str) -> tuple[np.ndarray, np.ndarray]:
        """int64 ids (N,) of a context and int32 (N, 2), the range of its characters each covers.

        Pieces that cut inside a letter have its whole range; white space at either end of a piece is left out, unless
        the piece is nothing else: then it is (0, 0).
        """
        rules = Normalization() if self.description.normalize else None
        read = normalize_aligned(text, rules) if rules is not None else None
        normalized = text if read is None else read.text
        ids, offsets = self.vocabulary.encode_with_offsets(normalized)
        places = np.zeros((len(ids), 2), np.int32)
        for i, (begin, end) in enumerate(offsets):
            while begin < end and normalized[begin].isspace():
                begin += 1
            while begin < end and normalized[end - 1].isspace():
                end -= 1
            if begin < end:
                places[i] = (begin, end) if read is None else read.original(begin, end)
        return ids.astype(np.int64), places

    def length(self, example: Question) -> int:
        question = min(len(self.pieces(example.question)), self.longest_question)
        return question + FRAME + len(self.context(example.context)[0])

    def samples(self, index: int, example: Question) -> list[QuestionSample]:
        """One sample, or several where the context is longer than the room beside the question."""
        question = self.pieces(example.question)
        self.questions_cut += len(question) > self.longest_question
        question = question[: self.longest_question]
        ids, places = self.context(example.context)
        room = self.max_tokens - FRAME - len(question)
        step = min(self.description.stride, room)
        starts = [0]
        while starts[-1] + room < len(ids):
            starts.append(starts[-1] + step)
        self.cut += len(starts) > 1
        answer = self._pieces_of(example.answers[0], places, example.context) if example.answers else None
        return [
            self._window(index, example, question, ids[start : start + room], places, start, answer, len(starts))
            for start in starts
        ]

    def _pieces_of(self, answer: Answer, places: np.ndarray, context: str) -> tuple[int, int] | None:
        """The first and the last piece that hold characters of an answer, None where no piece does."""
        begin = answer.start + len(answer.text) - len(answer.text.lstrip())
        end = begin + len(answer.text.strip())
        inside = np.flatnonzero((places[:, 0] < end) & (places[:, 1] > begin))
        if not len(inside):
            self.answers_without_pieces += 1
            return None
        self.answers_inside_pieces += bool(places[inside, 0].min() < begin or places[inside, 1].max() > end)
        return int(inside[0]), int(inside[-1])

    def _window(self, index, example, question, ids, places, start, answer, windows) -> QuestionSample:
        before = len(question) + FRAME - 1
        bos, eos = self.vocabulary.bos, self.vocabulary.eos
        tokens = torch.tensor([bos, *question, eos, eos, *ids.tolist(), eos])
        own = np.zeros((len(tokens), 2), np.int32)
        own[before:-1] = places[start : start + len(ids)]
        target = torch.full((len(tokens),), IGNORE)
        target[0] = 0
        target[torch.from_numpy(own[:, 1] > own[:, 0])] = 0
        first, last = (0, 0) if answer is None else (before + answer[0] - start, before + answer[1] - start)
        if not before <= first <= last < len(tokens) - 1:
            first = last = 0
        target[first] |= START
        target[last] |= END
        return QuestionSample(tokens, target, index, question=example, places=own, windows=windows)
