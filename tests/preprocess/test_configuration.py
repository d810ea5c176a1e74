"""What a configuration may say of executors, shards and mixtures; mistakes are found before any work."""

import pytest
import yaml

from fairseq_hebrew.preprocess.configuration import SECTIONS, read_configuration
from fairseq_hebrew.preprocess.corpus import main
from fairseq_hebrew.stage.errors import UserError

TAGGED = [{"path": "a.txt", "corpus": "he"}, {"path": "b.txt", "corpus": "en", "language": "english"}]
MIX = {"weights": {"he": 0.4, "en": 0.6}}


@pytest.fixture
def config(tmp_path, documents, written):
    """A function that writes a configuration over two files: config(**changes)."""
    written(tmp_path / "a.txt", documents(30, seed=1))
    written(tmp_path / "b.txt", [["a few words of English for the mixture, and some more"]] * 3)

    def write(**changes):
        sections = {"input": "a.txt", "output": str(tmp_path / "made"), "train-bpe": {"vocab_size": 400}}
        sections.update({key.replace("_", "-"): value for key, value in changes.items()})
        path = tmp_path / "config.yaml"
        path.write_text(yaml.safe_dump(sections), encoding="utf-8")
        return path

    return write


def test_what_is_not_said(config):
    found = read_configuration(config())
    assert found.executor is None and found.shards == 1 and found.mix is None and found.slurm is None
    assert found.splits == ["train", "valid"] and found.banding is None
    assert list(found.corpora()) == [None]


def test_what_an_input_says_for_itself(config):
    found = read_configuration(config(input=TAGGED, mix=MIX, clean={"min_characters": 7, "language": "any"}))
    assert [(entry.corpus, entry.settings.language, entry.settings.min_characters) for entry in found.entries] == [
        ("he", "any", 7),
        ("en", "english", 7),
    ]


def test_a_share_of_what_is_set_apart(config):
    found = read_configuration(config(input=[*TAGGED, TAGGED[0]], mix=MIX, split={"valid_bytes": 1000, "seed": 3}))
    corpora = found.corpora()
    assert {name: numbers for name, (numbers, _) in corpora.items()} == {"he": [0, 2], "en": [1]}
    assert {name: made.valid_bytes for name, (_, made) in corpora.items()} == {"he": 400, "en": 600}
    assert all(made.test_bytes == 0 and made.seed == 3 for _, made in corpora.values())


def test_executor_and_output_are_overridden(config, tmp_path):
    path = config(executor="ray", slurm={"partition": "cpu", "time": "1:00:00"})
    assert read_configuration(path).executor == "ray"
    found = read_configuration(path, "s3://bucket/x", executor="slurm")
    assert found.executor == "slurm" and found.output == "s3://bucket/x" and found.slurm.partition == "cpu"


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"executor": "spark"}, "executor: 'spark' is none of local, slurm, ray"),
        ({"executor": {"kind": "local"}}, "executor: {'kind': 'local'} is not text"),
        ({"executor": "slurm"}, "slurm: the key 'partition' is missing"),
        ({"slurm": {"partition": "cpu", "time": 3600}}, "slurm.time: 3600 is not text; put it in quotes"),
        ({"ray": {"cores": 3}}, "ray: unknown key 'cores'"),
        ({"ray": {"phases": {"train": {"memory": 9}}}}, "ray.phases: no phase 'train'; the phases are clean"),
        ({"ray": {"memory": "8GB"}}, "ray.memory: '8GB' is not a number"),
        ({"shards": 0}, "shards 0: at least 1"),
        ({"workers": 0}, "config.yaml: workers 0: at least 1 is needed"),
        ({"memory": "1GB"}, "config.yaml: memory: '1GB' is not a number"),
        ({"input": []}, "config.yaml: no input files; name at least one after `input:`"),
        ({"input": [{"path": "a.txt", "documnets": "blank"}]}, "input: unknown key 'documnets'; is 'documents' meant?"),
        ({"dedup": {"near": True, "near_threshold": 0}}, "config.yaml: dedup: --near-threshold 0"),
        ({"train_bpe": {"vocab_size": 100}}, "config.yaml: train-bpe: --vocab-size 100: at least 256"),
        ({"clean": {"max_top_ngrams": [0.2, 0.2, 0.2, 0.2]}}, "clean: --max-top-ngrams 0.2 0.2 0.2 0.2: up to 3"),
        ({"clean": {"max_duplicate_ngrams": -1}}, "clean: --max-duplicate-ngrams -1.0: up to 6 numbers from 0 on"),
        ({"shards": "4"}, "shards: '4' is not a whole number"),
        ({"shards": True}, "shards: True is not a whole number"),
        ({"scratch": 5}, "scratch: 5 is not text"),
        ({"binarize": {"shards": 4}}, "binarize: unknown key 'shards'"),
        ({"dedup": {"near": True, "near_threshold": 7}}, "a Jaccard above 0 and up to 1 is needed"),
        ({"dedup": {"against": ["nothing.txt"]}}, "nothing.txt: no such file"),
        ({"dedup": {"against": "nothing.txt"}}, "nothing.txt: no such file"),
        ({"dedup": {"against": 3}}, "dedup.against: 3 is not text"),
        ({"dedup": {"near": True, "bands": 200}}, "config.yaml: dedup: --bands 200"),
        ({"binarize": {"max_document_tokens": 3}}, "config.yaml: binarize: --max-document-tokens 3"),
        ({"train_bpe": {"preset": "largest"}}, "train-bpe.preset: 'largest' is none of"),
        ({"input": TAGGED}, "give its weight in the section mix"),
        ({"mix": MIX}, "a.txt has no `corpus:`"),
        ({"input": TAGGED[:1], "mix": MIX}, "--weights en: no input of this name"),
        ({"input": TAGGED, "mix": {"weights": {"he": 1}}}, "none for the corpus 'en'"),
        ({"input": TAGGED, "mix": {}}, "mix: the key 'weights' is missing"),
        ({"input": TAGGED, "mix": {**MIX, "unit": "tokens"}}, "mix.unit: the tokenizer is trained on the mixture"),
        ({"input": [{"path": "a.txt", "corpus": "../he"}], "mix": MIX}, "corpus: '../he': a name of letters"),
        ({"input": [{"path": "a.txt", "corpus": 4}], "mix": MIX}, "input: corpus: 4 is not text"),
        ({"input": [{"path": "a.txt", "workers": 4}]}, "input: unknown key 'workers'"),
        ({"input": [{"path": "a.txt", "language": "klingon"}]}, "input.language: 'klingon' is none of"),
    ],
)
def test_a_mistake_is_one_clear_line(config, tmp_path, monkeypatch, changes, said):
    path = config(**changes)
    with pytest.raises(UserError) as error:
        read_configuration(path)
    assert said in str(error.value) and "\n" not in str(error.value)
    assert main([str(path)]) in (1, 2) and not (tmp_path / "made").exists()


@pytest.mark.parametrize(
    "written", ["2024-13-45", "!!int x", "[", "{a: b", "\t", "? [a]\n: b", "*a", "!!python/name:os.x", "''", "[" * 3000]
)
def test_what_is_no_yaml_is_one_clear_line(tmp_path, capsys, written):
    path = tmp_path / "config.yaml"
    path.write_text(f"output: {written}\n", encoding="utf-8")
    assert main([str(path)]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"error: {path}") and said.count("\n") == 1


def test_every_section_is_in_the_guide():
    from pathlib import Path

    guide = "".join((Path(__file__).parents[2] / "docs" / name).read_text() for name in ("corpus.md", "cluster.md"))
    assert [section for section in SECTIONS if f"{section}:" not in guide] == []


def test_a_key_that_stands_twice_is_refused_with_its_line(tmp_path):
    path = tmp_path / "config.yaml"
    path.write_text("input: a.txt\nclean: {min_hebrew: 0.3}\nclean: {max_digits: 0.3}\ntrain-bpe: {vocab_size: 400}\n")
    with pytest.raises(UserError, match=r"config\.yaml:3: 'clean' stands twice"):
        read_configuration(path)
    path.write_text("input: a.txt\nclean: {min_hebrew: 0.3, min_hebrew: 0.4}\ntrain-bpe: {vocab_size: 400}\n")
    with pytest.raises(UserError, match=r"config\.yaml:2: 'min_hebrew' stands twice"):
        read_configuration(path)


def test_one_evaluation_file_needs_no_brackets(config, tmp_path):
    assert read_configuration(config(dedup={"against": "b.txt"})).against == [str(tmp_path / "b.txt")]
