"""Masking one sample, step by step: what `mask_rows` does for a batch, bit for bit."""

from __future__ import annotations

import math

import numpy as np

from .draws import COUNT, FATE, LENGTH, LONG, ORDER, REPLACEMENT, ROUND, below, draw, unit
from .masking import Masking


def mask_tokens(
    tokens: np.ndarray, masking: Masking, key: int, most: int, documents: list[int] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Tokens (T,) int64 -> inputs (T,) and targets (T,); `key`, `most` and `documents` as of `mask_rows`."""
    key = int(key)
    maskable = [place for place, token in enumerate(tokens) if token not in masking.specials]
    count = _count(len(maskable), masking, key)
    if masking.unit == "token":
        chosen = [(place, place) for place in _some(maskable, count, key)]
    else:
        words = _words(tokens, maskable, masking, most, documents or [len(tokens)])
        chosen = _some_words(words, count, len(maskable), masking, key, documents or [len(tokens)])
    inputs, targets = tokens.astype(np.int64, copy=True), np.full(len(tokens), masking.pad_id, dtype=np.int64)
    replaced, kept = masking.fates
    for place, number in chosen:
        targets[place] = tokens[place]
        fate = draw(key, FATE, number) >> 11
        if fate < replaced:
            inputs[place] = masking.replacements[below(draw(key, REPLACEMENT, place), len(masking.replacements))]
        elif fate >= kept:
            inputs[place] = masking.mask_id
    return inputs, targets


def _count(maskable: int, masking: Masking, key: int) -> int:
    """How many of so many tokens are predicted."""
    if masking.masked_a_row is not None:
        return min(masking.masked_a_row, (maskable + 1) // 2)
    expected = masking.probability * maskable
    # A u close to 1 can round the sum up.
    return min(int(expected + unit(draw(key, COUNT, 0))), math.ceil(expected))


def _some(maskable: list[int], count: int, key: int) -> list[int]:
    """`count` of the places, each set of so many as likely as any other (Knuth, volume 2, 3.4.2, algorithm S)."""
    chosen = []
    for passed, place in enumerate(maskable):
        if below(draw(key, ORDER, place), len(maskable) - passed) < count - len(chosen):
            chosen.append(place)
    return chosen


def _words(
    tokens: np.ndarray, maskable: list[int], masking: Masking, most: int, documents: list[int]
) -> list[list[int]]:
    """The places of each word, in order; words of more than `most` pieces are cut."""
    joined = masking.pieces.joined(tokens, np.array(documents))
    words: list[list[int]] = []
    for place in maskable:
        if words and joined[place] and words[-1][-1] == place - 1 and len(words[-1]) < most:
            words[-1].append(place)
        else:
            words.append([place])
    return words


def _some_words(
    words: list[list[int]], count: int, maskable: int, masking: Masking, key: int, documents: list[int]
) -> list[tuple[int, int]]:
    """Places of whole words or spans, each with the number its fate is drawn by."""
    spans = masking.unit == "span"
    if count == 0:
        return []
    long = [word for word in words if len(word) > count]
    # Each long word has count chances in `maskable`, as each token has, to be the only one.
    chance = below(draw(key, LONG, 0), maskable)
    if chance < len(long) * count:
        word = long[chance // count]
        return [(place, word[0] if spans else place) for place in word]
    # The others have what is left of the average: count x (their tokens) / maskable in all, in the remaining cases.
    cases = maskable - len(long) * count
    left, rest = divmod(count * sum(len(word) for word in words if len(word) <= count), cases)
    left += below(draw(key, ROUND, 0), cases) < rest
    first_places = set(np.cumsum([0, *documents]).tolist())
    order, taken, chosen = list(range(len(words))), set(), []
    for drawn in range(len(words)):
        if left == 0:
            break
        other = drawn + below(draw(key, ORDER, drawn), len(words) - drawn)
        start, order[other] = order[other], order[drawn]
        length = _span_length(masking, key, drawn) if spans else 1
        for number in range(start, min(start + length, len(words))):
            word = words[number]
            apart = number > start and (word[0] != words[number - 1][-1] + 1 or word[0] in first_places)
            if apart or number in taken or len(word) > left:
                break
            taken.add(number)
            left -= len(word)
            chosen += [(place, words[start][0] if spans else place) for place in word]
    return chosen


def _span_length(masking: Masking, key: int, drawn: int) -> int:
    """In words."""
    return 1 + int(np.searchsorted(masking.lengths, draw(key, LENGTH, drawn) >> 11, side="right"))
