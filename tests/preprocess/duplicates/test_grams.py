"""The kernels of word n-grams against a plain implementation, on hostile and random text."""

import random
import unicodedata

import numpy as np
import pytest

from fairseq_hebrew.preprocess.duplicates import banding, gram_kernels
from fairseq_hebrew.preprocess.duplicates.words import LETTER, SEPARATES, SILENT, classes, split_words

MASK = (1 << 64) - 1


def plain_mix(value):
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & MASK
    return value ^ value >> 31


def plain_word(word):
    value = 0x13198A2E03707345
    for sign in word:
        value = (value * 0x243F6A8885A308D3 + ord(sign)) & MASK
    return plain_mix(value)


def plain_grams(text, size):
    words = [plain_word(word) for word in split_words(text)]
    size = min(size, len(words))
    made = []
    for first in range(len(words) - size + 1 if size else 0):
        value = 0
        for word in words[first : first + size]:
            value = (value * 0xB7E151628AED2A6B + word) & MASK
        made.append(plain_mix((value + size) & MASK))
    return made


def plain_keys(grams, bands, rows):
    if not grams:
        return [0] * bands
    least = {}
    for gram in grams:
        least[gram >> 57] = min(gram, least.get(gram >> 57, MASK))
    dense = []
    for position in range(128):
        found, attempt = position, position
        while found not in least:
            attempt = plain_mix((attempt + 0x13198A2E03707345) & MASK)
            found = attempt >> 57
        dense.append(least[found])
    keys = []
    for band in range(bands):
        value = band
        for one in dense[band * rows : band * rows + rows]:
            value = plain_mix((value * 0xB7E151628AED2A6B + one) & MASK)
        keys.append(max(value, 1))
    return keys


def joined(texts):
    """(uint8 text, bounds) as the kernels take them."""
    encoded = [text.encode() for text in texts]
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), np.cumsum([0, *map(len, encoded)], dtype=np.int64)


def of_kernels(texts, size=5, bands=21, rows=6):
    """(keys, counts, sets) of texts."""
    text, bounds = joined(texts)
    counts, sizes = np.empty(len(texts), np.int64), np.empty(len(texts), np.int64)
    keys = np.empty((bands, len(texts)), np.uint64)
    gram_kernels.sign(text, bounds, classes(), size, bands, rows, counts, keys)
    starts = np.cumsum([0, *counts], dtype=np.int64)
    grams = np.empty(starts[-1], np.uint64)
    gram_kernels.gram_sets(text, bounds, classes(), size, starts, grams, sizes)
    sets = [grams[start : start + n].tolist() for start, n in zip(starts[:-1], sizes)]
    return keys, counts, sets


@pytest.mark.parametrize(
    "variants",
    [
        ['צה"ל', "צה״ל", "צה“ל", "צה''ל", "צהל", "צַהַ״ל", "\u200fצה״ל\u200e", '"צה"ל"'],
        ["ג'ירפה", "ג׳ירפה", "ג’ירפה", "גירפה"],
        ["בית-ספר", "בית־ספר", "בית ספר", "בית\nספר", " בית, ספר. ", "בית–ספר", "בית\u00a0ספר", "בֵּית־סֵפֶר"],
        ["Hello World", "hello, WORLD!"],
        ["3.5", "3,5", "3 5"],
        ["", " ", "...", "־ ׃", "\u200e\u05b8", '"', "€ ©"],
    ],
)
def test_spellings_of_the_same_words(variants):
    assert len({tuple(split_words(text)) for text in variants}) == 1
    assert len({tuple(one) for one in of_kernels(variants)[2]}) == 1


def test_words_that_differ_stay_apart():
    texts = ["של", "שלום", "שלו", "םולש", "shalom", "12", "21", "1 2", "é", "e", "É", "中", "𐤀", "𐤁", "😀"]
    assert len({tuple(one) for one in of_kernels(texts)[2]}) == len(texts)


def test_the_table_of_characters():
    table = classes()
    assert {"LETTER": LETTER, "SILENT": SILENT, "SEPARATES": SEPARATES} == {"LETTER": 2, "SILENT": 1, "SEPARATES": 0}
    for code in range(0x591, 0x5F5):
        sign = chr(code)
        kind = unicodedata.category(sign)
        wanted = LETTER if kind[0] == "L" else SILENT if kind == "Mn" or sign in "׳״" else SEPARATES
        assert table[code] == wanted, hex(code)
    assert table[ord("־")] == table[ord("׃")] == table[ord("-")] == table[ord(" ")] == SEPARATES


def random_text(choice, length):
    pools = [
        "אבגדה וזחט ",
        "abcXYZ 019 .,",
        "\u05b0\u05b8\u05bc\u05c1־׳״\"'",
        " \t\r\n\x00\x0b",
        "éßЖ中क्ष٣",
        "𐤀😀\U0010ffff",
    ]
    return "".join(choice.choice(choice.choice(pools)) for _ in range(length))


@pytest.mark.parametrize("size", [1, 2, 5, 13])
def test_kernels_equal_the_plain_way(size):
    choice = random.Random(size)
    texts = [random_text(choice, choice.choice([0, 1, 3, 20, 100, 700])) for _ in range(150)]
    # Only characters that are no surrogates, whatever their class.
    every = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    texts += ["".join(choice.choices(every, k=50)) for _ in range(50)]
    # One letter a word: more words to a byte than the buffers have room for at first.
    texts += [" ".join("אבגד"[choice.randrange(4)] for _ in range(300)), "", "a " * 500]
    keys, counts, sets = of_kernels(texts, size=size)
    for index, text in enumerate(texts):
        grams = plain_grams(text, size)
        assert counts[index] == len(grams) == gram_kernels.count_grams(len(split_words(text)), size)
        assert sets[index] == sorted(set(grams))
        assert keys[:, index].tolist() == plain_keys(grams, 21, 6)


def test_a_text_has_the_same_hashes_wherever_it_stands():
    choice = random.Random(1)
    texts = [random_text(choice, 60) for _ in range(20)]
    alone = [of_kernels([text]) for text in texts]
    keys, _, sets = of_kernels(texts)
    assert sets == [one[2][0] for one in alone]
    assert (keys == np.concatenate([one[0] for one in alone], axis=1)).all()


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.7, 0.8, 1.0])
def test_jaccard_equals_that_of_python_sets(threshold):
    choice = random.Random(3)
    sets = [set(choice.sample(range(60), choice.randint(1, 40))) for _ in range(40)]
    sets += [set(range(n)) for n in range(1, 31)]  # quotients such as 7/10, 4/5
    starts = np.cumsum([0, *map(len, sets)], dtype=np.int64)
    grams = np.array([value for one in sets for value in sorted(one)], dtype=np.uint64)
    pairs = [(a, b) for a in range(len(sets)) for b in range(len(sets))]
    left, right = (np.array(side, dtype=np.int64) for side in zip(*pairs))
    found = np.empty(len(pairs), dtype=np.bool_)
    sizes = np.diff(starts)
    gram_kernels.are_similar(grams, starts[:-1], sizes, left, right, threshold, found)
    wanted = [len(sets[a] & sets[b]) / len(sets[a] | sets[b]) >= threshold for a, b in pairs]
    assert found.tolist() == wanted and any(wanted) and not all(wanted)


def test_signatures_find_what_the_theory_says():
    """Candidates among pairs of a known Jaccard, for each of several bandings."""
    choice = random.Random(4)
    words = [f"מ{number}" for number in range(5000)]
    texts = []
    for _ in range(2000):  # 1-grams: 60 of 80 shared is a Jaccard of 0.75 with 20 more of either side's own
        mine = choice.sample(words, 120)
        texts += [" ".join(mine[:105]), " ".join(mine[15:])]
    jaccard = 90 / 120
    for bands, rows in ((14, 8), (21, 6), (5, 12)):
        keys, _, _ = of_kernels(texts, size=1, bands=bands, rows=rows)
        found = (keys[:, ::2] == keys[:, 1::2]).any(axis=0).mean()
        assert found == pytest.approx(banding.Banding(jaccard, 1, bands, rows).recall(jaccard), abs=0.035)


def test_a_signature_has_as_many_values_as_the_banding_counts_on():
    assert banding.VALUES == gram_kernels.BINS
