"""A part: one shard of text to one pair of files, run anywhere; the parts together are what the command makes."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from fairseq_hebrew.preprocess.binaries.part import binarize_part
from fairseq_hebrew.preprocess.binaries.shards import even_shards, one_shard, shard_of_file
from fairseq_hebrew.preprocess.binarize import Settings, binarize
from fairseq_hebrew.stage.errors import UserError


@pytest.fixture(scope="module")
def texts(tmp_path_factory, documents, written):
    folder = tmp_path_factory.mktemp("texts")
    return [written(folder / f"{number}.txt", documents(40, seed=number)) for number in range(4)]


def names(folder, number):
    return folder / f"part-{number}.bin", folder / f"part-{number}.idx"


@pytest.mark.parametrize("limit", [0, 30])
def test_parts_in_other_processes_are_the_shards_of_the_command(tmp_path, tokenizer, texts, limit):
    made = binarize(
        Settings(
            input=texts, tokenizer=tokenizer, output=tmp_path, shard_by_file=True, max_document_tokens=limit, workers=2
        )
    )
    shards = [
        shard_of_file(text, texts[number - 1] if number else None, number == len(texts) - 1)
        for number, text in enumerate(texts)
    ]
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        running = [
            pool.submit(binarize_part, shard, tokenizer, None, names(tmp_path, number), limit)
            for number, shard in enumerate(shards)
        ]
        counts = [future.result() for future in running]
    for number in range(len(texts)):
        for ours, ending in zip(names(tmp_path, number), ("bin", "idx")):
            assert ours.read_bytes() == (tmp_path / f"train{number or ''}.{ending}").read_bytes()
    for name in ("documents", "lines", "tokens", "unknown", "text_bytes"):
        assert sum(count[name] for count in counts) == made["counts"][name]
    assert not list(tmp_path.glob(".*")), "no scratch is left"


def test_encoders_and_workers_make_the_same_files(tmp_path, tokenizer, texts):
    shard = even_shards(texts, 3)[1]
    made = set()
    for workers, encoder in ((1, "fast"), (3, "auto"), (1, "huggingface"), (2, "huggingface")):
        counts = binarize_part(shard, tokenizer, None, names(tmp_path, 0), 0, workers, encoder)
        assert counts["encoder"] == ("huggingface" if encoder == "huggingface" else "fast")
        made.add(tuple(path.read_bytes() for path in names(tmp_path, 0)))
    assert len(made) == 1


def test_bad_text_is_a_clear_line(tmp_path, tokenizer):
    path = tmp_path / "a.txt"
    for encoder, workers in (("auto", 1), ("auto", 2), ("huggingface", 1), ("huggingface", 2)):
        path.write_bytes("טוב\n".encode() * 300_000 + b"\xd7\n" + "טוב\n".encode() * 10 + b"\xff\n")
        with pytest.raises(UserError, match=r"a\.txt:300001: invalid UTF-8 \(byte 0xd7\)"):
            binarize_part(one_shard([path])[0], tokenizer, None, names(tmp_path, 0), 0, workers, encoder)
    path.write_bytes(b"\n \n")
    with pytest.raises(UserError, match="holds blank lines only"):
        binarize_part(one_shard([path])[0], tokenizer, None, names(tmp_path, 0))
