"""The kernel of normalization against the plain path: the same bytes, the same rules told, the same counts."""

import random
import unicodedata

import numpy as np
import pytest

from fairseq_hebrew.text import fast_normalize
from fairseq_hebrew.text.fast_normalize import MOJIBAKE, POINT, RULES, UNSTABLE, normalize_documents
from fairseq_hebrew.text.measures import is_mojibake, yiddish_share
from fairseq_hebrew.text.normalize import Normalization, normalize_and_tell
from tests.text.hostile import REAL, hostile_documents, real_documents

ALL = Normalization()


def fast(documents, rules=ALL, mojibake=0.1):
    """(text, flags of the lines, share of Yiddish) of each document."""
    texts = ["".join(f"{line}\n" for line in lines).encode() for lines in documents]
    offsets = np.cumsum([0, *map(len, texts)])
    done = normalize_documents(np.frombuffer(bytearray().join(texts), dtype=np.uint8), offsets, rules, mojibake)
    parts = zip([0, *done.ends], done.ends, done.first, done.first[1:], done.yiddish)
    return [
        (done.text[start:stop].tobytes().decode(), done.flags[first:end].tolist(), float(share))
        for start, stop, first, end, share in parts
    ]


def plain(documents, rules=ALL, mojibake=0.1):
    made = []
    for lines in documents:
        text, flags = "", []
        for line in lines:
            if is_mojibake(line, mojibake):
                flags.append(MOJIBAKE)
                continue
            normalized, changed = normalize_and_tell(line, rules)
            flags.append(sum(RULES[rule] for rule in changed))
            text += f"{normalized}\n" if normalized.strip() else ""
        made.append((text + "\n", flags, yiddish_share("\n".join(lines))))
    return made


def assert_equal(documents, rules=ALL, mojibake=0.1):
    for lines, made, wanted in zip(documents, fast(documents, rules, mojibake), plain(documents, rules, mojibake)):
        assert made == wanted, (rules, ascii(lines))


@pytest.mark.parametrize("seed", range(60))
def test_hostile_lines_with_every_rule(seed):
    assert_equal(hostile_documents(200, seed))


@pytest.mark.parametrize("seed", range(60))
def test_hostile_lines_with_some_rules(seed):
    choice = random.Random(seed)
    rules = Normalization(*(choice.random() < 0.6 for _ in range(6)))
    assert_equal(hostile_documents(200, seed + 1000), rules, choice.choice([0.0, 0.1, 0.3, 2.0]))


def test_moses_punctuation():
    assert_equal(hostile_documents(30, seed=1), Normalization(punctuation=True))


@pytest.mark.parametrize("before", ["א", " ", "a", "א\u05b7", "א\u200f", "א״"])
def test_every_code_point_before_a_letter(before):
    codes = [*range(0x3100), *range(0x3100, 0xD800, 37), *range(0xFB00, 0x10000), *range(0x10000, 0x110000, 301)]
    assert_equal([[f"{before}{chr(code)}ב"] for code in codes if code != 10])


def test_what_takes_the_kernels_way_is_stable():
    bits, orders = fast_normalize._tables()
    tails = {}
    for code in range(0x110000):
        parts = unicodedata.normalize("NFD", chr(code))
        for tail in parts[1:]:
            tails.setdefault(ord(tail), []).append(parts)
        unstable = not unicodedata.is_normalized("NFC", chr(code)) or unicodedata.combining(chr(code)) > 0
        assert bits[code] & (UNSTABLE | POINT) or not unstable, hex(code)
    for code, wholes in tails.items():
        assert bits[code] & (UNSTABLE | POINT), hex(code)
        if bits[code] & POINT:
            assert all(unicodedata.normalize("NFC", whole) == whole for whole in wholes), "points join nothing"
    for code in np.flatnonzero(bits & POINT):
        assert orders[code - 0x590] == unicodedata.combining(chr(code)) > 0


@pytest.mark.parametrize("points", [True, False])
def test_pointed_text_in_any_order_of_points(points):
    choice = random.Random(7)
    marks = [chr(code) for code in range(0x0591, 0x05C8) if unicodedata.combining(chr(code))]
    lines = []
    for _ in range(3000):
        letters = choice.choices("אבגדש ״\u200f", k=8)
        lines.append("".join(letter + "".join(choice.choices(marks, k=choice.randint(0, 4))) for letter in letters))
    assert_equal([lines], Normalization(points=points))
    assert_equal([lines], Normalization(points=points, bidi=False, forms=False))


def test_documents_without_a_line_or_a_letter():
    assert fast([]) == []
    assert fast([[""], ["", ""], [" "], ["\u200f"]]) == plain([[""], ["", ""], [" "], ["\u200f"]])


@pytest.mark.skipif(not REAL.exists(), reason=f"no real text at {REAL}")
@pytest.mark.parametrize("name", ["benyehuda_02.txt", "laws.txt", "wikipedia_paragraphs.txt", "knesset_protocols.txt"])
def test_real_text(name):
    assert_equal(real_documents(name, 2_000_000))
    assert_equal(real_documents(name, 300_000), Normalization(points=False, spaces=False))
