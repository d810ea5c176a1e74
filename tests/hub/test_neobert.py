"""NeoDictaBERT as the published NeoBERT: names, layout and settings, strict both ways; heads through the code for
transformers."""

import dataclasses
import json
import os

import pytest
import torch

from fairseq_hebrew.hub.formats import FORMATS
from fairseq_hebrew.hub.keys import sizes, to_ours, to_theirs
from fairseq_hebrew.models.neodictabert import NEODICTABERT, NeoDictaBertModel
from fairseq_hebrew.modules import EncoderConfig
from fairseq_hebrew.stage.errors import UserError

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when transformers is imported: nothing here may ask a hub

NEOBERT = FORMATS["neobert"]
PAD = 1
CONFIG = EncoderConfig(
    vocab_size=60, padding_idx=PAD, layers=3, width=48, heads=3, feed_forward_width=128,
    **NEODICTABERT.choices | {"max_positions": 64},
)  # fmt: skip
BASE = EncoderConfig(
    vocab_size=30_522, padding_idx=0, layers=28, width=768, heads=12, feed_forward_width=2048, **NEODICTABERT.choices
)
LM = NEOBERT.kinds["hebrew_masked_lm"]
# config.json of the published NeoBERT (arXiv 2502.19587), as its authors' own class wrote it
PUBLISHED = {
    "architectures": ["NeoBERTLMHead"],
    "auto_map": {
        "AutoConfig": "model.NeoBERTConfig",
        "AutoModel": "model.NeoBERT",
        "AutoModelForMaskedLM": "model.NeoBERTLMHead",
        "AutoModelForSequenceClassification": "model.NeoBERTForSequenceClassification",
    },
    "classifier_init_range": 0.02,
    "decoder_init_range": 0.02,
    "dim_head": 64,
    "embedding_init_range": 0.02,
    "hidden_size": 768,
    "intermediate_size": 3072,
    "kwargs": {"classifier_init_range": 0.02, "pretrained_model_name_or_path": "some/tokenizer"},
    "max_length": 4096,
    "model_type": "neobert",
    "norm_eps": 1e-05,
    "num_attention_heads": 12,
    "num_hidden_layers": 28,
    "pad_token_id": 0,
    "pretrained_model_name_or_path": "some/tokenizer",
    "torch_dtype": "float32",
    "transformers_version": "4.48.2",
    "trust_remote_code": True,
    "vocab_size": 30522,
}
HEADS = {
    "hebrew_masked_lm": (None, 0, "AutoModelForMaskedLM"),
    "token_classification": ("token", 5, "AutoModelForTokenClassification"),
    "sequence_classification": ("sequence", 3, "AutoModelForSequenceClassification"),
    "question_answering": ("span", 2, "AutoModelForQuestionAnswering"),
}


def stirred(task: str) -> NeoDictaBertModel:
    torch.manual_seed(0)
    model = NeoDictaBertModel(CONFIG)
    head, labels, _ = HEADS[task]
    if head:
        model.register_head("labels", labels, head)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


def theirs_of(task: str, state):
    return to_theirs(NEOBERT.rows(CONFIG, NEOBERT.kinds[task]), state, sizes(CONFIG, HEADS[task][1]), CONFIG)


def test_the_published_model_is_these_172_tensors():
    """Names and shapes of the published checkpoint (arXiv 2502.19587), which has 28 layers."""
    lengths = sizes(BASE)
    made = {
        name: tuple(lengths[letter] for letter in row.shape) for row in NEOBERT.rows(BASE, LM) for name in row.theirs
    }
    wanted = {
        "model.encoder.weight": (30_522, 768),
        "model.layer_norm.weight": (768,),
        "decoder.weight": (30_522, 768),
        "decoder.bias": (30_522,),
    }
    for i in range(28):
        wanted |= {
            f"model.transformer_encoder.{i}.{name}.weight": shape
            for name, shape in {
                "qkv": (2304, 768), "wo": (768, 768), "ffn.w12": (4096, 768), "ffn.w3": (768, 2048),
                "attention_norm": (768,), "ffn_norm": (768,),
            }.items()
        }  # fmt: skip
    assert made == wanted and len(made) == 172


def test_the_published_settings_are_the_familys():
    with torch.device("meta"):
        tensors = {"model.encoder.weight": torch.empty(30_522, 768)}
    assert NEOBERT.read_config(PUBLISHED, tensors, 0) == BASE
    made = NEOBERT.config_json(BASE, LM, [], None)
    ours_alone = {"rope_theta", "tie_word_embeddings", "bos_token_id", "eos_token_id", "dtype"}
    theirs_alone = {"kwargs", "pretrained_model_name_or_path", "transformers_version", "trust_remote_code"}
    assert made.keys() - PUBLISHED.keys() == ours_alone and PUBLISHED.keys() - made.keys() == theirs_alone
    same = (made.keys() & PUBLISHED.keys()) - {"auto_map"}
    assert {key: made[key] for key in same} == {key: PUBLISHED[key] for key in same}


@pytest.mark.parametrize("size", NEODICTABERT.sizes)
def test_every_size_has_an_intermediate_size(size):
    from tests.models.building import parsed

    cfg = parsed("--arch", f"neodictabert_{size}")
    config = dataclasses.replace(
        BASE, layers=cfg.encoder_layers, width=cfg.encoder_embed_dim, heads=cfg.encoder_attention_heads,
        feed_forward_width=cfg.encoder_ffn_embed_dim,
    )  # fmt: skip
    raw = NEOBERT.config_json(config, LM, [], None)
    assert raw["intermediate_size"] == 4 * config.width
    with torch.device("meta"):
        assert NEOBERT.read_config(raw, {"model.encoder.weight": torch.empty(30_522, 1)}, 0) == config


@pytest.mark.parametrize("inner", [8, 40, 104, 128, 1000])
def test_any_multiple_of_8_can_be_said(inner):
    config = dataclasses.replace(CONFIG, feed_forward_width=inner, rope_theta=5_000.0, norm_eps=1e-6)
    assert NEOBERT.refuses(config) is None
    raw = json.loads(json.dumps(NEOBERT.config_json(config, LM, [], None)))
    assert NEOBERT.read_config(raw, {"model.encoder.weight": torch.zeros(60, 48)}, PAD) == config


def test_rows_of_queries_keys_and_values():
    """Told by number: row r of ours is part, head and dimension; there it stands head by head, halves in pairs."""
    state = stirred("hebrew_masked_lm").state_dict()
    ours = state["encoder.layers.1.attention.qkv.weight"]
    there = theirs_of("hebrew_masked_lm", state)["model.transformer_encoder.1.qkv.weight"]
    for part in range(3):
        for head in range(3):
            for i in range(16):
                # of queries and keys dimension i < 8 turns with i + 8; they become 2i and 2i + 1
                place = i if part == 2 else 2 * (i % 8) + i // 8
                assert torch.equal(there[head * 48 + part * 16 + place], ours[part * 48 + head * 16 + i])


@pytest.mark.parametrize("task", HEADS)
def test_there_and_back_is_the_same_to_the_bit(task):
    state = stirred(task).state_dict()
    there = theirs_of(task, state)
    memory = {tensor.untyped_storage().data_ptr() for tensor in there.values()}
    assert len(memory) == len(there) and all(tensor.is_contiguous() for tensor in there.values())
    rows = NEOBERT.rows(CONFIG, NEOBERT.kinds[task])
    back = to_ours(rows, there, sizes(CONFIG, HEADS[task][1]), CONFIG)
    assert back.keys() == state.keys() and all(torch.equal(back[name], state[name]) for name in state)


@pytest.mark.parametrize("task", HEADS)
def test_every_head_gives_the_same_there(task, tmp_path):
    transformers = pytest.importorskip("transformers")
    from safetensors.torch import save_file

    model, (head, labels, automatic) = stirred(task), HEADS[task]
    save_file(theirs_of(task, model.state_dict()), tmp_path / "model.safetensors", metadata={"format": "pt"})
    names = [f"label {i}" for i in range(labels)] if head in ("token", "sequence") else []
    raw = NEOBERT.config_json(CONFIG, NEOBERT.kinds[task], names, 0.3 if head else None)
    (tmp_path / "config.json").write_text(json.dumps(raw))
    for name, text in NEOBERT.files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    theirs, told = getattr(transformers, automatic).from_pretrained(
        tmp_path, trust_remote_code=True, output_loading_info=True
    )
    assert not any(told.values()), told
    assert type(theirs).__name__ == NEOBERT.kinds[task].architecture
    ids = torch.full((3, 40), PAD)
    for row, length in zip(ids, (40, 3, 17)):
        row[:length] = torch.randint(4, 60, (length,))
    real = ids.ne(PAD)
    with torch.inference_mode():
        there = theirs.eval()(ids, attention_mask=real.long())
        here = model(ids, head="labels" if head else None)[0]
    made = torch.stack((there.start_logits, there.end_logits), -1) if head == "span" else there.logits
    if head != "sequence":
        made, here = made[real], here[real]
    assert here.std() > 0.1
    torch.testing.assert_close(made, here, rtol=0, atol=1e-5)
    if names:
        assert theirs.config.id2label == dict(enumerate(names)) and theirs.config.classifier_dropout == 0.3


def test_strict_both_ways():
    state = stirred("hebrew_masked_lm").state_dict()
    rows, there, lengths = NEOBERT.rows(CONFIG, LM), theirs_of("hebrew_masked_lm", state), sizes(CONFIG)
    for read, whole in ((to_theirs, state), (to_ours, there)):
        for name in whole:
            with pytest.raises(UserError, match=f"lacks 1 tensor, first {name}"):
                read(rows, {n: t for n, t in whole.items() if n != name}, lengths, CONFIG)
            with pytest.raises(UserError, match=f"{name} is "):
                read(rows, whole | {name: torch.zeros(7, 7, 7)}, lengths, CONFIG)
        with pytest.raises(UserError, match="unknown 1 tensor, first more"):
            read(rows, whole | {"more": torch.zeros(1)}, lengths, CONFIG)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"norm": "layer_norm"}, "RMSNorm alone, the model has norm=layer_norm"),
        ({"norm_placement": "post"}, "norms before each sub-layer"),
        ({"first_norm": False}, "before the first attention"),
        ({"embedding_norm": True}, "no norm after the embeddings"),
        ({"positions": "learned"}, "rotary positions"),
        ({"positions": "none"}, "rotary positions"),
        ({"feed_forward": "geglu"}, "SwiGLU"),
        ({"bias": True}, "no biases"),
        ({"lm_head": "dense"}, "nothing before it"),
        ({"tie_embeddings": True}, "of its own"),
        ({"local_window": 3}, "local_window=3"),
        ({"feed_forward_width": 100}, "feed_forward_width=100"),
    ],
)
def test_other_choices_are_refused_with_the_reason(changes, reason):
    assert NEOBERT.refuses(CONFIG) is None and NEOBERT.refuses(BASE) is None
    assert reason in NEOBERT.refuses(dataclasses.replace(CONFIG, **changes))


def test_a_window_that_no_layer_has_is_no_window():
    assert NEOBERT.refuses(dataclasses.replace(CONFIG, local_window=3, global_every=1)) is None


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"norm_eps": None},
            "does not say norm_eps: the published configuration says 1e-5, the published code takes 1e-6",
        ),
        ({"hidden_act": "gelu"}, "hidden_act='gelu'"),
        ({"rms_norm": False}, "rms_norm=False"),
        ({"rope": False}, "rope=False"),
        ({"rope_scaling": {"type": "yarn"}}, "rope_scaling"),
        ({"ngpt": True}, "ngpt=True"),
        ({"tie_word_embeddings": True}, "tie_word_embeddings=True"),
        ({"is_decoder": True}, "is_decoder=True"),
        ({"sliding_window": 128}, "sliding_window=128, which is not known here"),
        ({"dim_head": 32}, "dim_head=32"),
        ({"hidden_size": None}, "hidden_size"),
        ({"num_hidden_layers": 2.5}, "num_hidden_layers=2.5"),
        ({"num_hidden_layers": True}, "num_hidden_layers=True"),
        ({"max_length": None}, "max_length"),
        ({"num_hidden_layers": 0}, "layers=0"),
        ({"norm_eps": 0}, "norm_eps=0"),
    ],
)
def test_settings_of_another_model_are_refused(changes, reason):
    with pytest.raises(UserError) as told:
        NEOBERT.read_config(PUBLISHED | changes, {"model.encoder.weight": torch.zeros(5, 768)}, 0)
    assert reason in str(told.value) and "\n" not in str(told.value)


def test_settings_that_say_what_is_so_anyway_are_read():
    told = {"hidden_act": "SwiGLU", "rms_norm": True, "rope": True, "max_position_embeddings": 4096, "dropout": 0.0}
    tensors = {"model.encoder.weight": torch.zeros(31_000, 1)}
    assert NEOBERT.read_config(PUBLISHED | told, tensors, 0) == dataclasses.replace(BASE, vocab_size=31_000)
    longer = {name: value for name, value in PUBLISHED.items() if name != "max_length"}
    assert NEOBERT.read_config(longer | {"max_position_embeddings": 8192}, tensors, 0).max_positions == 8192
