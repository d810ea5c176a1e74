"""The command export-hf: what it refuses, in one line, and what it leaves behind."""

import json
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file

from fairseq_hebrew.hub import export
from tests.hub.commands import KINDS, command

FILES = {
    "README.md", "config.json", "export-hf.manifest.json", "merges.txt", "model.safetensors",
    "special_tokens_map.json", "tokenizer.json", "tokenizer_config.json", "vocab.json",
}  # fmt: skip


def refusal(capsys, *arguments) -> str:
    """The one line that the command ends with."""
    capsys.readouterr()
    assert export.main([str(argument) for argument in arguments]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


def changed(source, path, change):
    """A checkpoint read, changed and written to `path`."""
    import fairseq.checkpoint_utils  # noqa: F401 (with it torch's safe loader learns what is in a checkpoint)

    read = torch.load(source)
    change(read)
    torch.save(read, path)
    return path


def test_the_folder_holds_these_files_and_nothing_half_written(made):
    for kind in KINDS:
        assert {path.name for path in made.exports[kind].iterdir()} == FILES


def test_a_second_run_is_skipped_and_force_is_not(made, tmp_path, capsys):
    given = [str(made.checkpoints["pretrained"]), str(tmp_path / "out")]
    for options, skipped in (([], False), ([], True), (["--force"], False), (["--license", "mit"], False)):
        assert export.main([*given, *options]) == 0
        assert ("up to date" in capsys.readouterr().err) == skipped
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert yaml.safe_load(card.split("---")[1])["license"] == "mit"


def test_wrong_checkpoints(made, tmp_path, capsys):
    out, good = tmp_path / "out", made.checkpoints["pretrained"]
    assert "no such checkpoint" in refusal(capsys, tmp_path / "none.pt", out)
    assert "is a folder" in refusal(capsys, tmp_path, out)
    cut = tmp_path / "cut.pt"
    cut.write_bytes(good.read_bytes()[:100_000])
    assert f"{cut}: the checkpoint is truncated" in refusal(capsys, cut, out)
    text = tmp_path / "text.pt"
    text.write_text("not a checkpoint at all")
    assert f"{text}: not a checkpoint" in refusal(capsys, text, out)
    torch.save({"model": {"a": torch.zeros(2)}}, tmp_path / "bare.pt")
    assert "not a checkpoint of fairseq-train" in refusal(capsys, tmp_path / "bare.pt", out)

    other = changed(good, tmp_path / "other.pt", lambda read: read["cfg"]["model"].update(_name="roberta_base"))
    assert "architecture roberta_base; models of hallelubert, neodictabert" in refusal(capsys, other, out)
    other = changed(good, tmp_path / "other.pt", lambda read: read["cfg"]["task"].update(_name="translation"))
    assert "the task translation" in refusal(capsys, other, out)
    other = changed(good, tmp_path / "other.pt", lambda read: read["model"].pop("lm_head.bias"))
    assert "lacks 1 tensor, first lm_head.bias" in refusal(capsys, other, out)
    other = changed(good, tmp_path / "other.pt", lambda read: read["model"].update(more=torch.zeros(1)))
    assert "has unknown 1 tensor, first more" in refusal(capsys, other, out)
    assert not out.exists()


def test_wrong_tokenizers(made, tmp_path, capsys):
    out, good = tmp_path / "out", made.checkpoints["pretrained"]
    folder = tmp_path / "tokenizer"
    assert f"{folder}: no such folder" in refusal(capsys, good, out, "--tokenizer", folder)
    folder.mkdir()
    assert "no tokenizer.json" in refusal(capsys, good, out, "--tokenizer", folder)
    shutil.copy(made.tokenizer / "tokenizer.json", folder)
    assert "dict.txt: no such file" in refusal(capsys, good, out, "--tokenizer", folder)
    lines = (made.tokenizer / "dict.txt").read_text().splitlines()
    (folder / "dict.txt").write_text("\n".join(lines[:-8]) + "\n")
    assert "makes 401 embeddings" in refusal(capsys, good, out, "--tokenizer", folder)
    (folder / "dict.txt").write_text("\n".join([lines[1], lines[0], *lines[2:]]) + "\n")
    assert "another dictionary (sha256" in refusal(capsys, good, out, "--tokenizer", folder)
    assert not out.exists()
    # the dictionary of the data folder, which need not be the tokenizer's
    rest = ["--tokenizer", str(folder), "--dict", str(made.data / "dict.txt")]
    assert export.main([str(good), str(out), *rest]) == 0
    assert (
        load_file(out / "model.safetensors").keys()
        == load_file(made.exports["pretrained"] / "model.safetensors").keys()
    )


def test_a_pretrained_model_without_its_tokenizer(made, tmp_path, capsys):
    moved = changed(
        made.checkpoints["pretrained"], tmp_path / "a.pt", lambda read: read["cfg"]["task"].update(data="/gone/data")
    )
    assert "--tokenizer" in refusal(capsys, moved, tmp_path / "out")
    assert export.main([str(moved), str(tmp_path / "out"), "--tokenizer", str(made.tokenizer)]) == 0


def test_the_description_is_the_checkpoint_s_own_or_given(made, tmp_path, capsys):
    good, out = made.checkpoints["texts"], tmp_path / "out"
    moved = changed(good, tmp_path / "a.pt", lambda read: read["cfg"]["task"].update(description="/gone/texts.yaml"))
    assert export.main([str(moved), str(out)]) == 0
    bare = changed(good, tmp_path / "b.pt", lambda read: read["task_state"].pop("task_description"))
    assert "tells no description" in (line := refusal(capsys, bare, out)) and "--description" in line
    assert "is of a token_classification" in refusal(capsys, bare, out, "--description", made.folder / "tags.yaml")
    assert export.main([str(bare), str(out), "--description", str(made.folder / "texts.yaml")]) == 0
    fewer = tmp_path / "fewer.yaml"
    fewer.write_text((made.folder / "texts.yaml").read_text().replace(", '2': off-topic", ""))
    line = refusal(capsys, bare, out, "--description", fewer)
    assert "heads.labels.out.weight is [3, 128], the settings say [2, 128]" in line


def test_wrong_outputs(made, tmp_path, capsys):
    good = made.checkpoints["pretrained"]
    file = tmp_path / "file"
    file.write_text("")
    assert "is a file" in refusal(capsys, good, file)
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "config.json").write_text('{"model_type": "bert"}')
    assert "did not write" in refusal(capsys, good, foreign)
    assert [path.name for path in foreign.iterdir()] == ["config.json"]
    assert export.main([str(good), str(foreign), "--force"]) == 0
    assert json.loads((foreign / "config.json").read_text())["model_type"] == "roberta"
    killed = tmp_path / "killed"
    killed.mkdir()
    (killed / ".model.safetensors.part").write_text("half")
    assert export.main([str(good), str(killed)]) == 0
    assert {path.name for path in killed.iterdir()} == FILES


def test_a_failure_leaves_an_older_export_as_it_was(made, tmp_path, capsys):
    out = tmp_path / "out"
    assert export.main([str(made.checkpoints["pretrained"]), str(out)]) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    refusal(capsys, made.checkpoints["tags"], out, "--tokenizer", tmp_path / "none")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    assert export.main([str(made.checkpoints["tags"]), str(out)]) == 0
    assert "RobertaForTokenClassification" in (out / "config.json").read_text()


def test_an_older_checkpoint_lacks_the_younger_options(made, tmp_path):
    known = {"_name", "encoder_layers", "encoder_embed_dim", "encoder_ffn_embed_dim", "encoder_attention_heads"}
    known |= {"max_positions", "dropout", "attention_dropout", "activation_dropout"}

    def age(read):
        read["cfg"]["model"] = {name: value for name, value in read["cfg"]["model"].items() if name in known}

    old = changed(made.checkpoints["pretrained"], tmp_path / "old.pt", age)
    assert export.main([str(old), str(tmp_path / "out")]) == 0
    one, other = (folder / "config.json" for folder in (tmp_path / "out", made.exports["pretrained"]))
    assert json.loads(one.read_text()) == json.loads(other.read_text())


def test_a_format_that_cannot_be_the_model_exactly_is_refused_with_one_that_can(made, tmp_path, capsys):
    out = tmp_path / "out"
    for kind, name, words in (
        ("neo", "roberta", "RoBERTa has LayerNorm alone, the model has norm=rms_norm; give --format neobert"),
        ("pretrained", "neobert", "NeoBERT has RMSNorm alone, the model has norm=layer_norm; give --format roberta"),
        ("tags", "modernbert", "no head for token_classification there that is the one here; give --format roberta"),
    ):
        line = refusal(capsys, made.checkpoints[kind], out, "--format", name)
        assert f"cannot be exported as {name} exactly: " in line and words in line

    def ablate(read):
        read["cfg"]["model"].update(positions="rope", tie_embeddings="no")

    other = changed(made.checkpoints["pretrained"], tmp_path / "other.pt", ablate)
    assert "the model has positions=rope; no format here holds it" in refusal(capsys, other, out)
    other = changed(
        made.checkpoints["neo"], tmp_path / "other.pt", lambda read: read["cfg"]["model"].update(local_window=4)
    )
    assert "NeoBERT's layers all read the whole text" in refusal(capsys, other, out)
    other = changed(
        made.checkpoints["neo"], tmp_path / "other.pt", lambda read: read["cfg"]["model"].update(norm="batch_norm")
    )
    assert "norm='batch_norm' is not one of" in refusal(capsys, other, out)
    assert "has no other ids than those of dict.txt" in refusal(
        capsys, made.checkpoints["pretrained"], out, "--original-ids"
    )
    assert not out.exists()


def test_half_precision_becomes_float32(made, tmp_path):
    def halve(read):
        read["model"] = {name: tensor.half() for name, tensor in read["model"].items()}

    path = changed(made.checkpoints["texts"], tmp_path / "half.pt", halve)
    assert export.main([str(path), str(tmp_path / "out")]) == 0
    assert {tensor.dtype for tensor in load_file(tmp_path / "out" / "model.safetensors").values()} == {torch.float32}


def test_as_a_command(made, tmp_path):
    done = command("fairseq-hebrew", "export-hf", tmp_path / "none.pt", tmp_path / "out")
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert command("fairseq-hebrew", "export-hf").returncode == 2


@pytest.mark.parametrize(
    "kind, words",
    [
        ("pretrained", ["| tokens per sample | 32 |", "0.15 of the tokens: 0.8 of these", "pipeline_tag: fill-mask"]),
        ("tags", ["37 tags", "| task | names |", "aggregation_strategy", "pipeline_tag: token-classification"]),
        ("texts", ["| 2 | off-topic | `2` |", "| task | opinions |", "pipeline_tag: text-classification"]),
    ],
)
def test_the_card_says_how_it_was_made(made, kind, words):
    card = (made.exports[kind] / "README.md").read_text(encoding="utf-8")
    common = [
        "409 rows", "400 entries of the BPE", "2 x 128", "| updates | 2 |", "4 samples",
        "| peak learning rate | 0.001 |",
    ]  # fmt: skip
    for wanted in [*common, *words, f"license: {'mit' if kind == 'pretrained' else 'unknown'}"]:
        assert wanted in card, wanted
