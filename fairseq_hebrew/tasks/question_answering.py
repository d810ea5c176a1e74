"""Fine-tuning on questions that a span of a text answers: exact match and F1 over whole questions, as SQuAD."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from fairseq.tasks import register_task

from fairseq_hebrew.data.described.questions import QuestionAnswering
from fairseq_hebrew.data.labelled import LabelledDataset, QuestionSamples
from fairseq_hebrew.data.labelled.answer_spans import Span, best_spans, is_null, null_scores, span_of
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.labelled import LabelledConfig, LabelledTask
from fairseq_hebrew.tasks.processes import of_all_processes
from fairseq_hebrew.text.answers import best, exact, f1, squad_words

logger = logging.getLogger(__name__)

COUNTS = ("exact_match", "f1", "questions")


class QuestionDataset(LabelledDataset):
    """Windows whose batches say of which split they are, and which one each row is: `number` (B,) int64, or -1."""

    split = ""

    def _batch(self, rows: list[dict], length: int | None) -> dict:
        batch = super()._batch(rows, length)
        return {**batch, "split": self.split, "number": batch["id"]}


@dataclass
class OpenQuestion:
    """A question in validation, some of whose windows are still to come."""

    windows: int = 0
    best: Span | None = None
    null: float = float("inf")

    def add(self, span: Span, null: float) -> None:
        """A window's best answer, empty where it can have none, and its score of no answer."""
        self.windows += 1
        self.null = min(self.null, null)
        # The better; of two that score alike the earlier, as the predictions have it.
        if span.end > span.begin and (self.best is None or _order(span) < _order(self.best)):
            self.best = span

    def answer(self, context: str, description: QuestionAnswering) -> str:
        """What is answered, "" for nothing."""
        if is_null(None if self.best is None else self.best.score, self.null, description):
            return ""
        return context[self.best.begin : self.best.end]


def _order(span: Span) -> tuple[float, int, int]:
    return -span.score, span.begin, span.end


@register_task("question_answering", dataclass=LabelledConfig)
class QuestionAnsweringTask(LabelledTask):
    """The ends of an answer, read at every position; `<s>` where there is none."""

    kind = "question_answering"
    head_kind = "span"
    sample_maker = QuestionSamples
    placed = ("number",)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._open: dict[tuple[str, int], OpenQuestion] = {}  # by split and number
        self._seen: set[tuple[str, int]] = set()  # the windows of this validation, by split and number

    def build_criterion(self, cfg):
        """`spans`; raises UserError for another."""
        if cfg._name != "spans":
            raise UserError(f"--criterion {cfg._name}: question answering finds spans; give --criterion spans")
        return super().build_criterion(cfg)

    def samples(self, examples: Sequence) -> list:
        """The windows of questions, in order; what is cut is logged."""
        maker = self.sample_maker(self.vocabulary, self.description, self.max_tokens)
        made = [sample for index, example in enumerate(examples) for sample in maker.samples(index, example)]
        logger.info(f"{len(examples)} questions, {len(made)} windows; {maker.cut} questions have several")
        if maker.questions_cut:
            logger.info(f"{maker.questions_cut} questions are cut to {maker.longest_question} tokens")
        if maker.answers_without_pieces:
            logger.info(f"{maker.answers_without_pieces} answers are nothing but signs that are stripped: read as none")
        if maker.answers_inside_pieces:
            logger.info(
                f"{maker.answers_inside_pieces} answers begin or end inside a piece of the tokenizer, and are read "
                "with the whole of it"
            )
        return made

    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **kwargs) -> None:
        super().load_dataset(split, epoch, combine, **kwargs)
        found = self.datasets[split]
        made = QuestionDataset(found.samples, self.dictionary.pad(), self.cfg.seed, found.shapes)
        made.split = split
        self.datasets[split] = made

    def begin_valid_epoch(self, epoch, model):
        self._open.clear()
        self._seen.clear()
        super().begin_valid_epoch(epoch, model)

    def counts(self, sample: dict, predicted) -> dict[str, float]:
        """The sums of exact match and F1 of the questions whose last window this batch has, and their number.

        predicted: logits (B, T, 2). The windows of a question may stand in several batches, of several processes: each
        hears of all, and counts a question that is complete with a window of its own.
        """
        counts: dict[str, float] = {}
        gathered, own = of_all_processes(self._windows(sample, predicted))
        for process, windows in enumerate(gathered):
            closed = self._closed(*windows)
            if process == own:
                counts = closed
        return counts

    def _windows(self, sample: dict, logits) -> tuple[str, np.ndarray, np.ndarray]:
        """The best answer in each window of a batch: the split, int32 (W, 3) of window, begin and end in characters
        (0, 0 where none is possible), float32 (W, 2) of its score and that of no answer."""
        split, there = sample.get("split", ""), sample["number"].ge(0)
        logits, possible = logits.float()[there], sample["target"][there].ge(0)
        if not len(logits):
            return split, np.zeros((0, 3), np.int32), np.zeros((0, 2), np.float32)
        longest = self.description.max_answer_tokens
        scores, first, last = (part[:, 0] for part in best_spans(logits, possible, longest, 1))
        ids = sample["number"][there].tolist()
        places = []
        for index, score, one, other in zip(ids, scores.tolist(), first.tolist(), last.tolist()):
            none = score == -np.inf
            span = Span(score, 0, 0) if none else span_of(self.datasets[split].samples[index], score, one, other)
            places.append((index, span.begin, span.end))
        return split, np.array(places, np.int32), torch.stack((scores, null_scores(logits)), -1).numpy()

    def _closed(self, split: str, places: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """Join windows with those before; the sums over the questions that they complete."""
        counts = dict.fromkeys(COUNTS, 0.0)
        for (index, begin, end), (score, null) in zip(places.tolist(), scores.tolist()):
            if (split, index) in self._seen:
                continue  # a process without a batch of its own reads the first again
            self._seen.add((split, index))
            sample = self.datasets[split].samples[index]
            key = (split, sample.example)
            question = self._open.setdefault(key, OpenQuestion())
            question.add(Span(score, begin, end), null)
            if question.windows == sample.windows:
                del self._open[key]
                said = question.answer(sample.question.context, self.description)
                golds = [gold.text for gold in sample.question.answers]
                counts["exact_match"] += best(exact, squad_words, golds, said)
                counts["f1"] += best(f1, squad_words, golds, said)
                counts["questions"] += 1
        return counts

    def score(self, totals: dict[str, float]) -> dict[str, float]:
        """Means over questions, in percent."""
        questions = max(totals["questions"], 1.0)
        return {name: 100.0 * totals[name] / questions for name in ("exact_match", "f1")}
