"""Fine-tuning on questions that a span of a text answers: exact match and F1 over whole questions, as SQuAD."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from fairseq.tasks import register_task

from fairseq_hebrew.criterions.classification import COUNT
from fairseq_hebrew.criterions.spans import WINDOWS
from fairseq_hebrew.data.labelled import LabelledDataset, QuestionSamples
from fairseq_hebrew.data.labelled.answer_spans import Span, best_spans, is_null, null_scores, span_of
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.labelled import LabelledConfig, LabelledTask
from fairseq_hebrew.text.answers import best, exact, f1, squad_words

logger = logging.getLogger(__name__)

COUNTS = ("exact_match", "f1", "questions")


class QuestionDataset(LabelledDataset):
    """Windows whose batches say of which split they are."""

    split = ""

    def collater(self, items: list[dict]) -> dict:
        batch = super().collater(items)
        return {**batch, "split": self.split} if batch else batch


@dataclass
class OpenQuestion:
    """A question in validation, some of whose windows are still to come."""

    windows: int = 0
    best: Span | None = None
    null: float = float("inf")


@register_task("question_answering", dataclass=LabelledConfig)
class QuestionAnsweringTask(LabelledTask):
    """The ends of an answer, read at every position; `<s>` where there is none."""

    kind = "question_answering"
    head_kind = "span"
    sample_maker = QuestionSamples

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._open: dict[tuple[str, int], OpenQuestion] = {}

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
        super().begin_valid_epoch(epoch, model)

    def windows(self, sample: dict, logits) -> tuple[str, np.ndarray, np.ndarray]:
        """The best answer in each window of a batch: the split, int32 (W, 3) of window, begin and end in characters
        (0, 0 where none is possible), float32 (W, 2) of its score and that of no answer."""
        split, there = sample.get("split", ""), sample["id"].cpu().ge(0)
        logits, possible = logits.detach().float().cpu()[there], sample["target"].cpu()[there].ge(0)
        if not len(logits):
            return split, np.zeros((0, 3), np.int32), np.zeros((0, 2), np.float32)
        scores, first, last = (
            part[:, 0] for part in best_spans(logits, possible, self.description.max_answer_tokens, 1)
        )
        ids = sample["id"].cpu()[there].tolist()
        places = []
        for index, score, one, other in zip(ids, scores.tolist(), first.tolist(), last.tolist()):
            none = score == -np.inf
            span = Span(score, 0, 0) if none else span_of(self.datasets[split].samples[index], score, one, other)
            places.append((index, span.begin, span.end))
        return split, np.array(places, np.int32), torch.stack((scores, null_scores(logits)), -1).numpy()

    def reduce_metrics(self, logging_outputs, criterion) -> None:
        """Join the windows of validation: a question counts with the batch that has its last one."""
        logs = [dict(log) for log in logging_outputs]
        for log in logs:
            if WINDOWS in log:
                log.update({f"{COUNT}{name}": value for name, value in self._closed(*log.pop(WINDOWS)).items()})
        super().reduce_metrics(logs, criterion)

    def _closed(self, split: str, places: np.ndarray, scores: np.ndarray) -> dict[str, float]:
        """The sums of exact match and F1 of the questions these windows complete, and their number."""
        counts = dict.fromkeys(COUNTS, 0.0)
        for (index, begin, end), (score, null) in zip(places.tolist(), scores.tolist()):
            sample = self.datasets[split].samples[index]
            key = (split, sample.example)
            question = self._open.setdefault(key, OpenQuestion())
            question.windows += 1
            question.null = min(question.null, null)
            if end > begin:
                # The better; of two that score alike the earlier, as the predictions have it.
                found, there = Span(score, begin, end), question.best
                if there is None or (-score, begin, end) < (-there.score, there.begin, there.end):
                    question.best = found
            if question.windows < sample.windows:
                continue
            del self._open[key]
            asked, answer = sample.question, question.best
            none = is_null(None if answer is None else answer.score, question.null, self.description)
            said = "" if none else asked.context[answer.begin : answer.end]
            golds = [gold.text for gold in asked.answers]
            counts["exact_match"] += best(exact, squad_words, golds, said)
            counts["f1"] += best(f1, squad_words, golds, said)
            counts["questions"] += 1
        return counts

    def counts(self, sample: dict, predicted) -> dict[str, int]:
        """None of a batch alone: the windows of a question may stand in several (`windows`)."""
        return {}

    def score(self, totals: dict[str, float]) -> dict[str, float]:
        """Means over questions, in percent."""
        questions = max(totals["questions"], 1.0)
        return {name: 100.0 * totals[name] / questions for name in ("exact_match", "f1")}

    @staticmethod
    def logging_outputs_can_be_summed(criterion) -> bool:
        """Windows cannot: in validation each process hears of all of them."""
        return criterion.training
