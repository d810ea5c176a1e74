"""What transformers reads from an export: the same ids, the same logits, and its own pipelines."""

import json
import os
import subprocess
import sys

import pytest
import torch

from fairseq_hebrew.text.vocabulary import Vocabulary
from tests.hub.commands import DEMO, KINDS, loaded

transformers = pytest.importorskip("transformers")

CLASSES = {
    "pretrained": "AutoModelForMaskedLM",
    "tags": "AutoModelForTokenClassification",
    "texts": "AutoModelForSequenceClassification",
    "questions": "AutoModelForQuestionAnswering",
    "neo": "AutoModelForMaskedLM",
}
HEADS = ("tags", "texts", "questions")
TEXTS = [
    "בְּרֵאשִׁית בָּרָא אֱלֹהִים אֵת הַשָּׁמַיִם וְאֵת הָאָרֶץ",
    'צה"ל, מנכ״ל, ג׳ירפה, חז"ל וד\'ר כהן',
    "  שני  בלנקים,\tטאב ושורה\nחדשה  ",
    "👩‍👩‍👧‍👦 שמח 😀 مرحبا русский 漢字",
    "The price is 1,234.56$ (כולל מע\"מ) don't we'll",
    "madeupword0000 ‏כיוון‎ \u00a0 קשיח",
    "",
    "א",
]


@pytest.fixture(scope="module")
def tokenizer(made):
    return transformers.AutoTokenizer.from_pretrained(made.exports["pretrained"])


@pytest.fixture(scope="module")
def texts() -> list[str]:
    files = sorted((DEMO / "handwritten").glob("*.txt"))
    return TEXTS + [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def test_ids_are_those_of_the_vocabulary(made, tokenizer, texts):
    ours = Vocabulary(made.tokenizer).encode_batch(texts)
    theirs = tokenizer(texts, add_special_tokens=False)["input_ids"]
    assert tokenizer.is_fast
    assert len(texts) > 400 and [ids.tolist() for ids in ours] == theirs
    assert len({i for ids in theirs for i in ids}) > 250


def test_text_comes_back(tokenizer, texts):
    for text in texts[: len(TEXTS)]:
        assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text


def test_specials_stand_where_roberta_has_them(made, tokenizer):
    last = len(Vocabulary(made.tokenizer)) - 1
    assert tokenizer("א")["input_ids"][0] == 0 and tokenizer("א")["input_ids"][-1] == 2
    one, two = (tokenizer(word, add_special_tokens=False)["input_ids"] for word in ("א", "ב"))
    pair = tokenizer("א", "ב")
    assert pair["input_ids"] == [0, *one, 2, 2, *two, 2] and set(pair) == {"input_ids", "attention_mask"}
    assert (tokenizer.pad_token_id, tokenizer.unk_token_id, tokenizer.mask_token_id) == (1, 3, last)
    # the mask takes the blank before it along
    assert tokenizer("א <mask>")["input_ids"] == [0, *one, last, 2]
    assert tokenizer.model_max_length == 64 and len(tokenizer) == last + 1


def test_offsets_leave_the_blank_out(tokenizer):
    encoded = tokenizer("שלום עולם", return_offsets_mapping=True, add_special_tokens=False)
    assert {0, 5} <= {start for start, _ in encoded["offset_mapping"]}
    assert 4 not in {start for start, _ in encoded["offset_mapping"]}


def test_the_files_agree_with_each_other_and_with_dict_txt(made):
    folder, vocabulary = made.exports["pretrained"], Vocabulary(made.tokenizer)
    vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
    full = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    assert full["model"]["vocab"] == vocab and list(vocab.values()) == list(range(len(vocabulary)))
    names = list(vocab)
    assert names[:4] == ["<s>", "<pad>", "</s>", "<unk>"] and names[-1] == "<mask>"
    old = {i: name for name, i in json.loads((made.tokenizer / "vocab.json").read_text(encoding="utf-8")).items()}
    for symbol, name in zip(vocabulary.symbols, names[4:]):
        assert name == (symbol if symbol.startswith("madeupword") else old[int(symbol)])
    assert (folder / "merges.txt").read_text() == (made.tokenizer / "merges.txt").read_text()


@pytest.mark.parametrize("kind", CLASSES)
def test_logits_are_ours(made, tokenizer, kind):
    read = getattr(transformers, CLASSES[kind])
    theirs, told = read.from_pretrained(made.exports[kind], output_loading_info=True, trust_remote_code=True)
    assert not any(told.values()), told
    model, options = loaded(made.checkpoints[kind]), {"head": "labels"} if kind in HEADS else {}
    lines = ["א", "שלום <mask> וברכה", "ירושלים " * 12, "משפט אחד בן כמה מילים."]
    batch = tokenizer(lines, return_tensors="pt", padding=True)
    assert batch["input_ids"].eq(1).any() and batch["input_ids"].size(1) <= 64
    with torch.inference_mode():
        read, here = theirs.eval()(**batch), model(batch["input_ids"], None, **options)[0]
    there = torch.stack((read.start_logits, read.end_logits), -1) if kind == "questions" else read.logits
    if kind != "texts":
        real = batch["attention_mask"].bool()
        there, here = there[real], here[real]
    assert here.abs().max() > 1
    torch.testing.assert_close(there, here, rtol=0, atol=1e-5)


def test_the_longest_sample_fits(made, tokenizer):
    model = loaded(made.checkpoints["pretrained"])
    theirs = transformers.AutoModelForMaskedLM.from_pretrained(made.exports["pretrained"]).eval()
    batch = tokenizer("ארוך מאוד " * 60, return_tensors="pt", truncation=True)
    assert batch["input_ids"].size(1) == 64 == model.max_positions()
    with torch.inference_mode():
        torch.testing.assert_close(theirs(**batch).logits, model(batch["input_ids"], None)[0], rtol=0, atol=1e-5)


def test_every_setting_is_the_checkpoints(made):
    config = json.loads((made.exports["pretrained"] / "config.json").read_text())
    wanted = {"max_position_embeddings": 66, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1}
    wanted |= {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 512}
    wanted |= {"bos_token_id": 0, "eos_token_id": 2, "tie_word_embeddings": True, "hidden_dropout_prob": 0.1}
    assert wanted.items() <= config.items()


def test_no_tensor_is_there_twice_and_transformers_writes_the_same(made, tmp_path):
    from safetensors.torch import load_file

    read = load_file(made.exports["pretrained"] / "model.safetensors")
    assert not any("decoder" in name for name in read)
    model = transformers.AutoModelForMaskedLM.from_pretrained(made.exports["pretrained"])
    assert model.lm_head.decoder.weight is model.roberta.embeddings.word_embeddings.weight
    model.save_pretrained(tmp_path)
    again = load_file(tmp_path / "model.safetensors")
    assert again.keys() == read.keys() and all(torch.equal(again[name], read[name]) for name in read)


def test_classes_have_the_names_of_the_task(made):
    tags = transformers.AutoConfig.from_pretrained(made.exports["tags"])
    assert tags.num_labels == 37 and [tags.id2label[i] for i in (0, 1, 36)] == ["O", "B-PER", "S-ANG"]
    texts = transformers.AutoConfig.from_pretrained(made.exports["texts"])
    assert texts.id2label == {0: "positive", 1: "negative", 2: "off-topic"} and texts.label2id["off-topic"] == 2


OFFLINE = """
import socket, sys
def refuse(*_): raise OSError("the network is not to be used")
socket.socket.connect = socket.getaddrinfo = refuse
from transformers import AutoModelForQuestionAnswering, pipeline
filled = pipeline("fill-mask", sys.argv[1])("בירת ישראל היא <mask>.", top_k=3)
assert len(filled) == 3 and all({"token_str", "score"} <= set(one) for one in filled), filled
tags = pipeline("token-classification", sys.argv[2], aggregation_strategy="first")("דנה גרה בתל אביב")
labels, = pipeline("text-classification", sys.argv[3], top_k=None)(["איזה יופי"])
assert sorted(one["label"] for one in labels) == ["negative", "off-topic", "positive"], labels
neo = pipeline("fill-mask", sys.argv[4], trust_remote_code=True)("בירת ישראל היא <mask>.", top_k=3)
assert len(neo) == 3
ends = AutoModelForQuestionAnswering.from_pretrained(sys.argv[5]).config.architectures
assert ends == ["RobertaForQuestionAnswering"]
print("fine", len(tags))
"""


def test_pipelines_work_with_no_network(made):
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, *(made.exports[kind] for kind in (*KINDS, "neo", "questions"))],
        env=os.environ | {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0 and done.stdout.startswith("fine"), done.stderr[-2000:]
