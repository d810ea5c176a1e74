"""The whole way from raw text to binaries by one configuration."""

import json
import os

import pytest
import yaml

from fairseq_hebrew.preprocess.corpus import prepare
from fairseq_hebrew.stage.errors import UserError

SECTIONS = {
    "output": "made",
    "split": {"valid_bytes": 3000, "test_bytes": 2000},
    "train-bpe": {"vocab_size": 400},
}


@pytest.fixture
def config(tmp_path, documents, written):
    """A function that writes a configuration over two sources: config(**changes); None takes a key away."""
    made = documents(300, seed=1)
    written(tmp_path / "a1.txt", made[:150])
    written(tmp_path / "a2.txt", made[100:200])
    (tmp_path / "b.txt").write_text("\n".join(" ".join(lines) for lines in made[200:]), encoding="utf-8")

    def write(**changes):
        sources = ["a*.txt", {"path": "b.txt", "documents": "lines"}]
        sections = {"input": sources, **SECTIONS, **{key.replace("_", "-"): value for key, value in changes.items()}}
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump({k: v for k, v in sections.items() if v is not None}), encoding="utf-8")
        return path

    return write


def contents(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "manifest" not in path.name
    }


def test_all_stages_and_skipping(tmp_path, config, command):
    path = config()
    first = command("corpus", path, "--output", tmp_path / "one")
    assert first.returncode == 0 and first.stdout == "", first.stderr
    made = contents(tmp_path / "one")
    assert set(made) == {
        *(f"text/{name}.txt" for name in ("clean-000", "clean-001", "dedup", "shuffled")),
        *(f"text/clean-00{number}.removed.jsonl" for number in (0, 1)),
        *(f"text/split/{name}.txt" for name in ("train", "valid", "test")),
        *(f"tokenizer/{name}" for name in ("tokenizer.json", "vocab.json", "merges.txt", "dict.txt")),
        *(f"data/{name}.{end}" for name in ("train", "valid", "test") for end in ("bin", "idx")),
        "data/dict.txt",
    }
    dedup = json.loads((tmp_path / "one" / "text" / "dedup.txt.manifest.json").read_text())
    assert dedup["counts"]["duplicates"] == 50
    assert made["data/dict.txt"] == made["tokenizer/dict.txt"]
    times = {p: os.stat(p).st_mtime_ns for p in (tmp_path / "one").rglob("*")}
    again = command("corpus", path, "--output", tmp_path / "one")
    assert again.returncode == 0 and again.stderr.count("up to date, skipped") == 9
    assert times == {p: os.stat(p).st_mtime_ns for p in (tmp_path / "one").rglob("*")}


def test_workers_and_memory_change_no_byte_and_run_nothing_again(tmp_path, config, capsys):
    prepare(config(), tmp_path / "one")
    prepare(config(workers=2, memory=1), tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    capsys.readouterr()
    prepare(config(workers=3, memory=7), tmp_path / "two")
    assert capsys.readouterr().err.count("skipped") == 9


def test_a_change_runs_what_depends_on_it(tmp_path, config, capsys):
    def skipped():
        return [line.split(":")[0] for line in capsys.readouterr().err.splitlines() if "skipped" in line]

    prepare(config(), tmp_path / "o")
    capsys.readouterr()
    prepare(config(train_bpe={"vocab_size": 410}), tmp_path / "o")
    assert skipped() == ["clean", "clean", "dedup", "shuffle", "split"]
    (tmp_path / "o" / "text" / "dedup.txt").write_text("damage")
    prepare(config(train_bpe={"vocab_size": 410}), tmp_path / "o")
    assert skipped().count("binarize") == 3, "what comes after is the same again"
    with open(tmp_path / "a2.txt", "a", encoding="utf-8") as file:
        file.write("\nמסמך חדש שלא היה כאן קודם לכן\n\n")
    prepare(config(train_bpe={"vocab_size": 410}), tmp_path / "o")
    assert skipped() == ["clean"]


def test_nothing_is_left_of_a_split_that_is_no_more(tmp_path, config):
    prepare(config(), tmp_path / "o")
    prepare(config(split={"valid_bytes": 3000, "test_bytes": 0}), tmp_path / "o")
    assert not [path for path in (tmp_path / "o").rglob("*test*")]


def test_inputs_are_relative_to_the_configuration_or_a_given_root(tmp_path, config, monkeypatch, command):
    path = config()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = command("corpus", path, cwd=elsewhere)
    assert done.returncode == 0 and (elsewhere / "made" / "data" / "train.bin").exists()
    moved = elsewhere / "moved.yaml"
    path.rename(moved)
    done = command("corpus", moved, "--input-root", tmp_path, "--output", ".", cwd=elsewhere)
    assert done.returncode == 0 and (elsewhere / "data" / "train.bin").exists(), done.stderr


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"wrong": 1}, "unknown key 'wrong'; known keys: input, output"),
        ({"input": None}, "the key 'input' is missing"),
        ({"train_bpe": None}, "the key 'train-bpe' is missing"),
        ({"train_bpe": {}}, "config.yaml: train-bpe: no vocabulary size; give --vocab-size or --preset"),
        ({"train_bpe": {"vocab_size": "many"}}, "train-bpe.vocab_size: 'many' is not a number"),
        ({"train_bpe": {"vocab_size": 400.5}}, "not a whole number"),
        ({"train_bpe": {"vocab_size": 100}}, "at least 256"),
        ({"train_bpe": ["vocab_size"]}, "expected `key: value` lines"),
        ({"clean": {"wrong": 1}}, "clean: unknown key 'wrong'"),
        ({"clean": {"output": "x"}}, "clean: unknown key 'output'"),
        ({"clean": {"min_hebrew": "half"}}, "clean.min_hebrew: 'half' is not a number"),
        ({"clean": "yes"}, "clean: expected `key: value` lines"),
        ({"binarize": {"max_document_tokens": -1}}, "max"),
        ({"workers": 0}, "workers 0: at least 1"),
        ({"workers": "two"}, "'two' is not a number"),
        ({"memory": 0}, "memory 0: at least 1"),
        ({"shuffle": {"seed": None}}, "shuffle.seed: has no value"),
        ({"output": None}, "no output folder"),
        ({"output": 5}, "no output folder"),
        ({"input": []}, "no input files"),
        ({"input": 5}, "expected a file name"),
        ({"input": [{"path": 5}]}, "5 is not text"),
        ({"input": [{"documents": "lines"}]}, "expected a file name"),
        ({"input": [{"path": "b.txt", "documents": "words"}]}, "'words' is none of"),
        ({"input": ["missing.txt"]}, "missing.txt: no such file"),
        ({"input": ["missing*.txt"]}, "no file matches"),
        ({"input": ["a1.txt", "."]}, "is a folder"),
        ({"input": ["b.txt"]}, "b.txt: has no blank line between documents"),
        ({"split": {"valid_bytes": 10_000_000}}, "too small: nothing is left for train"),
    ],
)
def test_a_mistake_is_one_clear_line(config, tmp_path, monkeypatch, changes, said):
    monkeypatch.chdir(tmp_path)
    path = config(**changes)
    with pytest.raises(UserError) as error:
        prepare(path, None)
    assert said in str(error.value) and "\n" not in str(error.value)
    if "split" not in changes:
        assert not (tmp_path / "made").exists(), "found before any work"


@pytest.mark.parametrize(
    "content, said",
    [
        (b"input: [a\noutput: b\n", "config.yaml:2: "),
        (b"input: a\n\toutput: b\n", "config.yaml:2: "),
        (b"a: b: c\n", "config.yaml:1: "),
        (b"", "expected `key: value` lines"),
        (b"just words\n", "expected `key: value` lines"),
        (b"- a\n- b\n", "expected `key: value` lines"),
        (b"input: \xff\n", "not UTF-8"),
        (b"input: a\x00b\n", "not YAML"),
        (b"input: !!python/object/apply:os.system [ls]\n", "config.yaml:1: "),
    ],
)
def test_a_file_that_is_no_configuration(tmp_path, refused, content, said):
    (tmp_path / "config.yaml").write_bytes(content)
    assert said in refused("corpus", tmp_path / "config.yaml")


def test_a_missing_configuration_and_a_folder(tmp_path, refused, command):
    assert "no such file" in refused("corpus", tmp_path / "nothing.yaml")
    assert "Is a directory" in refused("corpus", tmp_path)
    assert command("corpus").returncode == 2


def test_a_one_line_corpus(tmp_path, refused):
    (tmp_path / "one.txt").write_text("זהו קורפוס של שורה אחת בלבד\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text("input: one.txt\noutput: made\ntrain-bpe: {vocab_size: 400}\n")
    said = refused("corpus", tmp_path / "config.yaml", cwd=tmp_path)
    assert "too small: nothing is left for train; give more text or lower --valid-bytes" in said
