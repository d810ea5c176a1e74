"""The long documents of a corpus."""

import numpy as np
import pytest
import torch

from fairseq_hebrew.data.long_documents import LongDocuments


class Lines(list):
    def __init__(self, *sizes: int):
        super().__init__(torch.tensor([*[10 + i] * (size - 1), 2]) for i, size in enumerate(sizes))
        self.sizes = np.array(sizes, dtype=np.int32)


def kept(lines: Lines, least: int) -> list[int]:
    """Which lines are left, by their first token; lone `</s>` are 0."""
    made = LongDocuments(lines, least)
    assert len(made) == len(made.sizes) and [len(made[i]) for i in range(len(made))] == made.sizes.tolist()
    return [max(int(made[i][0]) - 10, -1) for i in range(len(made))]


@pytest.mark.parametrize(("least", "lines"), [(1, [0, 1, -1, 3, -1, 5]), (6, [0, 1, -1, 5]), (8, [0, 1, -1]), (9, [])])
def test_documents_end_with_a_lone_eos(least, lines):
    """Documents of 8, 5 and 6 tokens; the last one without its end."""
    assert kept(Lines(4, 4, 1, 5, 1, 6), least) == lines


def test_without_a_lone_eos_a_line_is_a_document():
    assert kept(Lines(4, 9, 2, 7), 5) == [1, 3]


def test_an_empty_document_is_never_long():
    assert kept(Lines(1, 4, 1, 1, 3, 1), 3) == [1, -1, 4, -1]


def test_reading_ahead_is_passed_on():
    lines = Lines(2, 6, 3, 7)
    lines.supports_prefetch, lines.prefetch = True, lambda indices: asked.extend(indices)
    asked = []
    made = LongDocuments(lines, 6)
    made.prefetch([0, 1])
    assert made.supports_prefetch and asked == [1, 3]
    assert not LongDocuments(Lines(2), 1).supports_prefetch
