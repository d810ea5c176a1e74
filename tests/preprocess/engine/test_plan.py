"""Whole corpora on executors: the bytes are those of the command that runs one stage after the other."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from fairseq_hebrew.preprocess.configuration import read_configuration
from fairseq_hebrew.preprocess.corpus import main, prepare
from fairseq_hebrew.preprocess.engine.backends import LocalBackend, LocalSettings
from fairseq_hebrew.preprocess.engine.phases import PHASES
from fairseq_hebrew.preprocess.engine.plan import corpus_plan
from fairseq_hebrew.preprocess.engine.records import open_sources
from fairseq_hebrew.preprocess.engine.tasks import keys_of
from tests.preprocess.engine.conftest import ROOT

SECTIONS = {"output": "made", "split": {"valid_bytes": 3000, "test_bytes": 2000}, "train-bpe": {"vocab_size": 400}}
# Everything `clean` and `dedup` can do that takes phases of its own.
ALL = {
    "clean": {"boilerplate_repeats": 5},
    "dedup": {"near": True, "against": ["evaluation.txt"], "unit": "paragraphs", "paragraph_characters": 20},
    "shards": 3,
}


@pytest.fixture
def config(tmp_path, documents, written):
    """A function that writes a configuration over four files of two entries: config(**changes)."""
    made = documents(300, seed=1)
    for number in range(0, 300, 7):
        made[number].append("כל הזכויות שמורות לאתר הזה בלבד")
    near = [[*lines[:-1], f"{lines[-1]} ועוד"] for lines in made[120:140]]
    written(tmp_path / "a1.txt", [*made[:150], *near])
    written(tmp_path / "a2.txt", made[100:200])
    # Of this file nothing is left after dedup.
    written(tmp_path / "a3.txt", made[:30])
    (tmp_path / "b.txt").write_text("\n".join(" ".join(lines) for lines in made[200:]), encoding="utf-8")
    long = [line for line in made[20] + made[30] + made[40] if len(line.split()) > 7]
    (tmp_path / "evaluation.txt").write_text("\n".join(long), encoding="utf-8")

    def write(**changes):
        sources = ["a*.txt", {"path": "b.txt", "documents": "lines"}]
        sections = {"input": sources, **SECTIONS, **{key.replace("_", "-"): value for key, value in changes.items()}}
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(sections), encoding="utf-8")
        return path

    return write


def joined(folder, pattern, ending=None):
    """The files of a pattern one after the other, in the order of their names."""
    return b"".join(path.read_bytes() for path in sorted(Path(folder).glob(pattern)))


def binaries(folder, split):
    """The token stream of all shards of a split."""
    files = [Path(folder, "data", f"{split}.bin")]
    while (more := Path(folder, "data", f"{split}{len(files)}.bin")).exists():
        files.append(more)
    return b"".join(path.read_bytes() for path in files)


def assert_same_corpus(plain, made, shards):
    """What an executor made is what the command without one made."""
    assert joined(made, "text/clean/000-*.txt") == (plain / "text/clean-000.txt").read_bytes()
    assert joined(made, "text/dedup/*.txt") == (plain / "text/dedup.txt").read_bytes()
    assert joined(made, "text/shuffled/*.txt") == (plain / "text/shuffled.txt").read_bytes()
    assert joined(made, "text/split/train-*.txt") == (plain / "text/split/train.txt").read_bytes()
    names = [path.relative_to(plain) for path in (plain / "tokenizer").iterdir() if "manifest" not in path.name]
    names += [Path(f"text/split/{split}.txt") for split in ("valid", "test")]
    names += [Path(f"text/clean-00{number}.removed.jsonl") for number in range(2)]
    names += [Path(f"data/{name}") for name in ("valid.bin", "valid.idx", "test.bin", "test.idx", "dict.txt")]
    if shards == 1:
        names += [Path("data/train.bin"), Path("data/train.idx")]
    for name in names:
        assert (made / name).read_bytes() == (plain / name).read_bytes(), name
    assert binaries(made, "train") == binaries(plain, "train") and len(list(made.glob("data/train*.bin"))) == shards


def on_executor(path, output, *options):
    assert main([str(path), "--output", str(output), "--executor", "local", *options]) == 0


@pytest.mark.parametrize(
    "changes", [{}, ALL, {**ALL, "dedup": {"near": True}, "shards": 2}], ids=["plain", "all", "near"]
)
def test_executors_make_what_the_command_makes(config, made, tmp_path, changes):
    prepare(config(**changes), tmp_path / "plain")
    on_executor(config(**changes), tmp_path / "one")
    assert_same_corpus(tmp_path / "plain", tmp_path / "one", changes.get("shards", 1))
    on_executor(config(**changes, workers=3, memory=90), tmp_path / "three")
    assert made(tmp_path / "one") == made(tmp_path / "three")
    assert sorted(made(tmp_path / "one")) == sorted(made(tmp_path / "three"))


def test_text_that_clean_leaves_as_it_is(config, tmp_path):
    """Every rule that keeps white space is off: what is left is in the layout between stages all the same."""
    changes = {"clean": {"collapse_spaces": False, "strip_controls": False}, "dedup": {"near": True}, "shards": 2}
    text = (tmp_path / "a1.txt").read_text(encoding="utf-8")
    for number, end in enumerate(("\r\u200f", "\r\r", "\x1c", "\u200f\x0b", "\u2028")):
        text = text.replace(".\n", f"{end}\n", 20) if number else text + f"עוד שורה אחת ארוכה מספיק כאן{end}\n\n"
    (tmp_path / "a1.txt").write_bytes(text.encode())
    prepare(config(**changes), tmp_path / "plain")
    on_executor(config(**changes), tmp_path / "made")
    assert_same_corpus(tmp_path / "plain", tmp_path / "made", 2)


def test_counts_of_the_whole(config, tmp_path):
    done = prepare(config(**ALL), tmp_path / "plain")
    on_executor(config(**ALL), tmp_path / "made")
    phases = json.loads((tmp_path / "made" / "corpus.manifest.json").read_text())["phases"]
    cleaned = done["clean-000"]["counts"]["documents_in"] + done["clean-001"]["counts"]["documents_in"]
    assert phases["clean"]["documents_in"] == cleaned
    assert phases["exact"]["duplicates"] == done["dedup"]["counts"]["duplicates"] > 0
    assert phases["places"]["documents"] == done["shuffle"]["counts"]["documents"]
    assert phases["assign"]["train_bytes"] == done["split"]["counts"]["train_bytes"]
    assert phases["learn"]["entries"] == 400 and phases["count"]["words"] == done["train-bpe"]["counts"]["words"]


def test_sentencepiece_and_folders(config, made, tmp_path):
    changes = {
        "train_bpe": {"vocab_size": 400, "model": "sentencepiece-unigram"},
        "binarize": {"shard_layout": "folders", "max_document_tokens": 20},
        "shards": 2,
    }
    prepare(config(**changes), tmp_path / "plain")
    on_executor(config(**changes), tmp_path / "made")
    for name in ("sentencepiece.bpe.model", "sentencepiece.model", "dict.txt"):
        if (tmp_path / "plain" / "tokenizer" / name).exists():
            assert (tmp_path / "made/tokenizer" / name).read_bytes() == (
                tmp_path / "plain/tokenizer" / name
            ).read_bytes()
    assert joined(tmp_path / "made", "data/shard*/train.bin") == joined(tmp_path / "plain", "data/shard*/train.bin")
    names = {path.relative_to(tmp_path / "plain") for path in (tmp_path / "plain/data").rglob("*.???")}
    assert names == {path.relative_to(tmp_path / "made") for path in (tmp_path / "made/data").rglob("*.???")}


def mixture(**settings):
    """The changes that make two corpora of the files: a larger one and a smaller, which is taken twice."""
    sources = [{"path": "a*.txt", "corpus": "first"}, {"path": "b.txt", "documents": "lines", "corpus": "second"}]
    mix = {"weights": {"second": 0.5, "first": 0.5}, "repeat": 2, **settings}
    return {"input": sources, "mix": mix, "shards": 3}


def test_a_mixture(config, made, tmp_path):
    changes = mixture()
    done = prepare(config(**changes), tmp_path / "plain")
    assert done["mix"]["counts"]["second_rounds"] > 1
    on_executor(config(**changes, workers=2), tmp_path / "made")
    plain, mixed = tmp_path / "plain", tmp_path / "made"
    assert joined(mixed, "text/mixed/*.txt") == (plain / "text/mixed.txt").read_bytes()
    assert joined(mixed, "text/dedup/second/*.txt") == (plain / "text/dedup-second.txt").read_bytes()
    for name in ("data/valid.bin", "data/test.idx", "data/dict.txt", "tokenizer/tokenizer.json"):
        assert (mixed / name).read_bytes() == (plain / name).read_bytes(), name
    assert binaries(mixed, "train") == binaries(plain, "train")
    # What is set apart has the weights, and is in neither of the training texts.
    documents = [(plain / f"text/split-{name}/valid.txt").read_bytes() for name in ("first", "second")]
    assert joined(mixed, "text/split/valid.txt") == b"".join(documents)
    assert all(1500 <= len(document) < 2000 for document in documents)
    # Of two corpora one grows: nothing is done again for the other.
    with open(tmp_path / "b.txt", "a", encoding="utf-8") as file:
        file.write("\nעוד מסמך אחד של הקורפוס השני שבא באיחור")
    prepare(config(**changes), plain)
    on_executor(config(**changes), mixed)
    assert joined(mixed, "text/mixed/*.txt") == (plain / "text/mixed.txt").read_bytes()


def test_a_change_runs_what_depends_on_it(config, made, tmp_path, capsys):
    def run(**changes):
        on_executor(config(**changes), tmp_path / "made")
        told = capsys.readouterr().err.splitlines()
        return {line.split(":")[1].strip() for line in told if "done in" in line}

    run()
    first = made(tmp_path / "made")
    assert run(binarize={"max_document_tokens": 30}) == {"binarize", "finish"}
    assert run(train_bpe={"vocab_size": 410}) == {"count", "learn", "binarize", "finish"}
    assert run(shuffle={"seed": 2}) == {*PHASES[PHASES.index("scatter") :]} - {"measure", "weigh", "mix"}
    assert not run(shards=2) & {"clean", "filter", "places"}
    assert len(list((tmp_path / "made").glob("data/train*.bin"))) == 2
    run()
    assert made(tmp_path / "made") == first, "shards of another plan would be read by fairseq"


def test_killed_at_random_moments(config, made, tmp_path):
    path = config(**ALL, workers=2)
    on_executor(path, tmp_path / "whole")
    command = [sys.executable, "-m", "fairseq_hebrew.cli", "corpus", path, "--output", tmp_path / "made"]
    moment, kills = random.Random(1), 0
    while kills < 5:
        process = subprocess.Popen([*map(str, command), "--executor", "local"], stderr=subprocess.DEVNULL)
        try:
            assert process.wait(timeout=moment.uniform(0.8, 3)) == 0
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    assert kills
    on_executor(path, tmp_path / "made")
    assert made(tmp_path / "made") == made(tmp_path / "whole")
    assert not list((tmp_path / "made/engine/scratch").rglob("*.*"))


def test_plain_and_executor_in_one_folder(config, tmp_path):
    """Whichever runs last, its binaries are those of its own configuration alone."""
    on_executor(config(shards=3), tmp_path / "made")
    prepare(config(), tmp_path / "made")
    assert [path.name for path in (tmp_path / "made/data").glob("train*.bin")] == ["train.bin"]
    prepare(config(), tmp_path / "plain")
    assert (tmp_path / "made/data/train.bin").read_bytes() == (tmp_path / "plain/data/train.bin").read_bytes()
    on_executor(config(), tmp_path / "made")
    assert (tmp_path / "made/data/train.bin").read_bytes() == (tmp_path / "plain/data/train.bin").read_bytes()


def test_the_plan_has_only_known_phases_and_can_be_run(config, tmp_path):
    configuration = read_configuration(config(**{**ALL, **mixture()}), tmp_path / "made")
    files = [*(file for entry in configuration.entries for file in entry.files), *configuration.against]
    sources = open_sources(str(tmp_path / "made"), files)
    phases = corpus_plan(configuration, sources, LocalBackend(LocalSettings()))
    assert [phase.name for phase in phases] == [name for name in PHASES if name != "finish"]
    few = LocalBackend(LocalSettings(workers=7, memory=3))
    assert keys_of(phases) == keys_of(corpus_plan(configuration, sources, few))


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"shards": 120}, "shards 120: too few documents for as many; give fewer; log: "),
        ({"split": {"valid_bytes": 10_000_000}}, "the corpus is too small: nothing is left for train; give more text"),
        ({"split": {"valid_bytes": 60_000, "test_bytes": 60_000}}, "nothing is left for t"),
        ({"train_bpe": {"vocab_size": 50_000}}, "entries can be learned from "),
        ({"clean": {"min_characters": 100_000}}, "a1.txt: no document is left after cleaning"),
    ],
)
def test_a_corpus_that_cannot_be_made(config, tmp_path, capsys, changes, said):
    assert main([str(config(**changes)), "--output", str(tmp_path / "made"), "--executor", "local"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[-1].startswith("error: ") and said in lines[-1], lines[-1]
    assert sum(line.startswith("error: ") for line in lines) == 1
    assert not (tmp_path / "made" / "data").exists()


def test_invalid_text_names_file_and_line(config, tmp_path, capsys):
    path = config()
    with open(tmp_path / "a2.txt", "ab") as file:
        file.write(b"\xff\n\n")
    assert main([str(path), "--output", str(tmp_path / "made"), "--executor", "local"]) == 1
    assert f"{tmp_path / 'a2.txt'}:" in capsys.readouterr().err.splitlines()[-1]


def test_a_relative_output_folder_is_one_place_for_all_tasks(config, made, tmp_path, monkeypatch):
    from fairseq_hebrew.preprocess.engine import steps

    real, other = steps.run_task, tmp_path / "other"
    other.mkdir()

    def elsewhere(task, key, place):
        os.chdir(other)
        return real(task, key, place)

    monkeypatch.setattr(steps, "run_task", elsewhere)
    monkeypatch.chdir(tmp_path)
    on_executor(config(), "made")
    monkeypatch.chdir(tmp_path)
    prepare(config(), tmp_path / "plain")
    assert_same_corpus(tmp_path / "plain", tmp_path / "made", 1)
    assert not list(other.iterdir())


def test_evaluation_files_are_called_by_their_addresses(config, tmp_path, capsys):
    import fsspec

    system = fsspec.filesystem("memory")
    system.pipe_file("/tests/evaluation.txt", (tmp_path / "evaluation.txt").read_bytes())
    path = config(dedup={"against": ["memory://tests/evaluation.txt"]})
    on_executor(path, tmp_path / "made")
    assert main([str(path), "--output", str(tmp_path / "plain")]) == 1
    assert "only an executor reads evaluation files from an address" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "plain").exists()
    system.store.clear()
    (told,) = json.loads((tmp_path / "made/text/dedup.txt.against.json").read_text())["evaluation"]
    assert told["file"] == "memory://tests/evaluation.txt" and told["documents_dropped"] > 0


@pytest.mark.parametrize("executor", ["none", "local"])
def test_an_address_as_output(config, tmp_path, capsys, executor):
    options = [] if executor == "none" else ["--executor", executor]
    status = main([str(config()), "--output", "memory://made", *options])
    if executor == "none":
        assert status == 1 and "only an executor writes to an address" in capsys.readouterr().err
        return
    import fsspec

    system = fsspec.filesystem("memory")
    prepare(config(), tmp_path / "plain")
    assert status == 0
    assert system.cat_file("/made/data/train.bin") == (tmp_path / "plain/data/train.bin").read_bytes()
    system.store.clear()


def test_ray_makes_what_the_command_makes(config, tmp_path, monkeypatch):
    """The whole way on Ray, started and ended by the command."""
    pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    ray = {"workers": 2, "memory": 0.5, "jobs": 1}
    assert main([str(config(executor="ray", ray=ray, shards=2)), "--output", str(tmp_path / "made")]) == 0
    prepare(config(shards=2), tmp_path / "plain")
    assert_same_corpus(tmp_path / "plain", tmp_path / "made", 2)
