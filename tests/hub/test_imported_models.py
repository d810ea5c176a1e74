"""Models that transformers made, with tokenizers of every kind: the same logits here, the same tensors back there."""

import json

import pytest
import torch
from safetensors.torch import load_file

from fairseq_hebrew.hub import export, import_hf
from fairseq_hebrew.text.vocabulary import Vocabulary
from tests.hub.commands import loaded
from tests.text.foreign import model_folder

transformers = pytest.importorskip("transformers")

ROWS = {"wordpiece": 799, "unigram": 701, "roberta": 601, "metaspace-bpe": 904, "modern-bpe": 609}
LINES = ["א", "שלום וברכה לכולם", "ירושלים " * 9, "משפט אחד בן כמה מילים."]
CLASSES = {
    "hebrew_masked_lm": "MaskedLM",
    "token_classification": "TokenClassification",
    "sequence_classification": "SequenceClassification",
    "question_answering": "QuestionAnswering",
}
NAMES = {"token_classification": ["B-PER", "I-PER", "O"], "sequence_classification": ["good", "bad", "none"]}
HEADS = {"hebrew_masked_lm": {}, **{task: {"head": "labels"} for task in list(CLASSES)[1:]}}


def roberta(tokenizer, task="hebrew_masked_lm", **options):
    """A RoBERTa that transformers makes for a tokenizer, every tensor of it with numbers that are no first ones."""
    more = {}
    if task in NAMES:
        more = {"id2label": dict(enumerate(NAMES[task])), "label2id": {name: i for i, name in enumerate(NAMES[task])}}
    config = transformers.RobertaConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48, layer_norm_eps=1e-5,
        pad_token_id=tokenizer.pad, bos_token_id=tokenizer.bos, eos_token_id=tokenizer.eos,
        max_position_embeddings=40 + tokenizer.pad + 1, **more, **options,
    )  # fmt: skip
    return stirred(getattr(transformers, f"RobertaFor{CLASSES[task]}")(config))


def stirred(model):
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.15 * torch.randn_like(parameter)
    return model.eval()


def specials(folder):
    from fairseq_hebrew.text.tokenizer import open_tokenizer

    return open_tokenizer(folder).specials


def padded(rows, pad):
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[pad] * (longest - len(row))] for row in rows])


def both(model, task, found, out):
    """(theirs, ours) of LINES at their tokens: what the two models say."""
    vocabulary = Vocabulary(out / "tokenizer")
    own = [[vocabulary.bos, *ids.tolist(), vocabulary.eos] for ids in vocabulary.encode_batch(LINES)]
    theirs = [[found.bos, *ids, found.eos] for ids in vocabulary.tokenizer.encode_batch(LINES)]
    own, theirs = padded(own, vocabulary.pad), padded(theirs, found.pad)
    assert own.size(1) <= 40 and own.eq(vocabulary.pad).any()
    here = loaded(out / "checkpoint.pt")
    mask = theirs.ne(found.pad)
    with torch.inference_mode():
        read = model(theirs, attention_mask=mask.long())
        mine = here(own, None, **HEADS[task])[0]
    made = torch.stack((read.start_logits, read.end_logits), -1) if "question" in task else read.logits
    if task == "sequence_classification":
        return made, mine
    return made[mask], mine[mask]


@pytest.mark.parametrize("task", CLASSES)
@pytest.mark.parametrize("kind", ["roberta", "wordpiece", "metaspace-bpe"])
def test_roberta(tmp_path, kind, task):
    source = model_folder(tmp_path / "model", kind)
    found = specials(source)
    model = roberta(found, task, vocab_size=ROWS[kind], type_vocab_size=1)
    with torch.no_grad():
        model.roberta.embeddings.token_type_embeddings.weight.zero_()
    table = model.roberta.embeddings.position_embeddings.weight
    with torch.no_grad():
        table[: found.pad + 1].zero_()  # no token's; zeros is what comes back
    model.save_pretrained(source)
    out = tmp_path / "out"
    assert import_hf.main([str(source), str(out)]) == 0
    theirs, ours = both(model, task, found, out)
    if task == "hebrew_masked_lm":
        order = import_hf.import_vocabulary(source, ROWS[kind]).order
        theirs = theirs if order is None else theirs[:, order]
    elif task == "token_classification":
        theirs = theirs[:, [2, 0, 1]]  # O first
    assert ours.abs().max() > 0.4
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    assert export.main([str(out / "checkpoint.pt"), str(tmp_path / "back"), "--original-ids"]) == 0
    back, before = (load_file(folder / "model.safetensors") for folder in (tmp_path / "back", source))
    if task == "token_classification":
        for part in ("weight", "bias"):
            before[f"classifier.{part}"] = before[f"classifier.{part}"][[2, 0, 1]]
    assert back.keys() == before.keys()
    assert [name for name in back if not torch.equal(back[name], before[name])] == []
    again, told = type(model).from_pretrained(tmp_path / "back", output_loading_info=True)
    assert not any(told.values()), told
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "back")
    assert tokenizer.pad_token_id == again.config.pad_token_id == found.pad
    assert tokenizer("שלום")["input_ids"][0] == again.config.bos_token_id == found.bos


def test_segments_with_numbers_are_added_to_the_positions(tmp_path, capsys):
    source = model_folder(tmp_path / "model", "roberta")
    found = specials(source)
    model = roberta(found, vocab_size=601, type_vocab_size=2)
    model.save_pretrained(source)
    assert import_hf.main([str(source), str(tmp_path / "out")]) == 0
    assert "the embedding of segments" in capsys.readouterr().err
    theirs, ours = both(model, "hebrew_masked_lm", found, tmp_path / "out")
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)


def test_modernbert(tmp_path):
    source = model_folder(tmp_path / "model", "modern-bpe")
    found = specials(source)
    config = transformers.ModernBertConfig(
        vocab_size=609, hidden_size=32, num_hidden_layers=4, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=40, pad_token_id=found.pad, bos_token_id=found.bos, cls_token_id=found.bos,
        eos_token_id=found.eos, sep_token_id=found.eos, local_attention=8, classifier_bias=True,
    )  # fmt: skip
    model = stirred(transformers.ModernBertForMaskedLM(config))
    model.save_pretrained(source)
    out, back = tmp_path / "out", tmp_path / "back"
    assert import_hf.main([str(source), str(out)]) == 0
    theirs, ours = both(model, "hebrew_masked_lm", found, out)
    order = import_hf.import_vocabulary(source, 609).order
    torch.testing.assert_close(ours, theirs[:, order], rtol=0, atol=1e-5)
    arguments = [str(out / "checkpoint.pt"), str(back)]
    assert export.main(arguments) == 1  # its family's own format is another
    assert export.main([*arguments, "--format", "modernbert", "--original-ids"]) == 0
    one, other = (load_file(folder / "model.safetensors") for folder in (source, back))
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_the_published_layout_of_neobert(tmp_path, made):
    """As published: no mask at the end of the ids, V of the tensors, not of config.json."""
    source = model_folder(tmp_path / "model", "wordpiece")
    read = load_file(made.exports["neo"] / "model.safetensors")
    state = {name: tensor for name, tensor in read.items()}
    torch.manual_seed(0)
    for name in ("model.encoder.weight", "decoder.weight"):
        state[name] = 0.05 * torch.randn(804, 128)
    state["decoder.bias"] = torch.randn(804)
    torch.save(state, source / "pytorch_model.bin")
    config = json.loads((made.exports["neo"] / "config.json").read_text())
    for name in ("exported_by", "rope_theta", "bos_token_id", "eos_token_id", "dtype"):
        del config[name]
    (source / "config.json").write_text(json.dumps(config | {"vocab_size": 799, "pad_token_id": 0}))
    out, back = tmp_path / "out", tmp_path / "back"
    assert import_hf.main([str(source), str(out)]) == 0
    assert len(Vocabulary(out / "tokenizer")) == 804
    assert export.main([str(out / "checkpoint.pt"), str(back), "--original-ids"]) == 0
    other = load_file(back / "model.safetensors")
    assert other.keys() == state.keys() and all(torch.equal(state[name], other[name]) for name in state)
    again = transformers.AutoModelForMaskedLM.from_pretrained(back, trust_remote_code=True)
    assert again.config.vocab_size == 804 and again.config.pad_token_id == 0
    model = again.eval()
    theirs, ours = both(model, "hebrew_masked_lm", specials(source), out)
    order = import_hf.import_vocabulary(source, 804).order
    torch.testing.assert_close(ours, theirs[:, order], rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ROWS)
def test_pipelines_with_the_ids_of_dict_txt(tmp_path, kind):
    source = model_folder(tmp_path / "model", kind)
    roberta(specials(source), vocab_size=ROWS[kind], type_vocab_size=1).save_pretrained(source)
    out, back = tmp_path / "out", tmp_path / "back"
    assert import_hf.main([str(source), str(out)]) == 0
    assert export.main([str(out / "checkpoint.pt"), str(back)]) == 0
    pipe = transformers.pipeline("fill-mask", str(back))
    assert pipe.tokenizer.is_fast and pipe.tokenizer.mask_token_id == ROWS[kind] - 1
    assert len(pipe(f"בירת ישראל היא {pipe.tokenizer.mask_token}.", top_k=3)) == 3
