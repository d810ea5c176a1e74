"""Normalization of many lines in one buffer: `normalize_line` byte for byte, at memory's speed where it can be.

One pass over the UTF-8 bytes of a batch of documents does what nearly every line needs. A line that holds anything
else (a character that NFC may change, a wide letter), and every line where Moses punctuation is asked for, goes through
`normalize_line` itself.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from fairseq_hebrew.stage.kernels import kernel

from . import characters
from .measures import LEAST_MOJIBAKE
from .normalize import Normalization, normalize_and_tell

# Rules, as bits of a line's flags: those that changed it. The names are the fields of Normalization.
POINTS, BIDI, FORMS, GERSHAYIM, CONTROLS, SPACES, PUNCTUATION = (1 << bit for bit in range(7))
RULES = {
    name: 1 << bit
    for bit, name in enumerate(("points", "bidi", "forms", "gershayim", "controls", "spaces", "punctuation"))
}
# The line was dropped as mojibake; the line was left to `normalize_line`.
MOJIBAKE, SLOW = 1 << 8, 1 << 9

# What a character is to the kernel, as bits of a table over all code points.
WHITE, CONTROL, BIDI_CONTROL, POINT, UNSTABLE, DOUBLE_QUOTE, SINGLE_QUOTE, BROKEN = (1 << bit for bit in range(8))
# No assigned character that matters here stands beyond; the blocks between are not assigned either.
ASSIGNED = (*range(0x33480), *range(0xE0000, 0xE01F0))
CODE_POINTS = 0x110000


@functools.cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """The bits of every code point, uint8 (0x110000,), and the canonical order of U+0590-05CF, uint8 (64,)."""
    bits = np.zeros(CODE_POINTS, dtype=np.uint8)
    sets = {
        CONTROL: characters.CONTROLS,
        BIDI_CONTROL: characters.BIDI_CONTROLS,
        POINT: characters.POINTS,
        DOUBLE_QUOTE: characters.GERSHAYIM,
        SINGLE_QUOTE: characters.GERESH,
        BROKEN: characters.MOJIBAKE_SECOND,
    }
    plane = "".join(map(chr, range(0x10000)))
    for bit, signs in sets.items():
        bits[[match.start() for match in re.finditer(f"[{signs}]", plane)]] |= bit
    # The medial vowels and finals of Hangul join what stands before them by rule, not by table.
    joining = {*range(0x1161, 0x1176), *range(0x11A8, 0x11C3), *characters.WIDE_LETTERS}
    for code in ASSIGNED:
        sign = chr(code)
        if sign.isspace():
            bits[code] |= WHITE
        if unicodedata.combining(sign) or not unicodedata.is_normalized("NFC", sign):
            joining.add(code)
        parts = unicodedata.decomposition(sign).split()
        if len(parts) == 2 and not parts[0].startswith("<"):
            joining.add(int(parts[1], 16))
    # Points join no letter in NFC, they only change places: the kernel does that itself.
    bits[[code for code in joining if not bits[code] & POINT]] |= UNSTABLE
    return bits, np.array([unicodedata.combining(chr(code)) for code in range(0x590, 0x5D0)], dtype=np.uint8)


@kernel
def _normalize(
    text, offsets, bits, order_of, rules, least, mojibake, made, ends, line_starts, line_ends, flags, first, yiddish
):
    o = line = 0
    for document in range(len(offsets) - 1):
        first[document] = line
        i, stop = offsets[document], offsets[document + 1]
        signs = words = hebrew_points = letters = 0
        # The word of the last point: its points on alef, whether it has no other, where the point ended.
        on_alef, sound, point_end, letters_then = 0, True, -1, 0
        while i < stop:
            start, begin = o, i
            count = broken = changed = blank = 0
            slow = rules & PUNCTUATION != 0
            space = False
            # Positions in `made` and `text` that say what stood there last; unequal to any that can be looked for.
            joined = mark = quote = mark_start = quote_start = cross = tilde = -1
            quote_sign = order = 0
            while text[i] != 10:
                byte = np.int64(text[i])
                count += 1
                if byte == 0xD7 and 0x90 <= text[i + 1] <= 0xAA:
                    letters += 1
                    if space:
                        space = False
                        if o > start:
                            made[o] = 32
                            o += 1
                    elif quote == o:
                        o = quote_start
                        made[o] = quote_sign
                        o += 1
                        changed |= GERSHAYIM
                        # The text got shorter: what was remembered by its end may seem to stand here again.
                        quote = mark = -1
                    made[o] = 0xD7
                    made[o + 1] = text[i + 1]
                    o += 2
                    i += 2
                    joined = o
                    continue
                if byte < 0x80:
                    code, size = byte, 1
                elif byte < 0xE0:
                    code, size = (byte & 0x1F) << 6 | (text[i + 1] & 0x3F), 2
                elif byte < 0xF0:
                    code, size = (byte & 0x0F) << 12 | np.int64(text[i + 1] & 0x3F) << 6 | (text[i + 2] & 0x3F), 3
                else:
                    code = (byte & 0x07) << 18 | np.int64(text[i + 1] & 0x3F) << 12
                    code, size = code | np.int64(text[i + 2] & 0x3F) << 6 | (text[i + 3] & 0x3F), 4
                kind = bits[code]
                if byte >= 0x80:
                    if (cross == i and kind & BROKEN) or (tilde == i and code == 0x2014) or code == 0xFFFD:
                        broken += 1
                    if code == 0xD7:
                        cross = i + 2
                    elif code == 0xC3:
                        tilde = i + 2
                    elif 0x5F0 <= code <= 0x5F2 or code == 0xFB1F:
                        signs += 1
                i += size
                if kind & UNSTABLE and rules & FORMS:
                    slow = True
                elif kind & WHITE:
                    if rules & SPACES:
                        if code != 32 or space or o == start:
                            changed |= SPACES
                        space = True
                        mark = -1
                        continue
                    blank += size
                elif kind & CONTROL and rules & CONTROLS:
                    changed |= CONTROLS
                    continue
                elif kind & BIDI_CONTROL and rules & BIDI:
                    changed |= BIDI
                    continue
                elif kind & POINT:
                    if point_end < begin or i - 2 - point_end != 2 * (letters - letters_then):
                        words += on_alef > 0 and sound
                        on_alef, sound = 0, True
                    if 0x5B7 <= code <= 0x5B8 and i - 4 >= begin and text[i - 4] == 0xD7 and text[i - 3] == 0x90:
                        on_alef += 1
                    else:
                        sound = False
                    in_hebrew = 0x5B0 <= code <= 0x5B3 or 0x5B5 <= code <= 0x5B6 or 0x5B9 <= code <= 0x5BB
                    hebrew_points += in_hebrew or 0x5C1 <= code <= 0x5C2
                    point_end, letters_then = i, letters
                    if mark != o:
                        order = mark_start = -1
                    place = np.int64(order_of[code - 0x590])
                    moved = order > place and rules & FORMS
                    if moved:
                        changed |= FORMS
                    order = max(order, place)
                    if rules & POINTS:
                        changed |= POINTS
                        mark = o
                        continue
                    if space:
                        space = False
                        if o > start:
                            made[o] = 32
                            o += 1
                    if mark_start < 0:
                        mark_start = o
                    at = o
                    if moved:  # canonical order: after the marks of its own class and of lower ones
                        while at > mark_start:
                            before = (np.int64(made[at - 2]) & 0x1F) << 6 | (made[at - 1] & 0x3F)
                            if order_of[before - 0x590] <= place:
                                break
                            made[at] = made[at - 2]
                            made[at + 1] = made[at - 1]
                            at -= 2
                    made[at] = byte
                    made[at + 1] = text[i - 1]
                    o += 2
                    joined = mark = o
                    continue
                if space:
                    space = False
                    if o > start:
                        made[o] = 32
                        o += 1
                elif kind & (DOUBLE_QUOTE | SINGLE_QUOTE) and joined == o and rules & GERSHAYIM:
                    quote_start, quote = o, o + size
                    quote_sign = 34 if kind & DOUBLE_QUOTE else 39
                for position in range(i - size, i):
                    made[o] = text[position]
                    o += 1
            i += 1
            if space:
                changed |= SPACES
            if broken >= least and broken >= mojibake * count:
                flags[line], o = MOJIBAKE, start
            elif slow:
                flags[line], o = SLOW, start
            else:
                flags[line] = changed
                if blank == o - start:
                    o = start
                else:
                    made[o] = 10
                    o += 1
            line_starts[line], line_ends[line] = begin, o
            line += 1
        made[o] = 10
        o += 1
        ends[document] = o
        words += on_alef > 0 and sound
        yiddish[document, 0], yiddish[document, 1] = signs, words
        yiddish[document, 2], yiddish[document, 3] = hebrew_points, letters
    first[len(offsets) - 1] = line
    return o


@dataclass
class Normalized:
    """The normalized lines of D documents, L lines in all.

    A line keeps its line end; one that is empty or dropped takes no byte. After each document stands an empty line.
    """

    source: np.ndarray  # uint8: the text given
    text: np.ndarray  # uint8
    ends: np.ndarray  # int64 (D,): where each document ends in `text`, its empty line included
    first: np.ndarray  # int64 (D + 1,): the number of each document's first line, and L
    line_starts: np.ndarray  # int64 (L,): where each line starts in `source`
    line_ends: np.ndarray  # int64 (L,): where each line ends in `text`
    flags: np.ndarray  # uint16 (L,): the rules that changed each line, as bits, or MOJIBAKE
    yiddish: np.ndarray  # float64 (D,): signs of Yiddish spelling per Hebrew letter, as `yiddish_share`

    def before(self, line: int) -> str:
        """A line as it was given, without its line end."""
        stop = self.line_starts[line + 1] if line + 1 < len(self.line_starts) else len(self.source)
        return self.source[self.line_starts[line] : stop - 1].tobytes().decode("utf-8")

    def after(self, line: int) -> str:
        """A line as it was made, without its line end."""
        start = self.line_ends[line - 1] if line else 0
        return self.text[start : self.line_ends[line]].tobytes().decode("utf-8").strip("\n")


def normalize_documents(text: np.ndarray, offsets: np.ndarray, rules: Normalization, mojibake: float) -> Normalized:
    """Normalize the lines of documents and drop those that are mojibake (`is_mojibake` with that share).

    `text`: uint8, writable, valid UTF-8, in which every document ends with a line end. `offsets`: int64 (D + 1,): where
    documents start, and the size of `text`.
    """
    lines, documents = int(np.count_nonzero(text == 10)), len(offsets) - 1
    made = np.empty(len(text) + documents + 1, dtype=np.uint8)
    ends, first = np.empty(documents, dtype=np.int64), np.empty(documents + 1, dtype=np.int64)
    line_starts, line_ends = np.empty(lines, dtype=np.int64), np.empty(lines, dtype=np.int64)
    flags, yiddish = np.empty(lines, dtype=np.uint16), np.empty((documents, 4), dtype=np.int64)
    wanted = sum(bit for name, bit in RULES.items() if getattr(rules, name))
    how = (*_tables(), wanted, LEAST_MOJIBAKE, float(mojibake))
    size = _normalize(text, offsets, *how, made, ends, line_starts, line_ends, flags, first, yiddish)
    signs, words, points, letters = yiddish.T
    signs = np.where((words >= 3) & (words > points), signs + words, signs)
    share = np.divide(signs, letters, out=np.zeros(documents), where=letters > 0)
    done = Normalized(text, made[:size], ends, first, line_starts, line_ends, flags, share)
    if len(slow := np.flatnonzero(flags & SLOW)):
        _finish(done, slow, rules)
    return done


def _finish(done: Normalized, slow: np.ndarray, rules: Normalization) -> None:
    """Put the lines that the kernel left out into their places."""
    pieces, position = [], 0
    grown = np.zeros(len(done.flags) + 1, dtype=np.int64)
    for line in slow:
        made, changed = normalize_and_tell(done.before(line), rules)
        done.flags[line] = sum(RULES[name] for name in changed)
        encoded = f"{made}\n".encode() if made.strip() else b""
        pieces += [done.text[position : done.line_ends[line]], np.frombuffer(encoded, dtype=np.uint8)]
        position = done.line_ends[line]
        grown[line + 1] = len(encoded)
    done.text = np.concatenate([*pieces, done.text[position:]])
    grown = np.cumsum(grown)
    done.line_ends += grown[1:]
    done.ends += grown[done.first[1:]]
