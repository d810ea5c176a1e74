"""Shards: whole documents, about as many bytes each, and one after the other the binaries of the whole."""

import itertools
import random

import numpy as np
import pytest

from fairseq_hebrew.preprocess import binarize as command_module
from fairseq_hebrew.preprocess.binaries import chunks, shards
from fairseq_hebrew.preprocess.binaries.shards import even_shards, one_shard, shard_of_file, shards_by_file
from fairseq_hebrew.preprocess.binarize import Settings, binarize
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.fast_bpe import FastBPE

WHITE = ["\n", " \n", "\r\n", "\t\n"]


def binaries(folder, names):
    return [np.frombuffer((folder / f"{name}.bin").read_bytes(), np.uint16).tolist() for name in names]


def hostile(folder, seed):
    """Files with and without blank lines, at their starts and ends too, with and without a last line end."""
    choice = random.Random(seed)
    made = []
    for number in range(choice.randint(1, 5)):
        text = "".join(choice.choices(WHITE, k=choice.choice([0, 0, 1, 3])))
        gap = choice.choice(["\n", "\n\n", "\n\n", "\n\n\n \n"])
        lines = [f"{choice.randrange(1000)} שורה" for _ in range(choice.randint(1, 40))]
        text += "".join(line + choice.choice(["\n", gap]) for line in lines[:-1]) + lines[-1]
        text += choice.choice(["", "\n", "\n\n", "\n\n\n"])
        path = folder / f"{seed}-{number}.txt"
        path.write_bytes(("\ufeff" * choice.randrange(2) + text).encode())
        made.append(path)
    return made


@pytest.mark.parametrize("seed", range(25))
def test_shards_one_after_the_other_are_the_whole(tmp_path, tokenizer, seed, monkeypatch):
    monkeypatch.setattr(chunks, "CHUNK", 64)
    if seed % 3 == 0:
        monkeypatch.setattr(shards, "LOOK_AHEAD", 100)
    inputs = hostile(tmp_path, seed)
    whole = Settings(input=inputs, tokenizer=tokenizer, output=tmp_path / "whole")
    binarize(whole)
    (expected,) = binaries(tmp_path / "whole", ["train"])
    sizes = (tmp_path / "whole" / "train.idx").read_bytes()
    tried = 0
    for options in [{"shard_by_file": True}, *({"shards": count} for count in (2, 3, 5))]:
        folder = tmp_path / str(options)
        try:
            made = binarize(Settings(input=inputs, tokenizer=tokenizer, output=folder, **options))
        except UserError as error:
            assert "too few documents" in str(error) and options != {"shard_by_file": True}
            assert not list(folder.glob("*.bin"))
            continue
        names = [record["path"][:-4] for record in made["outputs"] if record["path"].endswith(".bin")]
        assert names == ["train", *(f"train{number}" for number in range(1, len(names)))]
        assert len(names) == options.get("shards", len(inputs))
        assert list(itertools.chain.from_iterable(binaries(folder, names))) == expected
        assert sum(len((folder / f"{name}.idx").read_bytes()) - 26 for name in names) == len(sizes) - 26
        tried += 1
    assert tried


def test_shards_are_even_and_end_where_a_document_ends(tmp_path, documents, written):
    paths = [written(tmp_path / f"{number}.txt", documents(300, seed=number)) for number in range(3)]
    total = sum(path.stat().st_size for path in paths)
    for count in (2, 4, 7):
        made = even_shards(paths, count)
        sizes = [sum(piece.end - piece.start for piece in shard.pieces) for shard in made]
        assert sum(sizes) == total and max(sizes) - min(sizes) < 2000
        for shard in made:
            piece = shard.pieces[-1]
            assert piece.path.read_bytes()[: piece.end].endswith(b"\n\n")
            assert shard.after_blank and not shard.file_follows


def test_lines_are_documents_where_there_are_no_blank_lines(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("".join(f"שורה {number}\n" for number in range(1000)), encoding="utf-8")
    made = even_shards([path], 4)
    for shard in made:
        (piece,) = shard.pieces
        assert path.read_bytes()[: piece.end].endswith(b"\n")
        assert abs(piece.end - piece.start - path.stat().st_size / 4) < 50


def test_a_part_of_a_file_is_the_shard_of_it(tmp_path):
    first, second = tmp_path / "1.txt", tmp_path / "2.txt"
    first.write_text("a\nb\n")
    second.write_text("\n\nc\n")
    assert shards_by_file([first, second]) == [
        shard_of_file(first, last=False),
        shard_of_file(second, before=first),
    ]
    assert not shard_of_file(second, before=first).after_blank, "the file before has no blank line"
    first.write_text("a\n\nb\n")
    assert shard_of_file(second, before=first).after_blank
    assert one_shard([first])[0] == shard_of_file(first)


def test_fewer_shards_leave_nothing_of_the_run_before(tmp_path, tokenizer, documents, written):
    """fairseq reads train1 after train as long as it is there."""
    source = written(tmp_path / "a.txt", documents(50, seed=1))

    def names(**options):
        binarize(Settings(input=[source], tokenizer=tokenizer, output=tmp_path / "o", **options))
        return sorted(str(path.relative_to(tmp_path / "o")) for path in (tmp_path / "o").rglob("*.bin"))

    names(split="train7")
    assert names(shards=3) == ["train.bin", "train1.bin", "train2.bin", "train7.bin"]
    assert names(shards=2) == ["train.bin", "train1.bin", "train7.bin"]
    assert names(shards=3, shard_layout="folders") == [
        *("shard0/train.bin", "shard1/train.bin", "shard2/train.bin"),
        "train7.bin",
    ]
    assert names() == ["train.bin", "train7.bin"]


def test_a_file_that_fairseq_would_take_for_a_shard_is_refused(tmp_path, tokenizer, documents, written):
    """What a run that was killed left has no manifest, so a run with fewer shards does not know of it."""
    source = written(tmp_path / "a.txt", documents(50, seed=1))

    def run(**options):
        return binarize(Settings(input=[source], tokenizer=tokenizer, output=tmp_path / "o", **options))

    run(shards=3)
    (tmp_path / "o" / "train.manifest.json").unlink()
    with pytest.raises(
        UserError, match=r"train2\.bin: fairseq would read it as a shard of train.*; remove it or choose"
    ):
        run(shards=2)
    run(shards=3)
    run(shards=2)
    assert not list((tmp_path / "o").glob("train2.*"))


def test_the_encoders_of_all_shards_are_told(tmp_path, tokenizer, monkeypatch):
    right = FastBPE.encode_batch
    monkeypatch.setattr(
        FastBPE,
        "encode_batch",
        lambda self, texts: [ids[:-1] if "!" in text else ids for ids, text in zip(right(self, texts), texts)],
    )
    for name, text in (("a", "שלום!\n"), ("b", "עולם\n")):
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    settings = Settings(input=[tmp_path / "*.txt"], tokenizer=tokenizer, output=tmp_path / "o", shard_by_file=True)
    assert binarize(settings)["counts"]["encoder"] == "fast, huggingface"


def test_shards_that_are_done_are_skipped(tmp_path, tokenizer, documents, written, capsys):
    source = written(tmp_path / "a.txt", documents(50, seed=1))
    for layout in command_module.LAYOUTS:
        settings = Settings(
            input=[source], tokenizer=tokenizer, output=tmp_path / layout, shards=3, shard_layout=layout
        )
        first = binarize(settings)
        capsys.readouterr()
        assert binarize(settings) == first
        assert "is up to date, skipped" in capsys.readouterr().err
        last = tmp_path / layout / ("train2.bin" if layout == "files" else "shard2/train.bin")
        content = last.read_bytes()
        last.unlink()
        binarize(settings)
        assert last.read_bytes() == content


def test_options_that_do_not_go_together(tmp_path, tokenizer, refused, documents, written):
    source = written(tmp_path / "a.txt", documents(3, seed=1))
    command = ["binarize", "--input", source, "--tokenizer", tokenizer, "--output", tmp_path / "o"]
    assert "give one of them" in refused(*command, "--shards", 2, "--shard-by-file", status=2)
    assert "--shards 0: at least 1" in refused(*command, "--shards", 0, status=2)
    said = refused(*command, "--shards", 50)
    assert "--shards 50" in said and "too few documents; give fewer shards" in said
    assert not list((tmp_path / "o").glob("*.bin"))
