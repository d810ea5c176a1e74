"""The code for transformers that an exported NeoDictaBERT brings along: loaded as a user would, without a network."""

import json
import os
import subprocess
import sys

import pytest
import torch

from fairseq_hebrew.hub.formats import FORMATS
from fairseq_hebrew.models.neodictabert import NEODICTABERT
from fairseq_hebrew.modules import EncoderConfig
from tests.models.plain_neobert import encode, logits, random_state

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when transformers is imported: nothing here may ask a hub
transformers = pytest.importorskip("transformers")

NEOBERT = FORMATS["neobert"]
PAD, HEADS, LENGTH = 1, 3, 64
CONFIG = EncoderConfig(
    vocab_size=60, padding_idx=PAD, layers=3, width=48, heads=HEADS, feed_forward_width=128,
    **NEODICTABERT.choices | {"max_positions": LENGTH},
)  # fmt: skip
KIND = NEOBERT.kinds["hebrew_masked_lm"]
# config.json of the published NeoBERT, in small: what its authors' own class wrote
PUBLISHED = {
    "architectures": ["NeoBERTLMHead"],
    "classifier_init_range": 0.02,
    "decoder_init_range": 0.02,
    "dim_head": 16,
    "embedding_init_range": 0.02,
    "hidden_size": 48,
    "intermediate_size": 192,
    "kwargs": {"classifier_init_range": 0.02, "pretrained_model_name_or_path": "some/tokenizer"},
    "max_length": LENGTH,
    "model_type": "neobert",
    "norm_eps": 1e-05,
    "num_attention_heads": HEADS,
    "num_hidden_layers": 3,
    "pad_token_id": PAD,
    "pretrained_model_name_or_path": "some/tokenizer",
    "torch_dtype": "float32",
    "transformers_version": "4.48.2",
    "trust_remote_code": True,
    "vocab_size": 60,
}


@pytest.fixture(scope="module")
def state():
    return random_state(CONFIG.layers, CONFIG.width, CONFIG.feed_forward_width, CONFIG.vocab_size, torch.float32)


def write(folder, state, config: dict):
    """A folder as export-hf makes it, without a tokenizer."""
    from safetensors.torch import save_file

    folder.mkdir()
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    for name, text in NEOBERT.files().items():
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def folder(state, tmp_path_factory):
    # the folder's name is that of the module transformers makes of the code
    return write(tmp_path_factory.mktemp("remote") / "exported", state, NEOBERT.config_json(CONFIG, KIND, [], None))


def load(folder, name="AutoModelForMaskedLM", **options):
    return getattr(transformers, name).from_pretrained(folder, trust_remote_code=True, **options).eval()


@pytest.fixture(scope="module")
def model(folder):
    return load(folder)


def rows(*lengths: int, to: int = 0, left: bool = False):
    """Ids, the mask of tokens and the texts themselves."""
    generator = torch.Generator().manual_seed(1)
    texts = [torch.randint(2, CONFIG.vocab_size, (length,), generator=generator) for length in lengths]
    ids = torch.full((len(texts), max(to, *lengths)), PAD)
    for row, text in zip(ids, texts):
        row[len(row) - len(text) if left else 0 :][: len(text)] = text
    mask = torch.stack([torch.arange(ids.size(1)) < length for length in lengths])
    return ids, (mask.flip(1) if left else mask).long(), texts


def assert_is_the_reference(made, mask, texts, state):
    for row, real, text in zip(made, mask, texts):
        torch.testing.assert_close(row[real.bool()], logits(state, text, HEADS), rtol=0, atol=1e-5)


@pytest.mark.parametrize("left", [False, True], ids=["right", "left"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_logits_are_those_of_the_reference(folder, state, attention, left):
    model, told = load_with_report(folder, attn_implementation=attention)
    assert not any(told.values()), told
    ids, mask, texts = rows(LENGTH, 1, 20, left=left)
    with torch.inference_mode():
        assert_is_the_reference(model(ids, attention_mask=mask).logits, mask, texts, state)
        assert_is_the_reference(model(texts[0][None]).logits, mask[:1], texts[:1], state)


def load_with_report(folder, **options):
    return transformers.AutoModelForMaskedLM.from_pretrained(
        folder, trust_remote_code=True, output_loading_info=True, **options
    )


def test_the_published_settings_load(state, tmp_path):
    code = {key: value for key, value in NEOBERT.config_json(CONFIG, KIND, [], None).items() if key == "auto_map"}
    model, told = load_with_report(write(tmp_path / "published", state, PUBLISHED | code))
    assert not any(told.values()), told
    ids, mask, texts = rows(30, 12)
    assert_is_the_reference(model.eval()(ids, attention_mask=mask).logits, mask, texts, state)


@pytest.mark.parametrize("form", ["int", "bool", "float", "3d", "4d", "additive"])
@pytest.mark.parametrize("attention", ["sdpa", "eager"])
def test_nothing_comes_from_padding(folder, form, attention):
    model = load(folder, attn_implementation=attention)
    ids, mask, _ = rows(9, 20, to=30)
    real = mask.bool()
    forms = {
        "int": mask,
        "bool": real,
        "float": mask.float(),
        "3d": real[:, None].expand(-1, 30, -1),
        "4d": real[:, None, None],
        "additive": torch.zeros(2, 1, 1, 30).masked_fill(~real[:, None, None], float("-inf")),
    }
    other = torch.where(real, ids, torch.randint(2, 60, ids.shape))
    with torch.inference_mode():
        made = [model(given, attention_mask=forms[form]).logits for given in (ids, other)]
        alone = model(ids[:1, :9]).logits[0]
    assert not torch.equal(ids, other)
    assert torch.equal(made[0][real], made[1][real])
    assert all(logit.isfinite().all() for logit in made)
    torch.testing.assert_close(made[0][0, :9], alone, rtol=0, atol=1e-5)


def test_a_row_of_padding_alone_is_finite_and_its_gradient_too(model):
    ids, mask, _ = rows(9, 20)
    mask[0] = 0
    loss = model(ids, attention_mask=mask, labels=torch.where(mask.bool(), ids, -100)).loss
    loss.backward()
    assert all(p.grad.isfinite().all() for p in model.parameters())
    model.zero_grad()


def test_masks_of_another_form_are_refused(model):
    ids, mask, _ = rows(9, 20)
    with pytest.raises(ValueError, match="1 for tokens and 0 for padding"):
        model(ids, attention_mask=torch.zeros(2, 20).masked_fill(mask.eq(0), float("-inf")))
    with pytest.raises(ValueError, match="2, 3 or 4 dimensions"):
        model(ids, attention_mask=mask[0])
    with pytest.raises(ValueError, match="an input of 65 tokens, the model has read 64 at most"):
        model(torch.full((1, 65), 5))
    with pytest.raises(ValueError, match="one of the two"):
        model(attention_mask=mask)


def test_the_mask_is_not_copied_for_heads_and_queries(model):
    seen = []
    block = model.model.transformer_encoder[1]
    hook = block.register_forward_pre_hook(lambda module, given: seen.append(given[3]))
    ids, mask, _ = rows(9, 20)
    model(ids, attention_mask=mask)
    model(ids, attention_mask=torch.ones_like(mask))
    hook.remove()
    assert seen[0].shape == (2, 1, 1, 20) and seen[0].dtype == torch.bool
    assert seen[1] is None  # nothing is padded: the fastest kernel


def test_hidden_states_and_attentions(model, state):
    ids, mask, texts = rows(20, 9)
    with torch.no_grad():
        made = model(ids, attention_mask=mask, output_attentions=True, output_hidden_states=True)
        plain = model(ids, attention_mask=mask)
    assert plain.attentions is None and plain.hidden_states is None
    torch.testing.assert_close(made.logits, plain.logits, rtol=0, atol=1e-5)
    assert [tuple(weights.shape) for weights in made.attentions] == [(2, HEADS, 20, 20)] * 3
    for weights in made.attentions:
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, HEADS, 20))
        assert not weights[1, :, :, 9:].any()
    states = made.hidden_states
    assert len(states) == 4
    assert torch.equal(states[0][0], state["model.encoder.weight"][texts[0]])
    torch.testing.assert_close(states[-1][1, :9], encode(state, texts[1], HEADS), rtol=0, atol=1e-5)
    # the weights are those that were used: with them the first layer comes out
    block = model.model.transformer_encoder[0]
    v = block.qkv(block.attention_norm(states[0])).unflatten(-1, (HEADS, 3, 16))[..., 2, :].transpose(1, 2)
    x = states[0] + block.wo((made.attentions[0] @ v).transpose(1, 2).flatten(2))
    torch.testing.assert_close(x + block.ffn(block.ffn_norm(x)), states[1], rtol=0, atol=1e-5)


def test_a_tuple_and_embeddings_in_place_of_ids(model):
    ids, mask, _ = rows(20, 9)
    with torch.inference_mode():
        plain = model(ids, attention_mask=mask).logits
        (tuple_of_one,) = model(ids, attention_mask=mask, return_dict=False)
        vectors = model.get_input_embeddings()(ids)
        embedded = model(inputs_embeds=vectors, attention_mask=mask, token_type_ids=torch.zeros_like(ids)).logits
    assert torch.equal(plain, tuple_of_one) and torch.equal(plain, embedded)


def test_positions_can_be_given(model):
    ids = rows(20)[0]
    places = torch.arange(20)[None]
    with torch.inference_mode():
        plain = model(ids).logits
        torch.testing.assert_close(model(ids, position_ids=places + 30).logits, plain, rtol=0, atol=1e-4)
        assert not torch.allclose(model(ids, position_ids=places * 2).logits, plain, atol=1e-2)


HEAD_SHAPES = {
    "AutoModel": ((2, 20, 48),),
    "AutoModelForTokenClassification": ((2, 20, 5),),
    "AutoModelForSequenceClassification": ((2, 5),),
    "AutoModelForQuestionAnswering": ((2, 20), (2, 20)),
}


@pytest.mark.parametrize("name", HEAD_SHAPES)
def test_the_encoder_carries_other_heads(folder, state, name):
    made = load(folder, name, num_labels=5) if name != "AutoModel" else load(folder, name)
    encoder = made if name == "AutoModel" else made.model
    assert torch.equal(encoder.transformer_encoder[2].wo.weight, state["model.transformer_encoder.2.wo.weight"])
    ids, mask, _ = rows(20, 9)
    shapes = tuple(tuple(tensor.shape) for tensor in made(ids, attention_mask=mask, return_dict=False))
    assert shapes == HEAD_SHAPES[name]
    for part, weight in made.named_parameters():
        if part.startswith(("dense", "classifier", "qa_outputs")):
            assert weight.abs().max() <= 0.02 and weight.any() == part.endswith("weight"), part


def test_losses_are_those_of_their_logits(folder):
    ids, mask, _ = rows(20, 9)
    labels = torch.where(mask.bool(), ids % 5, -100)
    cross_entropy = torch.nn.functional.cross_entropy
    tags = load(folder, "AutoModelForTokenClassification", num_labels=5)(ids, attention_mask=mask, labels=labels)
    torch.testing.assert_close(tags.loss, cross_entropy(tags.logits[mask.bool()], labels[mask.bool()]))
    texts = load(folder, "AutoModelForSequenceClassification", num_labels=5)
    one = texts(ids, labels=torch.tensor([1, 4]))
    torch.testing.assert_close(one.loss, cross_entropy(one.logits, torch.tensor([1, 4])))
    many = torch.tensor([[1.0, 0, 1, 0, 0], [0, 0, 0, 1, 1]])
    several = texts(ids, labels=many)
    torch.testing.assert_close(several.loss, torch.nn.functional.binary_cross_entropy_with_logits(several.logits, many))
    score = load(folder, "AutoModelForSequenceClassification", num_labels=1)(ids, labels=torch.tensor([0.5, 2.0]))
    torch.testing.assert_close(score.loss, (score.logits[:, 0] - torch.tensor([0.5, 2.0])).square().mean())
    spans = load(folder, "AutoModelForQuestionAnswering")
    made = spans(ids, start_positions=torch.tensor([3, 4]), end_positions=torch.tensor([7, -1]))
    begin, end = (
        cross_entropy(made.start_logits, torch.tensor([3, 4])),
        cross_entropy(made.end_logits[:1], torch.tensor([7])),
    )
    torch.testing.assert_close(made.loss, (begin + end) / 2)


def test_saved_and_loaded_again_it_is_the_same(model, state, tmp_path):
    from safetensors.torch import load_file

    model.save_pretrained(tmp_path / "saved")
    names = {path.name for path in (tmp_path / "saved").iterdir()}
    assert names >= {"config.json", "model.safetensors", *NEOBERT.files()}
    again = load_file(tmp_path / "saved" / "model.safetensors")
    assert again.keys() == state.keys() and all(torch.equal(again[name], state[name]) for name in state)
    config = json.loads((tmp_path / "saved" / "config.json").read_text())
    # the published code would take 1e-6 and 1,024 where these are not said
    assert (config["norm_eps"], config["max_length"]) == (1e-5, LENGTH)
    ids, mask, _ = rows(20, 9)
    with torch.inference_mode():
        assert torch.equal(
            load(tmp_path / "saved")(ids, attention_mask=mask).logits, model(ids, attention_mask=mask).logits
        )


def test_it_trains_with_gradient_checkpointing_to_the_same_gradients(folder):
    ids, mask, _ = rows(20, 9)
    made = []
    for checkpointing in (False, True):
        model = load(folder).train()
        if checkpointing:
            model.gradient_checkpointing_enable()
        model(ids, attention_mask=mask, labels=torch.where(mask.bool(), ids, -100)).loss.backward()
        made.append({name: p.grad for name, p in model.named_parameters()})
    for name, gradient in made[0].items():
        torch.testing.assert_close(made[1][name], gradient, rtol=0, atol=1e-6, msg=name)


def test_new_weights_begin_as_published(folder):
    config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=True)
    model = transformers.AutoModelForMaskedLM.from_config(config, trust_remote_code=True)
    for name, weight in model.state_dict().items():
        if "norm" in name:
            assert torch.equal(weight, torch.ones_like(weight)), name
        elif name == "decoder.bias":
            assert not weight.any()
        else:
            assert 0.019 < weight.abs().max() <= 0.02, name


def test_half_precision_keeps_positions_precise(folder, state):
    model = load(folder, dtype=torch.bfloat16)
    ids, _, texts = rows(LENGTH)
    with torch.inference_mode():
        made = model(ids).logits
    assert made.dtype == torch.bfloat16
    there = logits(state, texts[0], HEADS)
    assert (made[0].float() - there).abs().mean() < 0.02 * there.abs().mean() + 0.02


def test_the_code_needs_torch_and_transformers_alone(folder):
    code = "import sys; sys.modules['fairseq'] = sys.modules['fairseq_hebrew'] = sys.modules['xformers'] = None\n"
    code += "from transformers import AutoModelForMaskedLM\n"
    code += "model = AutoModelForMaskedLM.from_pretrained(sys.argv[1], trust_remote_code=True)\n"
    code += "print(type(model).__name__, type(model).__module__.split('.')[-1])"
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["NeoBERTLMHead", "modeling_neobert"], done.stderr[-2000:]
