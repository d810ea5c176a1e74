"""The description of retrieval: queries, and the passages that answer them among many."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from fairseq_hebrew.stage.errors import UserError

from .base import LEAST_TOKENS, REMEDY, TaskDescription

# The keys that are one of a few words; the first is what holds where nothing is said.
CHOICES = {"format": ("pairs", "triples", "squad", "beir"), "pooling": ("mean", "cls")}


@dataclass(frozen=True, kw_only=True)
class Retrieval(TaskDescription):
    """Queries and passages become vectors, and a query finds what is nearest; `max_tokens` is a passage's length.

    `files` of the formats: `pairs` a .jsonl with {"query", "positive", "negatives": [...]} a line; `triples` a .tsv of
    query, positive and negative, as MS MARCO's; `squad` the JSON of SQuAD and HeQ, whose questions with an answer find
    their own paragraph; `beir` the qrels of the split, a .tsv with a header row, beside `corpus` and `queries`.
    """

    KIND = "retrieval"
    HOLDS_OUT = False
    METRICS = ("mrr@10", "ndcg@10", "ndcg@20", "recall@20", "recall@100")

    format: str = "pairs"
    corpus: str = "corpus.jsonl"  # of beir: {"_id", "title", "text"} a line
    queries: str = "queries.jsonl"  # of beir: {"_id", "text"} a line
    max_tokens: int = 256
    max_query_tokens: int = 64
    pooling: str = "mean"  # of all pieces of a text; cls: its <s> alone
    temperature: float = 0.05  # what the cosines are divided by in training
    negatives: int = 0  # hard negatives that a pair brings to a step of training, where it has so many; of triples 1
    query_prefix: str = ""  # what stands before each query, such as "query: "
    passage_prefix: str = ""

    @property
    def classes(self) -> list[str]:
        """The head has no labels: it makes one vector of a text."""
        return ["embedding"]

    @property
    def labels(self) -> dict[str, str]:
        """The classes by the names that are shown."""
        return {name: name for name in self.classes}

    def as_trained(self, trained: Retrieval) -> Retrieval:
        """This description's files, read by a model that was trained by another: what made its vectors holds."""
        names = ("max_tokens", "max_query_tokens", "normalize", "pooling", "query_prefix", "passage_prefix")
        return replace(self, **{name: getattr(trained, name) for name in names})

    @classmethod
    def check(cls, values: dict, where: str) -> None:
        made = {name: values.get(name, getattr(cls, name)) for name in cls.__dataclass_fields__ if hasattr(cls, name)}
        if made["format"] == "triples":  # each has a negative, and who gives triples means to use them
            made["negatives"] = values.setdefault("negatives", 1)
        for key, known in CHOICES.items():
            if made[key] not in known:
                raise UserError(f"{where}: {key} {made[key]!r} is none of {', '.join(known)}; {REMEDY}")
        if made["max_query_tokens"] < LEAST_TOKENS:
            raise UserError(f"{where}: max_query_tokens {made['max_query_tokens']}: at least {LEAST_TOKENS}; {REMEDY}")
        if not 0 < made["temperature"] < math.inf:
            raise UserError(f"{where}: temperature {made['temperature']}: is no number above 0; {REMEDY}")
        if made["negatives"] < 0:
            raise UserError(f"{where}: negatives {made['negatives']}: at least 0; {REMEDY}")
        if made["negatives"] and made["format"] == "squad":
            raise UserError(f"{where}: negatives {made['negatives']}: files of format squad name none; write 0")
