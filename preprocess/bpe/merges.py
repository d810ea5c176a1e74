"""Merges from word counts: those Hugging Face's trainer learns, counted in 64 bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fairseq_hebrew.stage.progress import Progress

from .alphabet import BYTES, FIRST_MERGE

# Merges between two looks at the progress.
SLICE = 500


@dataclass
class Words:
    """Words as ids of bytes, each with how often it occurred.

    symbols int32 (N,): the words one after the other; starts int64 (W,) and lengths int32 (W,) of each; counts int64
    (W,). Learning changes `symbols` and `lengths`: afterwards a word is cut into the ids of the vocabulary.
    """

    symbols: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray
    counts: np.ndarray


def learn(words: Words, merges: int, min_frequency: int) -> np.ndarray:
    """int32 (M, 2): the two ids of each merge in order; merge i makes the id FIRST_MERGE + i.

    The pair that stands in the words most often is merged, of several the one with the lower ids, until there are
    `merges` of them or no pair is left that is counted `min_frequency` times. Words are changed in place.
    """
    from .merge_kernels import learn_some, seed_pairs
    from .word_kernels import join_common

    least, base = max(1, min_frequency), FIRST_MERGE - BYTES
    arrays = (words.symbols, words.starts, words.lengths, words.counts)
    # Each merge makes the words shorter by one symbol at least.
    merges = min(merges, len(words.symbols))
    made = np.empty((merges, 2), dtype=np.int32)
    with Progress("train-bpe: merges", merges, "merges") as progress:
        done = join_common(*arrays, made, base, least)
        progress.add(done)
        state = seed_pairs(*arrays, base, BYTES + done, least)
        while done < merges:
            until = min(done + SLICE, merges)
            reached, state = learn_some(*arrays, state, made, done, until, FIRST_MERGE, least)
            progress.add(reached - done)
            done = reached
            if done < until:
                break
    return made[:done]


def token_counts(words: Words, size: int) -> np.ndarray:
    """int64 (size,): how often each id occurs in the text the words came from."""
    from .word_kernels import count_symbols

    return count_symbols(words.symbols, words.starts, words.lengths, words.counts, size)
