"""Counting the words of a text: the part of `train-bpe` that sees all of it."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from fairseq_hebrew.stage.output import scratch_folder
from fairseq_hebrew.stage.parallel import ordered_map
from fairseq_hebrew.stage.progress import Progress
from fairseq_hebrew.text.pretokenize import words

from .lines import Block, line_ranges, read_blocks
from .sample import Sample
from .table import WordTable
from .word_counts import merge_files


def count_part(
    text: Path,
    counts: Path,
    pre_tokenizer: str = "gpt2",
    keep_line_ends: bool = False,
    sample: Sample = Sample(),  # noqa: B008 - cannot be changed
    first_byte: int = 0,
    memory: int = 1000,
    workers: int = 1,
    progress: Progress | None = None,
) -> dict[str, int]:
    """Count the words of the lines of a text that are in the sample, into a file of word counts.

    `memory` (MB) is shared by `workers` threads, each with a table of its own; the file is the same for any of both,
    and the counts of the parts of a text add up to those of the whole when `first_byte` tells each how many bytes
    of text stand before it. Returns the numbers of lines, of words and of distinct words. Raises UserError naming
    file and line for invalid UTF-8.
    """
    with scratch_folder(counts) as scratch:
        tables: queue.SimpleQueue[WordTable] = queue.SimpleQueue()
        for number in range(workers):
            tables.put(WordTable(scratch / f"{number:04d}-", pre_tokenizer, (memory << 20) // workers))
        work = partial(_count_block, tables, pre_tokenizer, keep_line_ends, sample, first_byte)
        lines = 0
        for block_lines, size in ordered_map(work, read_blocks(text), workers, threads=True):
            lines += block_lines
            if progress is not None:
                progress.add(size)
        files = [path for table in _drained(tables) for path in table.spilled()]
        totals = merge_files(files, counts, scratch, memory << 20, pre_tokenizer)
    return {"lines": lines, "words": totals.occurrences, "distinct_words": totals.words}


def _count_block(
    tables: queue.SimpleQueue[WordTable],
    pre_tokenizer: str,
    keep_line_ends: bool,
    sample: Sample,
    first_byte: int,
    block: Block,
) -> tuple[int, int]:
    """Count the words of a block in whichever table is free; (lines, bytes) of the block."""
    data, starts, ends = line_ranges(block, keep_line_ends, sample, first_byte)
    word_starts, word_ends, _ = words(data, starts, ends, pre_tokenizer)
    table = tables.get()
    try:
        table.add(data, word_starts, word_ends)
    finally:
        tables.put(table)
    return len(starts), len(block.text)


def _drained(tables: queue.SimpleQueue[WordTable]) -> Iterator[WordTable]:
    while not tables.empty():
        yield tables.get()
