"""The model card: data and licences from manifests, scores from the files of score, unknown where none tells."""

import json
from types import SimpleNamespace

import pytest
import yaml

from fairseq_hebrew.hub import export
from fairseq_hebrew.hub.card import _masking
from fairseq_hebrew.hub.card_data import data_section
from fairseq_hebrew.hub.provenance import read_manifests
from tests.hub.commands import DEMO, run


def card(folder) -> str:
    return (folder / "README.md").read_text(encoding="utf-8")


def test_the_data_are_those_of_the_stages(made):
    text = card(made.exports["pretrained"])
    for stage in ("clean", "dedup", "shuffle", "split", "train-bpe", "binarize"):
        assert f"| `{stage}` |" in text
    manifest = json.loads((made.data / "train.manifest.json").read_text())
    assert f"tokens {manifest['counts']['tokens']:,}" in text
    assert text.index("| `clean` |") < text.index("| `split` |") < text.index("| `binarize` |")
    assert "went through `fairseq-hebrew clean`: niqqud" in text and "No manifest states a licence" in text
    assert str(made.folder) not in text, "names of files, no folders of the machine"
    tags = card(made.exports["tags"])
    assert "the tokenizer was made so" in tags and "`binarize`" not in tags and "train `train.bmes`" in tags


def test_every_family_and_head_has_its_words(made):
    neo = card(made.exports["neo"])
    head = yaml.safe_load(neo.split("---")[1])
    assert head["tags"] == ["hebrew", "neobert", "neodictabert", "fairseq"] and head["license"] == "unknown"
    assert "NeoDictaBERT (arXiv 2510.20386)" in neo and "trust_remote_code=True" in neo
    assert "rms_norm, pre, rope, swiglu" in neo and "None was stated" in neo
    questions = card(made.exports["questions"])
    assert "find answers in a text" in questions and "AutoModelForQuestionAnswering" in questions


def manifest(path, stage, inputs, outputs, **more):
    path.parent.mkdir(exist_ok=True)
    records = {"inputs": inputs, "outputs": outputs}
    path.write_text(json.dumps({"stage": stage, **records, **more}))


def record(path, digest):
    return {"path": str(path), "bytes": 1000, "sha256": digest}


def test_licences_of_downloaded_corpora_are_found_by_content(tmp_path):
    raw, text, data = tmp_path / "raw" / "dump.txt", tmp_path / "text" / "clean.txt", tmp_path / "data"
    manifest(
        raw.with_name("dump.txt.manifest.json"), "fetch", [], [record("dump.txt", "a")],
        licence="CC BY-SA 4.0", page="https://example.org/licence",
    )  # fmt: skip
    manifest(raw.with_name("other.manifest.json"), "fetch", [], [record("other.txt", "z")], licence="secret")
    manifest(text.with_name("clean.txt.manifest.json"), "clean", [record(raw, "a")], [record("clean.txt", "b")])
    manifest(data / "train.manifest.json", "binarize", [record(text, "b")], [record("train.bin", "c")])
    (data / "broken.manifest.json").write_text("{")
    (data / "list.manifest.json").write_text("[]")
    settings = {"data": f"{data}:{tmp_path / 'gone'}"}
    checkpoint = SimpleNamespace(
        setting=lambda group, name, default=None: settings.get(name, default),
        imported=None, description=None, task="hebrew_masked_lm",
    )  # fmt: skip
    found = read_manifests(checkpoint, tmp_path / "tokenizer")
    assert [one.stage for one in found] == ["fetch", "clean", "binarize"]
    told = data_section(checkpoint, found)
    assert "| `dump.txt` | CC BY-SA 4.0 | https://example.org/licence |" in told and "secret" not in told
    assert "does not record what texts" in data_section(checkpoint, [])


def test_scores_are_those_of_score(made, tmp_path, capsys):
    scores = {}
    for kind, split in (("tags", DEMO / "ner" / "test.bmes"), ("texts", DEMO / "sentiment" / "test.tsv")):
        out, scores[kind] = tmp_path / f"{kind}.jsonl", tmp_path / f"{kind}.json"
        run("fairseq-hebrew", "predict", made.checkpoints[kind], "--input", split, "--output", out)
        run("fairseq-hebrew", "score", out, "--output", scores[kind])
    given = [str(made.checkpoints["texts"]), str(tmp_path / "out"), "--license", "mit"]
    assert export.main([*given, "--scores", *map(str, scores.values())]) == 0
    text, read = card(tmp_path / "out"), json.loads(scores["texts"].read_text(encoding="utf-8"))
    assert f"| macro_f1 | {read['macro_f1']} |" in text and "Task `names`, seqeval strict, IOBES" in text
    assert f"| F1 of positive | {read['by_label']['positive']['f1']} |" in text and "The model: mit." in text
    assert export.main([*given, "--force"]) == 0
    assert "None are stated here" in card(tmp_path / "out")
    capsys.readouterr()
    (tmp_path / "bad.json").write_text("{")
    for path, words in (
        (tmp_path / "none.json", "No such file"),
        (tmp_path / "bad.json", "no JSON"),
        (made.exports["tags"] / "config.json", "holds no scores"),
    ):
        assert export.main([*given, "--scores", str(path)]) == 1
        assert f"{path}: {words}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({}, "0.15 of the tokens: 0.8 of these by `<mask>`, 0.1 by a random token, 0.1 left as they are"),
        ({"mask_unit": "word"}, "0.15 of the tokens, in whole words: 0.8 of these"),
        ({"mask_unit": "span", "masked_a_row": 1000}, "1,000 tokens a row, in spans of whole words: 0.8 of these"),
    ],
)
def test_what_was_masked(settings, line):
    usual = {"mask_prob": 0.15, "leave_unmasked_prob": 0.1, "random_token_prob": 0.1}
    checkpoint = SimpleNamespace(setting=lambda group, name, default=None: (usual | settings).get(name, default))
    assert _masking(checkpoint).startswith(line)
