"""HalleluBERT's logits and gradients equal stock fairseq's roberta_base and transformers' RobertaForMaskedLM."""

import argparse

import pytest
import torch
from fairseq.models.roberta import RobertaModel, roberta_base_architecture
from torch.nn import functional as F

from fairseq_hebrew.models.hallelubert import HalleluBertModel
from fairseq_hebrew.models.options import EncoderOptions
from fairseq_hebrew.models.state_dict import from_stock_roberta
from tests.models.building import task

PAD, ENTRIES = 1, 97
SMALL = {
    "encoder_layers": 3,
    "encoder_embed_dim": 128,
    "encoder_ffn_embed_dim": 512,
    "encoder_attention_heads": 4,
}
LENGTHS = [[1], [2], [7], [64], [512], [1, 2, 7], [512, 64, 301, 1]]


def realistic(model: torch.nn.Module) -> torch.nn.Module:
    """Weights of the scale of a trained model: matrices 0.02 to 0.05, norms around one, no bias zero."""
    generator = torch.Generator().manual_seed(11)

    def drawn(parameter: torch.Tensor, scale: float, middle: float = 0.0) -> torch.Tensor:
        return middle + scale * torch.randn(parameter.shape, generator=generator)

    with torch.no_grad():
        for number, (name, parameter) in enumerate(model.named_parameters()):
            if name.endswith("bias"):
                parameter.copy_(drawn(parameter, 0.1))
            elif parameter.dim() == 1:
                parameter.copy_(drawn(parameter, 0.2, middle=0.9))
            else:
                parameter.copy_(drawn(parameter, 0.02 + 0.01 * (number % 4)))
        for module in model.modules():
            if isinstance(module, torch.nn.Embedding) and module.padding_idx is not None:
                module.weight[module.padding_idx] = 0.0
    return model


def stock(entries: int, **sizes) -> RobertaModel:
    """fairseq's model by its architecture roberta_base; no dropout, and train(): eval() takes fairseq's other path."""
    args = argparse.Namespace(dropout=0.0, attention_dropout=0.0, max_positions=512, **sizes)
    roberta_base_architecture(args)
    return realistic(RobertaModel.build_model(args, task(entries))).train()


def ours_of(theirs: RobertaModel, entries: int, backend: str = "auto", **sizes) -> HalleluBertModel:
    """Our model, with dropout off, reading the stock model's checkpoint."""
    options = EncoderOptions(dropout=0.0, attention_dropout=0.0, attention_backend=backend, **sizes)
    model = HalleluBertModel.build_model(options, task(entries))
    model.load_state_dict({name: value.clone() for name, value in theirs.state_dict().items()})
    return model.train()


def transformers_of(theirs: HalleluBertModel, **sizes):
    """transformers' class with our weights, put in by names written here."""
    transformers = pytest.importorskip("transformers", reason="the extra [report] is not installed")
    config = theirs.encoder.config
    made = transformers.RobertaForMaskedLM(
        transformers.RobertaConfig(
            vocab_size=config.vocab_size,
            hidden_size=config.width,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            intermediate_size=config.feed_forward_width,
            max_position_embeddings=config.max_positions + 2,
            type_vocab_size=1,
            layer_norm_eps=1e-5,
            pad_token_id=PAD,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            attn_implementation="eager",
        )
    )
    made.load_state_dict(hugging_names(theirs.state_dict(), config.layers), strict=False)
    made.tie_weights()
    with torch.no_grad():  # one token type, which ours has no table for
        made.roberta.embeddings.token_type_embeddings.weight.zero_()
    return made.train()


def hugging_names(state: dict, layers: int) -> dict:
    """Our tensors by transformers' names, each once."""
    made = {
        "roberta.embeddings.word_embeddings.weight": state["encoder.embed_tokens.weight"],
        "roberta.embeddings.position_embeddings.weight": state["encoder.embed_positions.weight"],
        "lm_head.bias": state["lm_head.bias"],
    }
    pairs = {"roberta.embeddings.LayerNorm": "encoder.embed_norm"}
    pairs |= {"lm_head.dense": "lm_head.dense", "lm_head.layer_norm": "lm_head.norm"}
    for i in range(layers):
        mine, other = f"encoder.layers.{i}.", f"roberta.encoder.layer.{i}."
        pairs |= {
            f"{other}attention.output.dense": f"{mine}attention.out",
            f"{other}attention.output.LayerNorm": f"{mine}attention_norm",
            f"{other}intermediate.dense": f"{mine}feed_forward.up",
            f"{other}output.dense": f"{mine}feed_forward.down",
            f"{other}output.LayerNorm": f"{mine}feed_forward_norm",
        }
        for kind in ("weight", "bias"):
            parts = state[f"{mine}attention.qkv.{kind}"].chunk(3)
            for name, part in zip(("query", "key", "value"), parts):
                made[f"{other}attention.self.{name}.{kind}"] = part
    for other, mine in pairs.items():
        made |= {f"{other}.{kind}": state[f"{mine}.{kind}"] for kind in ("weight", "bias")}
    return made


def batch(lengths: list[int], entries: int) -> torch.Tensor:
    """(B, T) token ids, padded on the right."""
    generator = torch.Generator().manual_seed(sum(lengths))
    rows = torch.full((len(lengths), max(lengths)), PAD)
    for row, length in enumerate(lengths):
        rows[row, :length] = torch.randint(4, entries, (length,), generator=generator)
        rows[row, 0] = 0
    return rows


def step(model, logits: torch.Tensor, real: torch.Tensor) -> tuple[torch.Tensor, dict]:
    """Logits at real tokens, and the gradients of a mean loss over all of them."""
    model.zero_grad()
    logits = logits[real]
    F.cross_entropy(logits, torch.arange(len(logits)) * 5 % logits.size(-1)).backward()
    named = model.named_parameters(remove_duplicate=False)
    return logits.detach(), {name: p.grad.clone() for name, p in named if p.grad is not None}


def assert_equal_gradients(mine: dict, theirs: dict) -> None:
    """Within 1e-5 of the largest of all gradients, which are far below one."""
    assert mine.keys() == theirs.keys()
    scale = max(float(gradient.abs().max()) for gradient in theirs.values())
    for name, gradient in theirs.items():
        torch.testing.assert_close(mine[name] / scale, gradient / scale, atol=1e-5, rtol=0, msg=name)


def assert_equal(mine, theirs) -> None:
    torch.testing.assert_close(mine[0], theirs[0], atol=1e-5, rtol=1e-5)
    # a token alone reads itself, whatever its query and key are
    assert all(gradient.any() or len(mine[0]) == 1 for gradient in theirs[1].values())
    assert_equal_gradients(mine[1], theirs[1])


@pytest.fixture(scope="module")
def small():
    return stock(ENTRIES, **SMALL)


@pytest.mark.parametrize("backend", ["auto", "plain", "sdpa", "static"])
@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_stock_fairseq(small, lengths, backend):
    ours = ours_of(small, ENTRIES, backend, **SMALL)
    tokens = batch(lengths, ENTRIES)
    theirs, gradients = step(small, small(tokens)[0], tokens.ne(PAD))
    from_stock_roberta(gradients)
    assert_equal(step(ours, ours(tokens)[0], tokens.ne(PAD)), (theirs, gradients))


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_transformers(small, lengths):
    ours = ours_of(small, ENTRIES, **SMALL)
    theirs = transformers_of(ours)
    tokens = batch(lengths, ENTRIES)
    mine, gradients = step(ours, ours(tokens)[0], tokens.ne(PAD))
    logits = theirs(input_ids=tokens, attention_mask=tokens.ne(PAD).long()).logits
    wanted, their_gradients = step(theirs, logits, tokens.ne(PAD))
    gradients = hugging_names(gradients, SMALL["encoder_layers"])
    assert_equal((mine, gradients), (wanted, {name: their_gradients[name] for name in gradients}))
    beside = {name for name, grad in their_gradients.items() if grad.any()} - gradients.keys()
    assert beside <= {
        "roberta.embeddings.token_type_embeddings.weight",
        "lm_head.decoder.weight",
        "lm_head.decoder.bias",
    }


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_the_loss_at_predicted_positions_is_stocks(small, lengths):
    """By way of `target`: positions chosen, last layer cut, chunked cross-entropy, one gradient of the tied matrix."""
    ours = ours_of(small, ENTRIES, **SMALL)
    tokens = batch(lengths, ENTRIES)
    chosen = tokens.ne(PAD) & (torch.arange(tokens.numel()).view(tokens.shape) % 3 == 0)
    target = torch.where(chosen, (tokens * 7) % (ENTRIES - 4) + 4, PAD)
    small.zero_grad()
    wanted = F.cross_entropy(small(tokens, masked_tokens=chosen)[0], target[chosen], reduction="sum")
    (wanted / chosen.sum()).backward()
    theirs = {name: p.grad for name, p in small.named_parameters(remove_duplicate=False) if p.grad is not None}
    from_stock_roberta(theirs)
    (loss, _), _ = ours(tokens, target=target)
    (loss / chosen.sum()).backward()
    torch.testing.assert_close(loss, wanted.detach(), rtol=1e-5, atol=1e-5)
    assert_equal_gradients({name: p.grad for name, p in ours.named_parameters()}, theirs)


def test_a_stock_checkpoint_file_with_dead_parameters(small, tmp_path):
    """Written and read by fairseq's own functions; 0.12.2 keeps a copy of each layer's matrices beside them."""
    state = dict(small.state_dict())
    width, wide = SMALL["encoder_embed_dim"], SMALL["encoder_ffn_embed_dim"]
    shapes = {"in_proj": (3 * width, width), "out_proj": (width, width), "fc1": (wide, width), "fc2": (width, wide)}
    for layer in range(SMALL["encoder_layers"]):
        for name, shape in shapes.items():
            state[f"encoder.sentence_encoder.layers.{layer}.{name}_weight"] = torch.randn(shape)
            state[f"encoder.sentence_encoder.layers.{layer}.{name}_bias"] = torch.randn(shape[0])
    torch.save({"model": state}, tmp_path / "stock.pt")
    ours = HalleluBertModel.build_model(EncoderOptions(**SMALL), task(ENTRIES)).eval()
    ours.load_state_dict(torch.load(tmp_path / "stock.pt", weights_only=True)["model"])
    tokens = batch([30, 7], ENTRIES)
    with torch.no_grad():
        mine, theirs = ours(tokens)[0], small(tokens)[0]
    torch.testing.assert_close(mine[tokens.ne(PAD)], theirs[tokens.ne(PAD)], atol=1e-5, rtol=1e-5)


def test_at_the_size_of_the_published_model():
    """12 layers of 768, 12 heads; a vocabulary of 1,000 keeps it quick."""
    theirs = stock(1000)
    ours = ours_of(theirs, 1000)
    assert (ours.encoder.config.layers, ours.encoder.config.width, ours.encoder.config.heads) == (12, 768, 12)
    tokens = batch([128, 90], 1000)
    wanted, gradients = step(theirs, theirs(tokens)[0], tokens.ne(PAD))
    from_stock_roberta(gradients)
    assert_equal(step(ours, ours(tokens)[0], tokens.ne(PAD)), (wanted, gradients))
