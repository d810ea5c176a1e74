"""The pre-tokenizers: the kernel finds the words the stored pattern finds, and the Hebrew one keeps words whole."""

import itertools
import json
import random
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Regex, Tokenizer, models, pre_tokenizers

from fairseq_hebrew.text.pretokenize import CLASSES, KINDS, classes, huggingface, kind_of, stored, words

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "text"
# What the patterns tell apart, and what looks like it: each class, both quotes, blanks of all widths, 1 to 4 bytes.
HOSTILE = [
    *"אבגתםץש",
    *"\u05b0\u05bc\u05c1\u0591\u05c7\u05af\u05c3\u05be\u05c0\u0301\u0f35",
    *"\"'״׳’”`",
    *"aAzstmdlrveé\u00aaßжあ漢😀𐐀",
    *"0٣½²𝟘",
    *" \t\u00a0\u2003\u3000\u2028\u0085\x1c\x0b\r\n",
    *".,-–!?()\u200e\u200d\ufeff\x00\x7f\U0010ffff",
    "'ll",
    "'re",
    " '",
    'צה"ל',
    "ג'ירפה",
    "רח'",
]


def cut(lines, kind):
    """The words of each line by the kernel, as bytes."""
    encoded = [line.encode() for line in lines]
    # A byte between the lines: what stands outside a line must not matter.
    data = np.frombuffer(b"x" + b"x".join(encoded) + b"x", dtype=np.uint8)
    sizes = np.array([len(line) for line in encoded], dtype=np.int64)
    starts = np.cumsum(sizes + 1) - sizes
    word_starts, word_ends, first = words(data, starts, starts + sizes, kind)
    assert len(word_starts) == len(word_ends) == first[-1]
    found = [data[a:b].tobytes() for a, b in zip(word_starts, word_ends)]
    return [found[a:b] for a, b in itertools.pairwise(first)]


def cut_by_pattern(lines, kind):
    """The same by the Hugging Face pre-tokenizer: its offsets are of characters."""
    pre_tokenizer = huggingface(kind)
    return [[line[a:b].encode() for _, (a, b) in pre_tokenizer.pre_tokenize_str(line)] for line in lines]


@pytest.mark.parametrize("kind", KINDS)
def test_random_lines_of_hostile_characters(kind):
    choice = random.Random(7)
    lines = ["".join(choice.choices(HOSTILE, k=choice.randint(0, 12))) for _ in range(30_000)]
    lines += ["".join(chr(choice.choice(range(0x20, 0xD800))) for _ in range(20)) for _ in range(2000)]
    lines += [" ".join(choice.choices(["צ'", 'ב"ה', "שָׁלוֹם", "a", "'", '"'], k=5)) for _ in range(2000)]
    assert cut(lines, kind) == cut_by_pattern(lines, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_real_text(kind):
    if not REAL.exists():
        pytest.skip(f"no real Hebrew text at {REAL}")
    lines = []
    for name in ("wikipedia_articles", "bible", "english_gutenberg", "knesset_protocols"):
        lines += (REAL / f"{name}.txt").read_text(encoding="utf-8")[:400_000].split("\n")
    assert cut(lines, kind) == cut_by_pattern(lines, kind)


@pytest.mark.parametrize("name", CLASSES)
def test_the_classes_are_those_of_the_tokenizers_library(name):
    code_points = np.array([point for point in range(0x110000) if not 0xD800 <= point <= 0xDFFF])
    pattern = {"L": r"\p{L}+", "N": r"\p{N}+", "S": r"\s+", "M": r"\p{M}+"}[name]
    matched = np.ones(len(code_points), dtype=bool)
    text = "".join(map(chr, code_points))
    for _, (start, end) in pre_tokenizers.Split(Regex(pattern), "removed").pre_tokenize_str(text):
        matched[start:end] = False
    assert np.array_equal(classes()[code_points] & 7 == CLASSES[name], matched)


@pytest.mark.parametrize(
    "line, gpt2, hebrew",
    [
        ('דובר צה"ל אמר', ["דובר", " צה", '"', "ל", " אמר"], ["דובר", ' צה"ל', " אמר"]),
        ("מנכ״לית", ["מנכ", "״", "לית"], ["מנכ״לית"]),
        ('ב"הארץ" נכתב', ["ב", '"', "הארץ", '"', " נכתב"], ["ב", '"', "הארץ", '"', " נכתב"]),
        ('"צה"ל"', ['"', "צה", '"', "ל", '"'], ['"', 'צה"ל', '"']),
        ("ג'ירפה", ["ג", "'", "ירפה"], ["ג'ירפה"]),
        ("רח' הרצל", ["רח", "'", " הרצל"], ["רח'", " הרצל"]),
        ("צ'", ["צ", "'"], ["צ'"]),
        ("שָׁלוֹם", ["ש", "ָׁ", "לו", "ֹ", "ם"], ["שָׁלוֹם"]),
        ('צַהַ"ל', ["צ", "ַ", "ה", 'ַ"', "ל"], ['צַהַ"ל']),
        ("בית־ספר", ["בית", "־", "ספר"], ["בית", "־", "ספר"]),
        ("it's 5 o'clock", ["it", "'s", " 5", " o", "'", "clock"], ["it", "'s", " 5", " o", "'", "clock"]),
        ("א  ב\t ג ", ["א", " ", " ב", "\t", " ג", " "], ["א", " ", " ב", "\t", " ג", " "]),
        ("", [], []),
    ],
)
def test_examples(line, gpt2, hebrew):
    for kind, wanted in (("gpt2", gpt2), ("hebrew", hebrew)):
        assert [word.decode() for word in cut([line], kind)[0]] == wanted
        assert cut_by_pattern([line], kind) == cut([line], kind)


def test_the_kind_is_read_from_a_tokenizer_file():
    assert stored("gpt2") != stored("hebrew")
    for kind in KINDS:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = huggingface(kind)
        assert kind_of(json.loads(tokenizer.to_str())) == kind
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    assert kind_of(json.loads(tokenizer.to_str())) is None
    assert kind_of({}) is None


def test_the_stored_pattern_can_be_printed():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = huggingface("hebrew")
    again = Tokenizer.from_str(tokenizer.to_str())
    assert "Split" in str(again.pre_tokenizer) and tokenizer.to_str().isascii()
