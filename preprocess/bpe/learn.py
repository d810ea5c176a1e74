"""Learning the tokenizer from word counts: the part of `train-bpe` that is done once for all of the text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.output import scratch_folder
from fairseq_hebrew.stage.progress import log
from fairseq_hebrew.text.dictionary import SPECIALS

from .alphabet import BYTES, byte_ids
from .merges import Words, learn, token_counts
from .tokenizer_files import write_dictionary, write_tokenizer
from .word_counts import merge_files, read_totals, read_words


def load_words(path: Path, prune_below: int = 0) -> tuple[Words, dict[str, int]]:
    """The words of a file of word counts that occurred at least `prune_below` times, and what was dropped."""
    totals = read_totals(path)
    symbols, lengths = np.empty(totals.bytes, dtype=np.int32), np.empty(totals.words, dtype=np.int32)
    counts = np.empty(totals.words, dtype=np.int64)
    n = used = occurrences = 0
    for part in read_words(path):
        if prune_below > 1:
            part = part.where(part.counts >= prune_below)
        lengths[n : n + len(part)], counts[n : n + len(part)] = part.lengths, part.counts
        symbols[used : used + len(part.data)] = byte_ids()[part.data]
        n, used = n + len(part), used + len(part.data)
        occurrences += int(part.counts.sum())
    lengths = lengths[:n]
    starts = np.cumsum(lengths, dtype=np.int64) - lengths
    dropped = {"pruned_words": totals.words - n, "pruned_occurrences": totals.occurrences - occurrences}
    return Words(symbols[:used], starts, lengths, counts[:n]), dropped if prune_below else {}


def learn_part(
    sources: Sequence[Path],
    folder: Path,
    vocab_size: int,
    pre_tokenizer: str = "gpt2",
    min_frequency: int = 2,
    prune_below: int = 0,
    memory: int = 1000,
    named: Path | None = None,
) -> dict[str, int]:
    """Learn a tokenizer from files of word counts: tokenizer.json, vocab.json, merges.txt and dict.txt in `folder`.

    The files are merged in about `memory` MB; learning holds all distinct words. dict.txt has the token counts of the
    text, without the words that were pruned. Returns the counts of the manifest. Raises UserError when `vocab_size`
    entries (without the 4 specials) cannot be learned; `named` is the text it speaks of.
    """
    with scratch_folder(folder / "words") as scratch:
        merged = sources[0] if len(sources) == 1 else scratch / "all.words"
        if len(sources) != 1:
            merge_files(sources, merged, scratch, memory << 20, pre_tokenizer)
        totals = read_totals(merged)
        words, dropped = load_words(merged, prune_below)
    log(f"train-bpe: learning {vocab_size:,} entries from {totals.words:,} distinct words")
    merges = learn(words, vocab_size - BYTES, min_frequency)
    if len(merges) < vocab_size - BYTES:
        pruned = ", a smaller --prune-below" if prune_below > 1 else ""
        raise UserError(
            f"{named or sources[0]}: only {len(merges) + BYTES} entries can be learned from this text, "
            f"{vocab_size} were asked for; give more text{pruned}, a smaller --vocab-size or --min-frequency 1"
        )
    write_tokenizer(folder, merges, pre_tokenizer)
    counts = token_counts(words, vocab_size + len(SPECIALS))
    return {"distinct_words": totals.words, **dropped, **write_dictionary(folder, counts)}
