"""Binarizing: byte for byte what fairseq-preprocess writes, whatever the text holds."""

import itertools
import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest

from fairseq_hebrew.preprocess.binaries import chunks as chunking
from fairseq_hebrew.preprocess.binarize import Settings, binarize
from fairseq_hebrew.preprocess.train_bpe import Settings as TrainSettings
from fairseq_hebrew.preprocess.train_bpe import train_bpe
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.dictionary import SPECIALS, dictionary_lines
from fairseq_hebrew.text.vocabulary import Vocabulary

HOSTILE = (
    '\ufeff<s> </s> <pad> <unk> <mask>\r\nשָׁלוֹם צה"ל\r\n\r\n\r\n \t\r\n'
    "😀 👨‍👩‍👧 עולם  \n\nmadeupword0000 123\n\n\n\n  רווחים בהתחלה\n\u00a0\nNBSP\x00\x0b\n\n"
    "abc\u2028def\x85ghi\rj\n\n日本語 Ελληνικά\nבלי סוף שורה"
)
# What fairseq makes of the same ids: its own command, then its own reader, in one process for all cases.
STOCK = """
import json, sys
from fairseq.data import Dictionary, indexed_dataset
from fairseq_cli import preprocess
for folder in sys.argv[1:]:
    sys.argv = ["fairseq-preprocess", "--only-source", "--srcdict", f"{folder}/dict.txt", "--workers", "1",
                "--trainpref", f"{folder}/ids", "--destdir", f"{folder}/stock"]
    preprocess.cli_main()
    read = indexed_dataset.make_dataset(f"{folder}/ours1/train", impl="mmap")
    with open(f"{folder}/read.json", "w") as file:
        json.dump([read[i].tolist() for i in range(len(read))], file)
"""


def by_hand(folder, symbols):
    """A byte-level tokenizer of any size without training: each merge joins two bytes. `symbols` with the specials."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    pairs = [(left, right) for left in letters for right in letters][: symbols - 4 - 256]
    names = [*SPECIALS, *letters, *(left + right for left, right in pairs)]
    model = Tokenizer(models.BPE({name: i for i, name in enumerate(names)}, pairs))
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = decoders.ByteLevel()
    folder.mkdir()
    model.save(str(folder / "tokenizer.json"))
    # An order of lines that is not that of the ids.
    counts = np.arange(symbols) * 7919 % 1009
    (folder / "dict.txt").write_text("\n".join(dictionary_lines(counts)) + "\n")
    return folder


def plain_lines(text):
    """The lines a reader means: no BOM, no line ends, blank lines empty and never two together or at the start."""
    lines = []
    for line in text.removeprefix("\ufeff").removesuffix("\n").split("\n"):
        line = line.rstrip("\r") if line.strip(" \t\r\n\f\v") else ""
        if line or (lines and lines[-1]):
            lines.append(line)
    return lines


def random_text(seed):
    """Characters of every kind and length, runs of them, words and blanks of all kinds, long words, long lines."""
    choice = random.Random(seed)
    ranges = [
        range(1, 0x80),
        range(0x80, 0x800),
        range(0x800, 0xD800),
        range(0xE000, 0x10000),
        range(0x10000, 0x110000),
    ]
    signs = [
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        " ",
        "  ",
        "\t",
        "\u00a0",
        "\u2028",
        "שלום",
        'צה"ל',
        "א" * 70,
        "a" * 700,
        "<s>",
    ]

    def sign():
        return choice.choice(signs) if choice.random() < 0.6 else chr(choice.choice(choice.choice(ranges)))

    return "".join(sign() for _ in range(8000)) + "ב" * 20_000 + "\n"


CASES = ["hostile", "random", "blank_runs", "no_blank_lines", "just_uint16", "uint32"]
# How each case is run.
RUNS = {
    "ours1": ["--workers", 1],
    "ours3": ["--workers", 3],
    "library2": ["--encoder", "huggingface", "--workers", 2],
}


@pytest.fixture(scope="module")
def cases(tmp_path_factory, tokenizer, documents, command):
    """For each case a folder with text.txt, the RUNS of the real command, ids, stock, read.json."""
    root = tmp_path_factory.mktemp("cases")
    plain = ["\n".join(lines) for lines in documents(800, seed=1)]
    texts = {
        "hostile": HOSTILE,
        "random": random_text(1),
        "blank_runs": "\n\n" + "\n\n\n".join(plain) + "\n\n\n\n",
        "no_blank_lines": "\n".join(plain) + "\n",
        "just_uint16": HOSTILE + "\n" + "\n\n".join(plain[:50]),
        "uint32": HOSTILE + "\n" + "\n\n".join(plain[:50]),
    }
    tokenizers = {"just_uint16": by_hand(root / "small", 65_496), "uint32": by_hand(root / "large", 65_504)}
    for name in CASES:
        folder = root / name
        folder.mkdir()
        source = folder / "text.txt"
        source.write_bytes(texts[name].encode())
        used = tokenizers.get(name, tokenizer)
        for output, options in RUNS.items():
            arguments = ["--input", source, "--tokenizer", used, "--output", folder / output]
            done = command("binarize", *arguments, *options)
            assert done.returncode == 0, done.stderr
            assert "takes much longer" not in done.stderr, "the fast encoder is used unless the library is asked for"
        import tokenizers as library

        backend = library.Tokenizer.from_file(str(used / "tokenizer.json"))
        backend.encode_special_tokens = True
        ids = [backend.encode(line, add_special_tokens=False).ids for line in plain_lines(texts[name])]
        (folder / "ids").write_text("".join(" ".join(map(str, line)) + "\n" for line in ids))
        (folder / "dict.txt").write_bytes((used / "dict.txt").read_bytes())
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    stock = subprocess.run(
        [sys.executable, "-c", STOCK, *(str(root / name) for name in CASES)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=root,
    )
    assert stock.returncode == 0, stock.stderr[-3000:]
    return root


@pytest.mark.parametrize("output", RUNS)
@pytest.mark.parametrize("name", CASES)
def test_the_bytes_are_those_of_fairseq_preprocess(cases, name, output):
    ours, stock = cases / name / output, cases / name / "stock"
    for file in ("train.bin", "train.idx", "dict.txt"):
        assert (ours / file).read_bytes() == (stock / file).read_bytes(), file
    counts = json.loads((ours / "train.manifest.json").read_text())["counts"]
    assert counts["dtype"] == ("uint32" if name == "uint32" else "uint16")
    assert counts["encoder"] == ("fast" if "ours" in output else "huggingface")


@pytest.mark.parametrize("name", CASES)
def test_fairseq_reads_the_text_back(cases, name, tokenizer):
    items = json.loads((cases / name / "read.json").read_text())
    assert all(item[-1] == 2 and min(item) >= 2 for item in items)
    lines = plain_lines((cases / name / "text.txt").read_bytes().decode())
    folder = {"just_uint16": cases / "small", "uint32": cases / "large"}.get(name, tokenizer)
    vocabulary = Vocabulary(folder)
    assert [vocabulary.decode(item) for item in items] == lines
    assert all((len(item) == 1) == (line == "") for item, line in zip(items, lines))


def items_of(folder, split="train"):
    """The items of a binarized split, without fairseq."""
    raw = (folder / f"{split}.idx").read_bytes()
    dtype = np.uint16 if raw[17] == 8 else np.uint32
    count = int(np.frombuffer(raw, "<u8", 1, 18)[0])
    sizes = np.frombuffer(raw, np.int32, count, 26)
    tokens = np.frombuffer((folder / f"{split}.bin").read_bytes(), dtype)
    return [part.tolist() for part in np.split(tokens, np.cumsum(sizes)[:-1])]


def lengths_of_documents(items):
    lengths = [0]
    for item in items:
        if len(item) == 1:
            lengths.append(0)
        else:
            lengths[-1] += len(item)
    return [length for length in lengths if length]


@pytest.mark.parametrize("chunk", [200, 1 << 20])
@pytest.mark.parametrize("limit", [8, 50, 300])
def test_long_documents_are_cut_and_nothing_is_lost(tmp_path, tokenizer, documents, monkeypatch, limit, chunk):
    monkeypatch.setattr(chunking, "CHUNK", chunk)
    made = documents(20, seed=1, paragraphs=40, words=60)
    source = tmp_path / "a.txt"
    source.write_text("\n\n".join("\n".join(lines) for lines in made) + HOSTILE, encoding="utf-8")
    binarize(Settings(input=[source], tokenizer=tokenizer, output=tmp_path / "o", max_document_tokens=limit))
    items = items_of(tmp_path / "o")
    lengths = lengths_of_documents(items)
    assert max(lengths) <= limit
    assert not any(len(a) == len(b) == 1 for a, b in itertools.pairwise(items)), "no two lone ends"
    vocabulary = Vocabulary(tokenizer)
    text = source.read_text(encoding="utf-8").replace("\ufeff", "", 0)
    assert "".join(" ".join(map(vocabulary.decode, items)).split()) == "".join(text.split())
    if limit == 300:
        assert sum(lengths) / len(lengths) > 100, "documents are filled"


def test_documents_that_fit_are_not_touched_by_a_limit(tmp_path, tokenizer, documents, written):
    source = written(tmp_path / "a.txt", documents(50, seed=2))
    for limit in (0, 100_000):
        binarize(Settings(input=[source], tokenizer=tokenizer, output=tmp_path / str(limit), max_document_tokens=limit))
    assert (tmp_path / "0" / "train.bin").read_bytes() == (tmp_path / "100000" / "train.bin").read_bytes()


@pytest.mark.parametrize("limit", [0, 40])
def test_chunks_and_workers_do_not_change_the_result(tmp_path, tokenizer, documents, monkeypatch, limit):
    source = tmp_path / "a.txt"
    source.write_text(
        "\n\n".join("\n".join(lines) for lines in documents(2200, seed=3, paragraphs=12)), encoding="utf-8"
    )
    assert source.stat().st_size > 1 << 20
    made = set()
    for workers in (1, 2):
        settings = Settings(
            input=[source], tokenizer=tokenizer, output=tmp_path / "o", workers=workers, max_document_tokens=limit
        )
        binarize(settings, force=True)
        made.add(tuple((tmp_path / "o" / name).read_bytes() for name in ("train.bin", "train.idx")))
    monkeypatch.setattr(chunking, "CHUNK", 20_000)
    for encoder in ("fast", "huggingface"):
        for settings.workers in (1, 3) if encoder == "fast" else (1,):
            settings.encoder = encoder
            binarize(settings, force=True)
            made.add(tuple((tmp_path / "o" / name).read_bytes() for name in ("train.bin", "train.idx")))
    assert len(made) == 1


def test_the_end_of_a_file_ends_its_last_document(tmp_path, tokenizer):
    first, second, third = (tmp_path / name for name in "123")
    first.write_text("a\n\nb")
    second.write_text("\n\nc\n")
    third.write_text("d\n")

    def lines(*paths):
        binarize(Settings(input=list(paths), tokenizer=tokenizer, output=tmp_path / "o"))
        return [Vocabulary(tokenizer).decode(item) for item in items_of(tmp_path / "o")]

    assert lines(first, second) == ["a", "", "b", "", "c"]
    assert lines(first, third) == ["a", "", "b", "", "d"]
    assert lines(third, first) == ["d", "a", "", "b"], "no blank line in, none out"
    assert lines(third, second) == ["d", "", "c"]
    assert lines(first, first) == ["a", "", "b", "", "a", "", "b"]


def test_splits_and_shards_share_one_dictionary(tmp_path, tokenizer, documents, written, command):
    source = written(tmp_path / "a.txt", documents(20, seed=1))
    arguments = ["binarize", "--input", source, "--tokenizer", tokenizer, "--output", tmp_path / "o", "--split"]
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "fairseq_hebrew.cli", *map(str, arguments), split],
            stderr=subprocess.PIPE,
            text=True,
        )
        for split in ("train", "valid", "train1")
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    for process in running:
        process.stderr.close()
    names = sorted(path.name for path in (tmp_path / "o").iterdir())
    assert names == sorted(
        ["dict.txt"] + [f"{s}.{e}" for s in ("train", "valid", "train1") for e in ("bin", "idx", "manifest.json")]
    )


def test_another_dictionary_in_the_same_folder_is_refused(tmp_path, tokenizer, documents, written):
    source = written(tmp_path / "a.txt", documents(5, seed=1))
    other = tmp_path / "other.txt"
    lines = (tokenizer / "dict.txt").read_text().splitlines()
    other.write_text("\n".join(reversed(lines)) + "\n")
    settings = Settings(input=[source], tokenizer=tokenizer, output=tmp_path / "o")
    binarize(settings)
    settings.dict = other
    binarize(settings)
    assert (tmp_path / "o" / "dict.txt").read_bytes() == other.read_bytes(), "its only split was made anew"
    settings.dict, settings.split = None, "valid"
    with pytest.raises(UserError, match="another dictionary"):
        binarize(settings)


def test_a_lost_dictionary_is_written_again(tmp_path, tokenizer, documents, written):
    source = written(tmp_path / "a.txt", documents(5, seed=1))
    settings = Settings(input=[source], tokenizer=tokenizer, output=tmp_path / "o")
    binarize(settings)
    (tmp_path / "o" / "dict.txt").unlink()
    binarize(settings)
    assert (tmp_path / "o" / "dict.txt").read_bytes() == (tokenizer / "dict.txt").read_bytes()


def test_counts(tmp_path, tokenizer, capsys):
    source = tmp_path / "a.txt"
    source.write_text("שלום\nעולם\n\nסוף\n\n", encoding="utf-8")
    short = tmp_path / "dict.txt"
    short.write_text("4 1\n5 1\n6 1\n7 1\n")
    counts = binarize(Settings(input=[source], tokenizer=tokenizer, output=tmp_path / "o", dict=short))["counts"]
    items = items_of(tmp_path / "o")
    assert counts["documents"] == 2 and counts["lines"] == 3
    assert counts["tokens"] == sum(map(len, items)) and counts["symbols"] == 8
    assert "tokens are unknown to" in capsys.readouterr().err
    assert counts["unknown"] == counts["tokens"] - 5 and counts["text_bytes"] == source.stat().st_size


def test_a_tokenizer_the_fast_encoder_does_not_know(tmp_path, documents, written, capsys):
    source = written(tmp_path / "a.txt", documents(200, seed=1))
    folder = tmp_path / "sentencepiece"
    train_bpe(TrainSettings(input=[source], output=folder, vocab_size=300, model="sentencepiece-unigram"))
    made = set()
    for workers in (1, 2):
        capsys.readouterr()
        settings = Settings(input=[source], tokenizer=folder, output=tmp_path / "o", workers=workers)
        counts = binarize(settings, force=True)["counts"]
        assert counts["encoder"] == "huggingface" and counts["unknown"] == 0
        told = capsys.readouterr().err
        assert "the tokenizer's own library" in told and "sentencepiece.model: it is a sentencepiece model" in told
        made.add(tuple((tmp_path / "o" / name).read_bytes() for name in ("train.bin", "train.idx")))
    assert len(made) == 1
    vocabulary = Vocabulary(folder)
    lines = plain_lines(source.read_text(encoding="utf-8"))
    assert [vocabulary.decode(item) for item in items_of(tmp_path / "o")] == lines


def test_bad_input_is_a_clear_line(tmp_path, tokenizer, refused):
    def said(content, *more, tokens=tokenizer, status=1):
        source = tmp_path / "a.txt"
        source.write_bytes(content)
        line = refused(
            "binarize", "--input", source, "--tokenizer", tokens, "--output", tmp_path / "o", *more, status=status
        )
        left = list((tmp_path / "o").iterdir()) if (tmp_path / "o").exists() else []
        assert left == []
        return line

    assert "a.txt:3: invalid UTF-8 (byte 0xff)" in said(b"a\n\nb\xff\n")
    assert "a.txt:3: invalid UTF-8" in said(b"a\n\nb\xff\n", "--workers", "2")
    assert "holds blank lines only" in said(b"\n \n\r\n")
    assert "the file is empty" in said(b"")
    assert "0 (never) or at least 8" in said(b"a\n", "--max-document-tokens", "7", status=2)
    assert "--workers 0: at least 1" in said(b"a\n", "--workers", "0", status=2)
    assert "a name of letters" in said(b"a\n", "--split", "a/b", status=2)
    assert "no tokenizer.json" in said(b"a\n", tokens=tmp_path)
    other = tmp_path / "other.txt"
    other.write_text("4 1\n99999 1\n")
    assert "other.txt:2: '99999' is no id of this tokenizer (404 entries)" in said(b"a\n", "--dict", other)
