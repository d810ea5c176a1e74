"""Records of questions: the best answers of all windows together, and the score of there being none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from torch import Tensor

from fairseq_hebrew.data.described.questions import QuestionAnswering
from fairseq_hebrew.data.examples import Question
from fairseq_hebrew.data.labelled import QuestionSample
from fairseq_hebrew.data.labelled.answer_spans import Span, is_null, joined, null_scores, window_spans

# Answers that a record shows, and those of each window they are chosen from.
SHOWN, CHOSEN = 5, 20


def answer(description: QuestionAnswering, example: Question, outputs: Sequence[tuple[QuestionSample, Tensor]]) -> dict:
    """The record of a question from its windows and their logits (T, 2) of start and end."""
    longest = description.max_answer_tokens
    spans = [span for sample, logits in outputs for span in window_spans(sample, logits, longest, CHOSEN)]
    null = min(float(null_scores(logits[None])) for _, logits in outputs)
    return record(description, example, joined(spans, SHOWN), null)


def record(description: QuestionAnswering, example: Question, spans: Sequence[Span], null: float) -> dict:
    """`predicted` is "" where there is no answer; `answers` holds the best ones nevertheless, with their scores."""
    answers = [
        {
            "text": example.context[span.begin : span.end],
            "start": span.begin,
            "end": span.end,
            "score": round(span.score, 6),
        }
        for span in spans
    ]
    null = round(null, 6)
    none = is_null(answers[0]["score"] if answers else None, null, description)
    return {
        "kind": description.kind,
        "task": description.name,
        "id": example.id,
        "question": example.question,
        "text": example.context,
        "gold": [{"text": gold.text, "start": gold.start} for gold in example.answers],
        "predicted": "" if none else answers[0]["text"],
        "start": None if none else answers[0]["start"],
        "end": None if none else answers[0]["end"],
        "answers": answers,
        "null_score": null,
        "null_threshold": float(description.null_threshold),
        "unanswerable": description.unanswerable,
    }


def majority(description: QuestionAnswering, train: Iterable, examples: Iterable) -> Iterator[dict]:
    """No answer to any question: all that can be said without reading."""
    yield from (record(description, example, [], 0.0) for example in examples)
