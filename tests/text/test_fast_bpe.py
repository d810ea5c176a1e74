"""The fast encoder gives the ids of Hugging Face's, whatever the text."""

import json
import random
import threading
from pathlib import Path

import numpy as np
import pytest
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

from fairseq_hebrew.text import fast_bpe
from fairseq_hebrew.text.dictionary import SPECIALS
from fairseq_hebrew.text.fast_bpe import FastBPE, Unsupported, padded
from fairseq_hebrew.text.pretokenize import KINDS, huggingface
from fairseq_hebrew.text.tokenizer import byte_characters

ROOT = Path(__file__).parents[2]
REAL = ROOT.parent / "shared" / "data" / "text"
LETTERS = "אבגדהוזחטיכלמנסעפצקרשת"
MARKS = "".join(map(chr, [*range(0x0591, 0x05C8), *range(0x0300, 0x0340), 0x200D, 0xFE0F]))
# Blocks of code points to draw from: controls, ASCII, two, three and four bytes, blanks of all kinds, emoji.
BLOCKS = [
    range(0x00, 0x20),
    range(0x20, 0x7F),
    range(0x7F, 0x250),
    range(0x0370, 0x0600),
    range(0x0600, 0x0700),
    range(0x2000, 0x2070),
    range(0x3000, 0x3100),
    range(0x4E00, 0x4F00),
    range(0xFB1D, 0xFB50),
    range(0xFF00, 0xFFF0),
    range(0x1D400, 0x1D500),
    range(0x1F300, 0x1F700),
    range(0x10FF00, 0x110000),
]


def texts(seed, count=400):
    """Random lines: characters of every class, Hebrew words, pointed ones, runs of a character, very long words."""
    choice = random.Random(seed)

    def word():
        kind = choice.randrange(7)
        if kind == 0:
            return "".join(chr(choice.choice(choice.choice(BLOCKS))) for _ in range(choice.randint(1, 9)))
        if kind == 1:
            return "".join(
                letter + choice.choice(MARKS) * choice.randrange(3) for letter in choice.choices(LETTERS, k=6)
            )
        if kind == 2:
            return choice.choice(LETTERS + "a1.\u200f\t\n \u00a0😀") * choice.choice([1, 2, 3, 31, 32, 63, 64, 65, 200])
        if kind == 3:
            return "".join(
                choice.choices(LETTERS[:3] + "ab", k=choice.choice([7, 8, 11, 12, 16, 23, 24, 31, 32, 64, 300]))
            )
        if kind == 4:
            return choice.choice(
                ['צה"ל', "ג'ירפה", "ארה״ב", "<s>", "</s>", "<mask>", "don't", "we'LL", "רח'", "''", '"']
            )
        return "".join(choice.choices(LETTERS, k=choice.randint(1, 8)))

    def line():
        made = [word() for _ in range(choice.randint(1, 20))]
        return "".join(part + choice.choice(["", " ", " ", " ", "  ", "\t", "\u00a0 "]) for part in made)

    return ["", " ", "\n", "\r", *(line() for _ in range(count))]


def trained(folder, kind, size):
    """A tokenizer with many merges of many kinds of words."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = huggingface(kind)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(1, 2000), trainer)
    folder.mkdir()
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder / "tokenizer.json"


@pytest.fixture(scope="module", params=KINDS)
def path(request, tmp_path_factory):
    return trained(tmp_path_factory.mktemp("fast") / request.param, request.param, 3000)


def by_huggingface(path, lines):
    library = tokenizers.Tokenizer.from_file(str(path))
    library.encode_special_tokens = True
    return [item.ids for item in library.encode_batch(lines, add_special_tokens=False)]


def same(path, lines, fast=None):
    made = (fast or FastBPE(path)).encode_batch(lines)
    for line, ours, theirs in zip(lines, made, by_huggingface(path, lines), strict=True):
        assert ours.tolist() == theirs, line
    return sum(map(len, made))


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_hostile_text(path, seed):
    assert same(path, texts(seed)) > 10_000


def test_words_that_were_seen_and_words_that_were_not(path):
    fast = FastBPE(path)
    lines = texts(5)
    first = [ids.tolist() for ids in fast.encode_batch(lines)]
    again = [ids.tolist() for ids in fast.encode_batch(lines)]
    assert first == again == by_huggingface(path, lines)


@pytest.mark.parametrize("rows", [4, 16])
def test_a_cache_that_is_full(path, monkeypatch, rows):
    monkeypatch.setattr(fast_bpe, "SMALL_ROWS", rows)
    monkeypatch.setattr(fast_bpe, "LARGE_ROWS", rows)
    fast = FastBPE(path)
    for seed in (6, 7, 6):
        same(path, texts(seed, 200), fast)


def test_every_pair_of_bytes_that_two_byte_characters_make(path):
    characters = [chr(point) for point in range(0x80, 0x800)]
    ascii = [chr(point) for point in range(0x80)]
    lines = ["".join(characters), " ".join(characters)]
    lines += [first + second for first in ascii for second in ascii]
    lines += ["".join(f"{second}{first}" for second in characters[::7]) for first in characters[::64]]
    lines += [f"{one}{other}" for one in characters[::31] for other in ascii]
    same(path, lines)


def test_every_character(path):
    points = [point for point in range(0x110000) if not 0xD800 <= point < 0xE000]
    lines = ["א".join(map(chr, points[i : i + 64])) for i in range(0, len(points), 64)]
    same(path, lines[:1100] + lines[1100::40])


@pytest.mark.parametrize("length", [62, 63, 64, 65, 66, 1000, 60_000])
def test_long_words(path, length):
    choice = random.Random(length)
    lines = ["".join(choice.choices("ab", k=length)), "א" * length, "אב" * length, "a" * length]
    lines += ["".join(choice.choices(LETTERS[:4], k=length)), " " * length, "." * length, "\u05b0" * length]
    same(path, lines)


def test_a_megabyte_without_a_blank(path):
    choice = random.Random(1)
    same(path, ["".join(choice.choices(LETTERS, k=500_000))])


def test_threads_share_an_encoder(path):
    fast, lines = FastBPE(path), [texts(seed) for seed in (8, 9, 10)]
    made = [None] * 3

    def work(number):
        made[number] = [[ids.tolist() for ids in fast.encode_batch(lines[number])] for _ in range(3)]

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(3):
        assert made[number] == [by_huggingface(path, lines[number])] * 3


def test_ids_are_mapped_and_lines_end(path):
    size = tokenizers.Tokenizer.from_file(str(path)).get_vocab_size()
    table = np.random.default_rng(1).permutation(size).astype(np.int32)
    fast = FastBPE(path, table)
    text = "שלום עולם\nabc\n\nסוף".encode()
    ends = np.array([text.index(b"\n"), text.index(b"\n\n"), text.index(b"\n\n") + 1, len(text)])
    starts = np.concatenate([[0], ends[:-1] + 1])
    starts[2] = ends[2]
    tokens, sizes = fast.encode(padded(text), starts, ends, 2)
    assert tokens.dtype == sizes.dtype == np.int32
    lines = [text[start:end].decode() for start, end in zip(starts, ends)]
    expected = [[*table[ids].tolist(), 2] for ids in by_huggingface(path, lines)]
    assert [part.tolist() for part in np.split(tokens, np.cumsum(sizes)[:-1])] == expected
    assert sizes[2] == 1


def test_no_lines(path):
    assert FastBPE(path).encode_batch([]) == []


def test_the_letters_of_bytes_are_the_librarys():
    assert sorted(byte_characters()) == sorted(pre_tokenizers.ByteLevel.alphabet())
    split = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    for byte in [*range(0x80), *"אé€😀".encode()]:
        if byte < 0x80:
            assert split.pre_tokenize_str(chr(byte))[0][0] == byte_characters()[byte]
    whole = "אé€😀"
    assert split.pre_tokenize_str(whole)[0][0] == "".join(byte_characters()[byte] for byte in whole.encode())


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda t: t.update(normalizer={"type": "NFC"}), "normalizer"),
        (lambda t: t.update(pre_tokenizer={"type": "Whitespace"}), "pre-tokenizer is neither"),
        (lambda t: t.update(pre_tokenizer=None), "pre-tokenizer is neither"),
        (lambda t: t["model"].update(dropout=0.1), "dropout"),
        (lambda t: t["model"].update(ignore_merges=True), "ignore_merges"),
        (lambda t: t["model"].update(byte_fallback=True), "byte_fallback"),
        (lambda t: t["model"].update(end_of_word_suffix="</w>"), "end_of_word_suffix"),
        (lambda t: t["model"].update(continuing_subword_prefix="##"), "continuing_subword_prefix"),
        (lambda t: t["model"].update(type="WordPiece"), "its model is WordPiece"),
        (lambda t: t["model"]["vocab"].pop("Ā"), "lacks some of the 256 bytes"),
        (lambda t: t["model"]["vocab"].update({"far": 1 << 20}), "more than"),
        (lambda t: t["added_tokens"][0].update(special=False), "added token '<s>'"),
    ],
)
def test_what_it_does_not_do_it_declines(path, tmp_path, change, said):
    tokenizer = json.loads(path.read_text())
    change(tokenizer)
    changed = tmp_path / "tokenizer.json"
    changed.write_text(json.dumps(tokenizer))
    with pytest.raises(Unsupported, match=said):
        FastBPE(changed)


def test_merges_as_strings(path, tmp_path):
    """Older releases wrote `"a b"` where newer ones write `["a", "b"]`."""
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["merges"] = [" ".join(merge) for merge in tokenizer["model"]["merges"]]
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    same(tmp_path / "tokenizer.json", texts(11, 100))


@pytest.mark.skipif(not REAL.exists(), reason="no real text at ../shared/data/text")
@pytest.mark.parametrize("kind", KINDS)
def test_real_text(tmp_path, kind):
    files = sorted(REAL.glob("*.txt"))
    lines = [line for file in files for line in file.open("rb").read(300_000).decode(errors="ignore").split("\n")]
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = huggingface(kind)
    trainer = trainers.BpeTrainer(
        vocab_size=12_000,
        special_tokens=list(SPECIALS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(lines, trainer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert len(files) > 5 and same(tmp_path / "tokenizer.json", lines) > 300_000
