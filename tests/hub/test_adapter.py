"""The adapter and the tokenizer files by themselves: strict both ways."""

import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from fairseq_hebrew.cli import main
from fairseq_hebrew.hub.checkpoint import read_checkpoint
from fairseq_hebrew.hub.export import to_tensors
from fairseq_hebrew.hub.formats import FORMATS
from fairseq_hebrew.hub.keys import Kind
from fairseq_hebrew.hub.roberta import KINDS, SEGMENTS, rows
from fairseq_hebrew.hub.tokenizer_files import tokenizer_files
from fairseq_hebrew.models.hallelubert import HalleluBertModel
from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.vocabulary import Vocabulary

CONFIG = EncoderConfig(
    vocab_size=30, padding_idx=1, layers=3, width=8, heads=2, feed_forward_width=12, max_positions=10
)
LABELS = {"hebrew_masked_lm": 0, "token_classification": 5, "sequence_classification": 3, "question_answering": 2}
HEADS = {"token_classification": "token", "sequence_classification": "sequence", "question_answering": "span"}


def to_hf(state: dict, config: EncoderConfig, kind: Kind, labels: int = 0) -> dict:
    """The tensors of a folder, of a checkpoint that is no more than its tensors."""
    checkpoint = SimpleNamespace(config=config, state=state, outputs=labels)
    return to_tensors(checkpoint, FORMATS["roberta"], kind)


def state(task: str) -> dict:
    model = HalleluBertModel(CONFIG)
    if LABELS[task]:
        model.register_head("labels", LABELS[task], HEADS[task])
    return {name: torch.randn_like(tensor) for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("task", KINDS)
def test_the_table_names_every_tensor_of_the_model_once(task):
    ours, named = state(task), rows(CONFIG, KINDS[task])
    assert sorted(row.ours for row in named) == sorted(ours)
    theirs = [name for row in named for name in row.theirs]
    assert len(set(theirs)) == len(theirs)


@pytest.mark.parametrize("task", KINDS)
def test_the_names_and_shapes_are_those_of_transformers(task):
    transformers = pytest.importorskip("transformers")
    made = to_hf(state(task), CONFIG, KINDS[task], LABELS[task])
    config = transformers.RobertaConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=3, num_attention_heads=2, intermediate_size=12,
        max_position_embeddings=12, type_vocab_size=1, num_labels=LABELS[task] or 2,
    )  # fmt: skip
    model = getattr(transformers, KINDS[task].architecture)(config)
    there = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("lm_head.decoder")}
    assert {name: tensor.shape for name, tensor in there.items()} == {name: t.shape for name, t in made.items()}


def test_queries_keys_and_values_are_cut_apart():
    ours = state("hebrew_masked_lm")
    made = to_hf(ours, CONFIG, KINDS["hebrew_masked_lm"])
    for part in ("weight", "bias"):
        names = [f"roberta.encoder.layer.2.attention.self.{name}.{part}" for name in ("query", "key", "value")]
        assert torch.equal(torch.cat([made[name] for name in names]), ours[f"encoder.layers.2.attention.qkv.{part}"])
    assert not made[SEGMENTS.name].any()
    memory = [tensor.untyped_storage().data_ptr() for tensor in made.values()]
    assert len(set(memory)) == len(memory)


@pytest.mark.parametrize("task", KINDS)
def test_every_missing_tensor_and_any_unknown_one_is_refused(task):
    whole = state(task)
    for name in whole:
        with pytest.raises(UserError, match=f"lacks 1 tensor, first {name}"):
            to_hf({n: t for n, t in whole.items() if n != name}, CONFIG, KINDS[task], LABELS[task])
    with pytest.raises(UserError, match=r"unknown 1 tensor, first encoder\.layers\.3\.x"):
        to_hf(whole | {"encoder.layers.3.x": torch.zeros(1)}, CONFIG, KINDS[task], LABELS[task])
    with pytest.raises(UserError, match=r"first encoder\.layers\.2"):
        fewer = EncoderConfig(**{**vars(CONFIG), "layers": 2})
        to_hf(whole, fewer, KINDS[task], LABELS[task])


def test_a_tensor_of_another_shape_is_refused():
    whole = state("hebrew_masked_lm")
    for name in whole:
        with pytest.raises(UserError, match=f"{name} is "):
            to_hf(whole | {name: torch.zeros(7, 7, 7)}, CONFIG, KINDS["hebrew_masked_lm"])


def test_labels_follow_the_description(made):
    for kind, task in (("tags", "token_classification"), ("texts", "sequence_classification")):
        read = read_checkpoint(made.checkpoints[kind])
        assert read.task == task and len(read.labels) == len(read.description.classes)
    texts = read.description
    same = replace(texts, labels={"0": "other", "1": "other"})
    object.__setattr__(read, "description", same)
    assert read.labels == ["0", "1"]  # names that cannot tell two classes apart are no names


def copy(made, folder):
    shutil.copytree(made.tokenizer, folder)
    return folder


def test_a_dictionary_that_leaves_tokens_out_is_refused(made, tmp_path):
    folder = copy(made, tmp_path / "tokenizer")
    lines = (folder / "dict.txt").read_text().splitlines()
    (folder / "dict.txt").write_text("\n".join(lines[5:]) + "\n")
    with pytest.raises(UserError, match="lacks 5 of the tokenizer's entries"):
        tokenizer_files(Vocabulary(folder), 64)


@pytest.mark.parametrize(
    "change, problem",
    [
        ({"normalizer": {"type": "NFC"}}, "not a plain byte-level BPE"),
        ({"pre_tokenizer": {"type": "Whitespace"}}, "not a plain byte-level BPE"),
        (
            {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}},
            "adds a blank",
        ),
    ],
)
def test_another_tokenizer_than_ours_is_refused(made, tmp_path, change, problem):
    folder = copy(made, tmp_path / "tokenizer")
    source = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    (folder / "tokenizer.json").write_text(json.dumps(source | change), encoding="utf-8")
    with pytest.raises(UserError, match=problem):
        tokenizer_files(Vocabulary(folder), 64)


def test_the_hebrew_pre_tokenizer_is_exported(made, tmp_path):
    transformers = pytest.importorskip("transformers")
    options = ["--pre-tokenizer", "hebrew", "--vocab-size", "400", "--output", str(tmp_path / "tokenizer")]
    assert main(["train-bpe", "--input", str(made.folder / "text" / "split" / "train.txt"), *options]) == 0
    vocabulary = Vocabulary(tmp_path / "tokenizer")
    for name, content in tokenizer_files(vocabulary, 64).items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    assert len(theirs) == len(vocabulary) and theirs.mask_token_id == vocabulary.mask
    for line in ('דובר צה"ל אמר', "שָׁלוֹם לג'ירפה", " רח' הרצל 5  ", ""):
        ids = vocabulary.encode_batch([line])[0].tolist()
        assert theirs.encode(line, add_special_tokens=False) == ids
        assert theirs.encode(line) == [vocabulary.bos, *ids, vocabulary.eos]


def test_sentencepiece_is_refused_in_one_line(made, tmp_path):
    options = ["--model", "sentencepiece-bpe", "--vocab-size", "400", "--output", str(tmp_path)]
    assert main(["train-bpe", "--input", str(made.folder / "text" / "split" / "valid.txt"), *options]) == 0
    with pytest.raises(UserError, match="SentencePiece tokenizer, which export-hf cannot write yet"):
        tokenizer_files(Vocabulary(tmp_path), 64)
