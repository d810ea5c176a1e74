"""`mask_rows` as a kernel: what `plain_masking` does, row after row without a list of anything but words."""

from __future__ import annotations

import math

import numpy as np

from ..stage.kernels import kernel

# Those of `draws` and of `masking`.
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_11, _27, _30, _31, _32 = (np.uint64(shift) for shift in (11, 27, 30, 31, 32))
COUNT, LONG, ROUND, ORDER, LENGTH, FATE, REPLACEMENT = range(7)
PURPOSES = 8
TOKEN, WORD, SPAN = range(3)


@kernel
def _draw(key, purpose, number):
    """64 random bits."""
    state = key + GOLDEN * np.uint64(PURPOSES * number + purpose + 1)
    state = (state ^ state >> _30) * FIRST
    state = (state ^ state >> _27) * SECOND
    return state ^ state >> _31


@kernel
def _below(bits, end):
    """A whole number from 0 up to `end`, evenly."""
    return np.int64((bits >> _32) * np.uint64(end) >> _32)


@kernel
def _count(maskable, probability, masked_a_row, key):
    """How many of so many tokens are predicted."""
    if masked_a_row:
        return min(masked_a_row, (maskable + 1) // 2)
    expected = probability * maskable
    return min(np.int64(expected + np.int64(_draw(key, COUNT, 0) >> _11) * 2.0**-53), np.int64(math.ceil(expected)))


@kernel
def _predict(i, place, number, key, tokens, replacements, numbers, inputs, targets):
    """Predict the token at i, the `place` of its row; its fate is drawn by `number`."""
    replaced, kept, mask_id = numbers[0], numbers[1], numbers[2]
    targets[i] = tokens[i]
    fate = np.int64(_draw(key, FATE, number) >> _11)
    if fate < replaced:
        inputs[i] = replacements[_below(_draw(key, REPLACEMENT, place), len(replacements))]
    elif fate >= kept:
        inputs[i] = mask_id


@kernel
def _find_words(begin, end, tokens, joined, special, most, starts, sizes):
    """Where the words of tokens[begin:end] begin, and their pieces; how many there are."""
    words = 0
    within = False
    for i in range(begin, end):
        if special[tokens[i]]:
            within = False
        elif within and joined[i] and sizes[words - 1] < most:
            sizes[words - 1] += 1
        else:
            starts[words] = i
            sizes[words] = 1
            words += 1
            within = True
    return words


@kernel
def _mask_words(
    begin,
    words,
    starts,
    sizes,
    order,
    count,
    maskable,
    key,
    fronts,
    tokens,
    replacements,
    lengths,
    numbers,
    inputs,
    targets,
):
    """Predict whole words or spans of the row that begins at `begin`."""
    pad_id, spans = numbers[3], numbers[6] == SPAN
    long = short_tokens = 0
    for word in range(words):
        order[word] = word
        if sizes[word] > count:
            long += 1
        else:
            short_tokens += sizes[word]
    cases = maskable - long * count
    left = count
    if long:
        chance = _below(_draw(key, LONG, 0), maskable)
        if chance < long * count:
            wanted = chance // count
            for word in range(words):
                if sizes[word] > count:
                    if wanted == 0:
                        for i in range(starts[word], starts[word] + sizes[word]):
                            number = (starts[word] if spans else i) - begin
                            _predict(i, i - begin, number, key, tokens, replacements, numbers, inputs, targets)
                        return
                    wanted -= 1
        left = count * short_tokens // cases
        if _below(_draw(key, ROUND, 0), cases) < count * short_tokens - left * cases:
            left += 1
    for drawn in range(words):
        if left == 0:
            break
        other = drawn + _below(_draw(key, ORDER, drawn), words - drawn)
        start = order[other]
        order[other] = order[drawn]
        length = 1
        if spans:
            bits = np.int64(_draw(key, LENGTH, drawn) >> _11)
            while bits >= lengths[length - 1]:
                length += 1
        for word in range(start, min(start + length, words)):
            first, size = starts[word], sizes[word]
            if word > start and (first != starts[word - 1] + sizes[word - 1] or fronts[first]):
                break
            if size > left or targets[first] != pad_id:
                break
            left -= size
            for i in range(first, first + size):
                number = (starts[start] if spans else i) - begin
                _predict(i, i - begin, number, key, tokens, replacements, numbers, inputs, targets)


@kernel
def _mask_tokens(begin, end, count, maskable, key, special, tokens, replacements, numbers, inputs, targets):
    """Predict `count` single tokens of the row (Knuth, volume 2, 3.4.2, algorithm S)."""
    for i in range(begin, end):
        if count == 0:
            break
        if special[tokens[i]]:
            continue
        if _below(_draw(key, ORDER, i - begin), maskable) < count:
            _predict(i, i - begin, i - begin, key, tokens, replacements, numbers, inputs, targets)
            count -= 1
        maskable -= 1


@kernel
def mask_flat(
    tokens, ends, documents, keys, joined, special, replacements, lengths, numbers, probability, inputs, targets
):
    """See `masking.mask_rows`. inputs: a copy of tokens; targets: all pad_id. ends and documents, int64: where rows
    and documents end. numbers: the two fates, mask_id, pad_id, most, masked_a_row (0: a share), the unit.
    """
    most, masked_a_row, unit = numbers[4], numbers[5], numbers[6]
    longest = begin = 0
    for row in range(len(ends)):
        longest = max(longest, ends[row] - begin)
        begin = ends[row]
    room = longest if unit != TOKEN else 0
    starts, sizes, order = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    fronts = np.zeros(len(tokens) + 1 if unit == SPAN else 1, np.bool_)
    if unit == SPAN:
        for document in range(len(documents)):
            fronts[documents[document]] = True
    begin = 0
    for row in range(len(ends)):
        end, key = ends[row], keys[row]
        maskable = 0
        for i in range(begin, end):
            maskable += not special[tokens[i]]
        count = _count(maskable, probability, masked_a_row, key)
        if count and unit == TOKEN:
            _mask_tokens(begin, end, count, maskable, key, special, tokens, replacements, numbers, inputs, targets)
        elif count:
            words = _find_words(begin, end, tokens, joined, special, most, starts, sizes)
            _mask_words(
                begin, words, starts, sizes, order, count, maskable, key, fronts, tokens, replacements, lengths,
                numbers, inputs, targets,
            )  # fmt: skip
        begin = end
