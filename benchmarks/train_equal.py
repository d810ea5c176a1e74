"""Do the contenders do the same work? The same weights in each, no dropout: losses and gradients must be equal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from fairseq_hebrew.hub.extras import add_written
from fairseq_hebrew.hub.formats import FORMATS
from fairseq_hebrew.hub.keys import sizes, to_theirs

from .contenders import CONTENDERS, TASK, Contender, Loss, Setting, as_modernbert, padded
from .train_batch import Batch

# Relative; of fp32 sums in another order.
LOSS_WITHIN = 1e-5
GRADIENT_WITHIN = 1e-3


EMBEDDINGS = ("embed_tokens.weight", "word_embeddings.weight", "tok_embeddings.weight")


@dataclass(frozen=True)
class Same:
    """How far a contender is from ours: the loss a position, and the gradient of the token embedding, relative."""

    peer: str
    ours: float
    loss: float
    gradient: float

    @property
    def holds(self) -> bool:
        return self.loss <= LOSS_WITHIN and self.gradient <= GRADIENT_WITHIN


def equal_to_roberta(setting: Setting, batch: Batch) -> Iterator[Same]:
    """Stock fairseq's weights in our HalleluBERT, by the reader of its checkpoints, and ours in transformers' class."""
    setting = dataclasses.replace(setting, dropout=0.0)
    peers = {name: CONTENDERS[name].build(setting) for name in ("fairseq", "roberta")}
    stock, model, ours = peers["fairseq"][0], *CONTENDERS["ours"].build(setting)
    _spread(stock)
    model.load_state_dict(stock.state_dict())
    _copy(model, peers["roberta"][0], "roberta", setting)
    yield from _compare(model, ours, peers, batch)


def equal_to_modernbert(setting: Setting, batch: Batch) -> Iterator[Same]:
    """The weights of our encoder with ModernBERT's norms and head in transformers' class."""
    setting = as_modernbert(dataclasses.replace(setting, dropout=0.0))
    model, ours = CONTENDERS["ours"].build(setting)
    _spread(model)
    peers = {"modernbert": CONTENDERS["modernbert"].build(setting)}
    _copy(model, peers["modernbert"][0], "modernbert", setting)
    yield from _compare(model, ours, peers, batch)


def equal_to_padded(setting: Setting, batch: Batch) -> Iterator[Same]:
    """Our model with padding left out, and the same with its rows as they are."""
    setting = dataclasses.replace(setting, dropout=0.0)
    model, ours = CONTENDERS["ours"].build(setting)
    _spread(model)
    other = CONTENDERS["ours"].build(padded(setting))
    other[0].load_state_dict(model.state_dict())
    yield from _compare(model, ours, {"ours": other}, batch)


def _compare(model: nn.Module, ours: Loss, peers: dict[str, tuple[nn.Module, Loss]], batch: Batch) -> Iterator[Same]:
    loss, gradient = _work(CONTENDERS["ours"], model, ours, batch)
    for name, (peer, its) in peers.items():
        its_loss, its_gradient = _work(CONTENDERS[name], peer, its, batch)
        apart = (its_gradient - gradient).norm() / gradient.norm()
        label = "ours, padded" if name == "ours" else CONTENDERS[name].label
        yield Same(label, loss, abs(its_loss - loss) / loss, apart.item())


def _work(contender: Contender, model: nn.Module, loss: Loss, batch: Batch) -> tuple[float, Tensor]:
    """The loss a position and the gradient of the token embedding."""
    model.train()
    made = loss(batch) / (1 if contender.mean else batch.masked)
    made.backward()
    gradient = next(p.grad for name, p in model.named_parameters() if name.endswith(EMBEDDINGS))
    return made.item(), gradient


@torch.no_grad()
def _spread(model: nn.Module) -> None:
    """Weights away from their beginning, where all models have nearly the same loss."""
    torch.manual_seed(1)
    for parameter in model.parameters():
        parameter.add_(0.02 * torch.randn_like(parameter))


def _copy(ours: nn.Module, theirs: nn.Module, name: str, setting: Setting) -> None:
    """Our weights into a model of transformers, as an export writes them."""
    form, config = FORMATS[name], setting.config
    state = to_theirs(form.rows(config, form.kinds[TASK]), ours.state_dict(), sizes(config), config)
    add_written(form.extras, state, sizes(config))
    found = theirs.load_state_dict(state, strict=False)
    # what is left out there is another name of a tensor that is there, or a buffer
    left = set(found.missing_keys) - {extra.name for extra in form.extras}
    if found.unexpected_keys or left:
        raise AssertionError(f"weights without a place: {found.unexpected_keys}; weights that stay: {left}")
    theirs.tie_weights()
