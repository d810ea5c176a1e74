"""The command import-hf: there and back with the same bits, what fairseq and predict make of it, what it refuses."""

import json
import shutil

import pytest
import torch
import yaml
from safetensors.torch import load_file, save_file

from fairseq_hebrew.hub import export, import_hf
from fairseq_hebrew.hub.checkpoint import read_checkpoint
from tests.hub.commands import DEMO, KINDS, command, run, train

FILES = {"checkpoint.pt", "import-hf.manifest.json", "tokenizer"}


def imported(source, output, *options):
    assert import_hf.main([str(source), str(output), *map(str, options)]) == 0
    return output / "checkpoint.pt"


def exported(checkpoint, output, *options):
    assert export.main([str(checkpoint), str(output), *map(str, options)]) == 0
    return output


def refusal(capsys, *arguments) -> str:
    """The one line that the command ends with."""
    capsys.readouterr()
    assert import_hf.main([str(argument) for argument in arguments]) == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


def weights(folder) -> dict:
    return load_file(folder / "model.safetensors")


def same(one: dict, other: dict) -> None:
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


@pytest.fixture(scope="module")
def there(made, tmp_path_factory) -> dict:
    """By kind, the checkpoint read from the export of that kind."""
    folder = tmp_path_factory.mktemp("imported")
    return {kind: imported(made.exports[kind], folder / kind) for kind in made.exports}


@pytest.mark.parametrize("kind", [*KINDS, "questions", "neo"])
def test_there_and_back_and_there_is_bit_equal(made, there, tmp_path, kind):
    assert {path.name for path in there[kind].parent.iterdir()} == FILES
    one, other = read_checkpoint(made.checkpoints[kind]), read_checkpoint(there[kind])
    same(one.state, other.state)
    assert (one.family, one.task, one.labels, one.outputs) == (other.family, other.task, other.labels, other.outputs)
    drop = ("init", "init_range", "activation_dropout")
    assert {k: v for k, v in vars(one.config).items() if k not in drop} == {
        k: v for k, v in vars(other.config).items() if k not in drop
    }
    again = exported(there[kind], tmp_path / "again")
    same(weights(made.exports[kind]), weights(again))
    configs = [json.loads((folder / "config.json").read_text()) for folder in (made.exports[kind], again)]
    assert {k: v for k, v in configs[0].items() if k not in ("classifier_dropout", *drop)} == {
        k: v for k, v in configs[1].items() if k not in ("classifier_dropout", *drop)
    }
    assert "does not tell how it was trained" in (again / "README.md").read_text(encoding="utf-8")


def test_a_second_run_is_skipped_and_force_is_not(made, tmp_path, capsys):
    for options, skipped in (([], False), ([], True), (["--force"], False)):
        imported(made.exports["texts"], tmp_path / "out", *options)
        assert ("up to date" in capsys.readouterr().err) == skipped


def test_predict_answers_as_before(made, there, tmp_path):
    for kind, data, split in (("tags", "ner", "test.bmes"), ("texts", "sentiment", "test.tsv")):
        given = ["--input", DEMO / data / split]
        answers = []
        for name, checkpoint in (("before", made.checkpoints[kind]), ("after", there[kind])):
            out = tmp_path / f"{kind}-{name}.jsonl"
            run("fairseq-hebrew", "predict", checkpoint, "--output", out, *given)
            answers.append(out.read_text(encoding="utf-8"))
        assert answers[0] == answers[1] and answers[0]


def test_training_goes_on_from_it(made, there, tmp_path):
    options = ["--description", made.folder / "tags.yaml", "--tokenizer-dir", there["pretrained"].parent / "tokenizer"]
    rest = ["--criterion", "classification", "--finetune-from-model", there["pretrained"]]
    assert train(DEMO / "ner", tmp_path / "tags", "token_classification", *options, *rest).is_file()
    tokenizer, data = there["pretrained"].parent / "tokenizer", tmp_path / "data"
    for split in ("train", "valid"):
        text = ["--input", made.folder / "text" / "split" / f"{split}.txt", "--split", split]
        run("fairseq-hebrew", "binarize", *text, "--tokenizer", tokenizer, "--output", data)
    rest = ["--tokens-per-sample", 32, "--criterion", "hebrew_masked_lm", "--restore-file", there["pretrained"]]
    made_on = train(data, tmp_path / "on", "hebrew_masked_lm", *rest)
    assert read_checkpoint(made_on).updates == 2
    # another dictionary is refused, though it has as many entries
    done = command(
        "fairseq-train", made.data, "--user-dir", "fairseq_hebrew", "--task", "hebrew_masked_lm", "--arch",
        "hallelubert_tiny", "--max-positions", 64, "--criterion", "hebrew_masked_lm", "--tokens-per-sample", 32,
        "--batch-size", 2, "--max-update", 1, "--save-dir", tmp_path / "no", "--cpu", "--optimizer", "adam",
        "--finetune-from-model", there["pretrained"],
    )  # fmt: skip
    assert done.returncode == 1 and "another dictionary" in done.stderr


def copy(source, target):
    shutil.copytree(source, target)
    return target


def change_config(folder, **values):
    path = folder / "config.json"
    config = json.loads(path.read_text())
    for name, value in values.items():
        config.pop(name, None)
        if value is not None:
            config[name] = value
    path.write_text(json.dumps(config))
    return folder


def test_other_files_of_weights(made, there, tmp_path):
    wanted = read_checkpoint(there["pretrained"]).state
    tensors = weights(made.exports["pretrained"])
    names = sorted(tensors)

    bare = copy(made.exports["pretrained"], tmp_path / "bin")
    (bare / "model.safetensors").unlink()
    extra = {"roberta.embeddings.position_ids": torch.arange(66)[None], "lm_head.decoder.bias": tensors["lm_head.bias"]}
    extra["lm_head.decoder.weight"] = tensors["roberta.embeddings.word_embeddings.weight"]
    torch.save(tensors | extra, bare / "pytorch_model.bin")
    same(wanted, read_checkpoint(imported(bare, tmp_path / "from-bin")).state)

    cut = copy(made.exports["pretrained"], tmp_path / "cut")
    (cut / "model.safetensors").unlink()
    parts = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, part in parts.items():
        save_file({name: tensors[name] for name in part}, cut / file)
    index = {"metadata": {}, "weight_map": {name: file for file, part in parts.items() for name in part}}
    (cut / "model.safetensors.index.json").write_text(json.dumps(index))
    same(wanted, read_checkpoint(imported(cut, tmp_path / "from-cut")).state)


def test_half_precision_is_read_as_float32(made, tmp_path):
    folder = copy(made.exports["texts"], tmp_path / "half")
    tensors = {name: tensor.bfloat16() for name, tensor in weights(folder).items()}
    save_file(tensors, folder / "model.safetensors")
    back = exported(imported(folder, tmp_path / "out"), tmp_path / "back")
    same({name: tensor.float() for name, tensor in tensors.items()}, weights(back))


def test_wrong_weights(made, tmp_path, capsys):
    out, good = tmp_path / "out", weights(made.exports["pretrained"])
    folder = copy(made.exports["pretrained"], tmp_path / "model")
    path = folder / "model.safetensors"

    def says(tensors, words):
        save_file(tensors, path)
        assert words in refusal(capsys, folder, out)

    tokens = "roberta.embeddings.word_embeddings.weight"
    for name in good:
        if name != tokens and "token_type" not in name:
            says({n: t for n, t in good.items() if n != name}, f"lacks 1 tensor, first {name}")
    says({n: t for n, t in good.items() if n != tokens}, f"has no {tokens}")
    says(good | {"roberta.more": torch.zeros(1)}, "unknown 1 tensor, first roberta.more")
    says(good | {"lm_head.decoder.weight": good[tokens] + 1}, "lm_head.decoder.weight is not " + tokens)
    says(good | {"lm_head.dense.bias": torch.zeros(5)}, "lm_head.dense.bias is [5], the settings say [128]")
    says(good | {tokens: good[tokens][:-9]}, "has ids up to 408, the model's embedding 400 rows")
    says(good | {"lm_head.bias": good["lm_head.bias"][:-1]}, "lm_head.bias is [408], the settings say [409]")
    path.write_bytes(path.read_bytes()[:10_000])
    assert f"{path}: not a whole safetensors file" in refusal(capsys, folder, out)
    path.unlink()
    assert "no model.safetensors" in refusal(capsys, folder, out)
    (folder / "pytorch_model.bin").write_bytes(b"PK\x03\x04 nothing")
    assert "pytorch_model.bin: not a whole file of weights" in refusal(capsys, folder, out)
    torch.save({"a": KINDS, "b": shutil.rmtree}, folder / "pytorch_model.bin")
    assert "refused by torch's safe loader" in refusal(capsys, folder, out)
    (folder / "pytorch_model.bin").unlink()
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../other.safetensors"}}')
    assert "names the file ../other.safetensors, which is not there" in refusal(capsys, folder, out)
    assert not out.exists()


@pytest.mark.parametrize(
    "values, words",
    [
        ({"scale_everything": 2}, "config.json says scale_everything=2, which is not known here"),
        ({"hidden_act": "relu"}, "config.json says hidden_act='relu'"),
        ({"position_embedding_type": "relative_key"}, "config.json says position_embedding_type='relative_key'"),
        ({"is_decoder": True}, "config.json says is_decoder=True"),
        ({"tie_word_embeddings": False}, "config.json says tie_word_embeddings=False"),
        ({"hidden_size": "wide"}, "config.json says hidden_size='wide'"),
        ({"num_attention_heads": 3}, "cannot be divided into 3 heads"),
        ({"num_hidden_layers": 3}, "lacks 16 tensors, first roberta.encoder.layer.2"),
        ({"max_position_embeddings": 70}, "position_embeddings.weight is [66, 128], the settings say [70, 128]"),
        ({"pad_token_id": 0}, "says pad_token_id=0, the tokenizer's padding is 1"),
        ({"model_type": "gpt2"}, "a model of the type gpt2; those that are read: roberta, neobert, modernbert"),
        ({"architectures": ["RobertaModel"]}, "architectures is ['RobertaModel']; a model with a head"),
        ({"architectures": None}, "architectures is []"),
    ],
)
def test_wrong_settings(made, tmp_path, capsys, values, words):
    folder = change_config(copy(made.exports["pretrained"], tmp_path / "model"), **values)
    assert words in refusal(capsys, folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_wrong_folders(made, tmp_path, capsys):
    good, out = made.exports["pretrained"], tmp_path / "out"
    assert "no such folder" in refusal(capsys, tmp_path / "none", out)
    empty = tmp_path / "empty"
    empty.mkdir()
    assert "no config.json there" in refusal(capsys, empty, out)
    (empty / "config.json").write_text("{")
    assert "config.json: no JSON" in refusal(capsys, empty, out)
    bare = copy(good, tmp_path / "bare")
    for name in ("tokenizer.json", "vocab.json", "merges.txt"):
        (bare / name).unlink()
    assert "tokenizer.json" in refusal(capsys, bare, out)
    file = tmp_path / "file"
    file.write_text("")
    assert "is a file" in refusal(capsys, good, file)
    full = tmp_path / "full"
    full.mkdir()
    (full / "thesis.txt").write_text("mine")
    assert "holds files that import-hf did not write" in refusal(capsys, good, full)
    assert [path.name for path in full.iterdir()] == ["thesis.txt"]
    assert imported(good, full, "--force").is_file() and not out.exists()
    assert "is a pretrained model" in refusal(capsys, good, out, "--description", "nemo")


def test_labels_without_our_description(made, tmp_path, capsys):
    tags = change_config(copy(made.exports["tags"], tmp_path / "tags"), task_description=None)
    read = read_checkpoint(imported(tags, tmp_path / "a"))
    assert read.labels == read_checkpoint(made.checkpoints["tags"]).labels and read.description.scheme == "bioes"

    # the order others write labels in: the outputs follow the names
    config = json.loads((tags / "config.json").read_text())
    names = sorted(config["label2id"])
    tensors = weights(tags)
    order = [config["label2id"][name] for name in names]
    for part in ("weight", "bias"):
        tensors[f"classifier.{part}"] = tensors[f"classifier.{part}"][order]
    save_file(tensors, tags / "model.safetensors")
    change_config(tags, id2label={str(i): name for i, name in enumerate(names)}, label2id=None)
    other = read_checkpoint(imported(tags, tmp_path / "b"))
    by_name = dict(zip(other.labels, other.state["heads.labels.out.weight"]))
    before = dict(zip(read.labels, read.state["heads.labels.out.weight"]))
    same(by_name, before)

    change_config(tags, id2label={str(i): f"word{i}" for i in range(37)})
    assert "--description FILE of a token_classification" in refusal(capsys, tags, tmp_path / "c")
    change_config(tags, id2label={str(i): f"LABEL_{i}" for i in range(37)})
    assert "--description FILE" in refusal(capsys, tags, tmp_path / "c")
    assert imported(tags, tmp_path / "c", "--description", made.folder / "tags.yaml")
    line = refusal(capsys, tags, tmp_path / "d", "--description", made.folder / "texts.yaml")
    assert "describes a sequence_classification, the model is made for token_classification" in line

    texts = change_config(copy(made.exports["texts"], tmp_path / "texts"), task_description=None)
    read = read_checkpoint(imported(texts, tmp_path / "e"))
    assert read.labels == ["positive", "negative", "off-topic"]
    read = read_checkpoint(imported(texts, tmp_path / "f", "--description", made.folder / "texts.yaml"))
    assert read.description.classes == ["0", "1", "2"]
    fewer = yaml.safe_load((made.folder / "texts.yaml").read_text())
    (tmp_path / "fewer.yaml").write_text(yaml.safe_dump({**fewer, "labels": {"0": "good", "1": "bad"}}))
    line = refusal(capsys, texts, tmp_path / "g", "--description", tmp_path / "fewer.yaml")
    assert "describes the classes 0, 1, the model has positive, negative, off-topic" in line


def test_labels_that_are_none(made, tmp_path, capsys):
    texts, out = copy(made.exports["texts"], tmp_path / "texts"), tmp_path / "out"
    change_config(texts, problem_type="multi_label_classification")
    assert "says problem_type='multi_label_classification'" in refusal(capsys, texts, out)
    change_config(texts, problem_type=None, id2label={"0": "a", "2": "b"})
    assert "id2label does not name the outputs 0, 1, 2..." in refusal(capsys, texts, out)
    change_config(texts, task_description=None, id2label={"0": "a", "1": "b", "2": "b"})
    assert "two outputs have one label; give --description FILE" in refusal(capsys, texts, out)
    change_config(texts, id2label={"0": "a", "1": "b"})
    assert "classifier.out_proj.weight is [3, 128], the settings say [2, 128]" in refusal(capsys, texts, out)


def test_as_a_command(made, tmp_path):
    done = command("fairseq-hebrew", "import-hf", tmp_path / "none", tmp_path / "out")
    assert done.returncode == 1 and done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert command("fairseq-hebrew", "import-hf").returncode == 2
