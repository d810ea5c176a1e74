"""`--dict from-corpus`: the dictionary that fairseq-preprocess builds from the ids of the corpus."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fairseq_hebrew.preprocess.binaries.chunks import whole
from fairseq_hebrew.preprocess.binaries.count import count_part
from fairseq_hebrew.preprocess.binaries.shards import Shard, even_shards
from fairseq_hebrew.preprocess.binarize import Settings, binarize
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.dictionary import FILLER
from fairseq_hebrew.text.tokenizer import open_tokenizer
from fairseq_hebrew.text.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def text(tmp_path_factory, documents, written):
    return written(tmp_path_factory.mktemp("text") / "a.txt", documents(300, seed=11))


def lines_of(path):
    return [line for line in path.read_text(encoding="utf-8").split("\n") if line]


def test_it_is_the_one_fairseq_preprocess_builds(tmp_path, tokenizer, text, command):
    # Bytes that occur once, twice and three times: ids with equal counts.
    rare = "\n\n".join("".join(map(chr, range(0x21, 0x100, step))) for step in (1, 2, 3))
    content = text.read_text(encoding="utf-8")
    text = tmp_path / "a.txt"
    text.write_text(content + rare, encoding="utf-8")
    options = ["--input", text, "--tokenizer", tokenizer, "--output", tmp_path / "o", "--dict", "from-corpus"]
    done = command("binarize", *options, "--workers", 2)
    assert done.returncode == 0, done.stderr
    ids = open_tokenizer(tokenizer).encode_batch(lines_of(text))
    (tmp_path / "ids").write_text("".join(" ".join(map(str, line)) + "\n" for line in ids))
    stock = [Path(sys.executable).parent / "fairseq-preprocess", "--only-source", "--trainpref", tmp_path / "ids"]
    subprocess.run([*stock, "--destdir", tmp_path / "stock"], check=True, capture_output=True)
    ours = (tmp_path / "o" / "dict.txt").read_text().splitlines()
    theirs = [line for line in (tmp_path / "stock" / "dict.txt").read_text().splitlines() if FILLER not in line]
    assert ours[: len(theirs)] == theirs and len(theirs) > 250
    rest = [line.split() for line in ours[len(theirs) :]]
    assert {count for _, count in rest} == {"0"} and len(rest) > 50, "ids that never occur follow"
    assert len(ours) + 4 == (len(ours) + 4) // 8 * 8
    # Of the same dictionary are the binaries, too: ids that occur have the same numbers in both.
    stock_ids = np.frombuffer((tmp_path / "stock" / "train.bin").read_bytes(), np.uint16)
    our_ids = np.frombuffer((tmp_path / "o" / "train.bin").read_bytes(), np.uint16)
    # Ours has a lone </s> after each document; the lines given to fairseq were those that are not blank.
    lone = (our_ids == 2) & np.concatenate([[False], our_ids[:-1] == 2])
    assert np.array_equal(our_ids[~lone], stock_ids)


def test_other_splits_take_it_and_another_is_refused(tmp_path, tokenizer, text, documents, written):
    data = tmp_path / "o"
    settings = Settings(input=[text], tokenizer=tokenizer, output=data, dict="from-corpus")
    made = binarize(settings)
    content = (data / "dict.txt").read_bytes()
    assert made["settings"]["dictionary"] == Vocabulary(tokenizer, data / "dict.txt").fingerprint
    assert made["counts"]["unknown"] == 0
    other = written(tmp_path / "b.txt", documents(5, seed=12))
    valid = Settings(input=[other], tokenizer=tokenizer, output=data, split="valid", dict=data / "dict.txt")
    assert binarize(valid)["settings"]["dictionary"] == made["settings"]["dictionary"]
    valid.dict = "from-corpus"
    with pytest.raises(UserError, match=r"other splits have this dictionary.*give --dict .*dict\.txt"):
        binarize(valid)
    assert (data / "dict.txt").read_bytes() == content
    binarize(settings), binarize(settings, force=True)
    assert (data / "dict.txt").read_bytes() == content


def test_it_is_counted_again_when_the_text_changes(tmp_path, tokenizer, documents, written, capsys):
    source = written(tmp_path / "a.txt", documents(30, seed=1))
    settings = Settings(input=[source], tokenizer=tokenizer, output=tmp_path / "o", dict="from-corpus")
    binarize(settings)
    first = (tmp_path / "o" / "dict.txt").read_bytes()
    capsys.readouterr()
    binarize(settings)
    assert capsys.readouterr().err.count("is up to date, skipped") == 2
    written(source, documents(30, seed=2))
    binarize(settings)
    assert (tmp_path / "o" / "dict.txt").read_bytes() != first


@pytest.mark.parametrize("limit", [0, 40])
@pytest.mark.parametrize("encoder", ["fast", "huggingface"])
def test_parts_add_up(tokenizer, text, limit, encoder):
    whole_text = Shard((whole(text),))
    counts = count_part(whole_text, tokenizer, limit, 2, encoder)
    assert counts.dtype == np.int64 and not counts[:4].any()
    parts = [count_part(shard, tokenizer, limit, 1, encoder) for shard in even_shards([text], 3)]
    assert np.array_equal(sum(parts), counts)
    if not limit:
        ids = open_tokenizer(tokenizer).encode_batch(lines_of(text))
        assert np.array_equal(counts, np.bincount(np.concatenate(ids), minlength=len(counts)))


def test_shards_share_it(tmp_path, tokenizer, text):
    for layout in ("files", "folders"):
        settings = Settings(
            input=[text],
            tokenizer=tokenizer,
            output=tmp_path / layout,
            dict="from-corpus",
            shards=3,
            shard_layout=layout,
        )
        binarize(settings)
    copies = [(tmp_path / "folders" / f"shard{number}" / "dict.txt").read_bytes() for number in range(3)]
    assert {*copies, (tmp_path / "files" / "dict.txt").read_bytes()} == {copies[0]}
