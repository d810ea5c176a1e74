"""Samples of retrieval: a text of its own each, query or passage."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from fairseq_hebrew.data.described.retrieval import Retrieval
from fairseq_hebrew.data.examples import Pair
from fairseq_hebrew.text.dictionary import UNK
from fairseq_hebrew.text.normalize import normalize_line
from fairseq_hebrew.text.vocabulary import Vocabulary

from .sample import Sample, SampleMaker

FRAME = 2  # <s> and </s>


class PairSamples(SampleMaker):
    """`<s> text </s>` with the description's prefix before the text, cut at its end to `max_tokens` or, of queries, to
    `max_query_tokens`. The target () is nothing: 0."""

    description: Retrieval
    longer = "cut at their ends"

    def __init__(self, vocabulary: Vocabulary, description: Retrieval, max_tokens: int) -> None:
        super().__init__(vocabulary, description, max_tokens)
        self.longest_query = min(description.max_query_tokens, max_tokens)
        self.queries_cut = 0  # and `cut` counts passages

    def queries(self, texts: Sequence[str]) -> list[Sample]:
        """The samples of queries, in order; `example` is a text's place."""
        made, cut = self._made(texts, self.description.query_prefix, self.longest_query)
        self.queries_cut += cut
        return made

    def passages(self, texts: Sequence[str]) -> list[Sample]:
        """The samples of passages, in order."""
        made, cut = self._made(texts, self.description.passage_prefix, self.max_tokens)
        self.cut += cut
        return made

    def length(self, example: Pair) -> int:
        """That of the passage which answers the query; queries have a length of their own."""
        prefix = self.description.passage_prefix
        return len(self._pieces_of([example.positive], prefix)[0]) + FRAME

    def samples(self, index: int, example: Pair) -> list[Sample]:
        """The query's, the positive's, then those of the negatives."""
        return [*self.queries([example.query]), *self.passages([example.positive, *example.negatives])]

    def _made(self, texts: Sequence[str], prefix: str, longest: int) -> tuple[list[Sample], int]:
        made, cut = [], 0
        for number, ids in enumerate(self._pieces_of(texts, prefix)):
            cut += len(ids) > longest - FRAME
            # Of a text of nothing but signs that are stripped one unknown piece is left.
            pieces = ids[: longest - FRAME].tolist() or [UNK]
            made.append(Sample(self.framed(pieces), torch.tensor(0), number))
        return made, cut

    def _pieces_of(self, texts: Sequence[str], prefix: str) -> list:
        """The ids of each text, normalized as the description says, behind the prefix."""
        if self._rules is not None:
            texts = [normalize_line(text, self._rules) for text in texts]
        return self.vocabulary.encode_batch([prefix + text for text in texts])
