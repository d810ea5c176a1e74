"""The encoder: tokens in, one vector a token out; what it is made of, an EncoderConfig says.

What is special about it:
- all layers see a flat list of tokens; where a back end can use it, padding is taken out before the first layer and
  comes back after the last, so nothing is computed for it;
- documents packed in one row never read each other, and each counts its positions from its own start;
- learned positions in fairseq's numbering: the first token has row padding_idx + 1, padding has none;
- no mask is made when nothing is padded, so attention takes its fastest kernel.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from fairseq_hebrew.modules.attention import AUTO, choose
from fairseq_hebrew.modules.batch import Batch, read_batch
from fairseq_hebrew.modules.config import EncoderConfig
from fairseq_hebrew.modules.dropout import dropout
from fairseq_hebrew.modules.initialize import init_weights, scale_residual
from fairseq_hebrew.modules.layer import EncoderLayer
from fairseq_hebrew.modules.norm import make_norm
from fairseq_hebrew.modules.precision import products_type
from fairseq_hebrew.modules.rotary import turns


@dataclass
class Execution:
    """How an encoder is run; changes no result beyond the order of sums.

    attention: a back end of `modules.attention`, "auto" for the fastest that serves; checkpoint_activations: keep only
    each layer's input for the backward pass and compute the rest again: less memory, about a third more work.
    """

    attention: str = AUTO
    checkpoint_activations: bool = False


class TransformerEncoder(nn.Module):
    """An encoder built from an EncoderConfig."""

    def __init__(self, config: EncoderConfig, execution: Execution | None = None):
        super().__init__()
        self.config = config
        self.execution = execution or Execution()
        # What checkpoint_activations calls with a layer and its inputs; devices torch's does not know have their own.
        self.recompute = functools.partial(checkpoint, use_reentrant=False)
        self.embed_tokens = nn.Embedding(config.vocab_size, config.width, config.padding_idx)
        if config.positions == "learned":
            rows = config.max_positions + config.padding_idx + 1
            self.embed_positions = nn.Embedding(rows, config.width, config.padding_idx)
        self.embed_norm = make_norm(config) if config.embedding_norm else nn.Identity()
        self.layers = nn.ModuleList(EncoderLayer(config, index) for index in range(config.layers))
        self.final_norm = make_norm(config) if config.norm_placement == "pre" else nn.Identity()
        self.apply(lambda module: init_weights(module, config))
        scale_residual(self.layers, config)

    def forward(self, tokens: Tensor, **documents) -> Tensor:
        """Token ids (B, T), int64 -> features (B, T, C), meaningless at padding; `documents` as of `read_batch`."""
        batch = self.read(tokens, **documents)
        return batch.to_rows(self.encode(batch))

    def read(self, tokens: Tensor, **documents) -> Batch:
        """Token ids (B, T), int64, in a form that `read_batch` takes -> the Batch that `encode` works on.

        Raises ValueError as `read_batch`; its kind BackendError when the attention back end cannot serve here.
        """
        config = self.config
        dtype = products_type(tokens.device.type) or self.embed_tokens.weight.dtype
        dropout = config.attention_dropout if self.training else 0.0
        told = documents.get("lengths") is not None
        backend = choose(self.execution.attention, tokens.device, dtype, dropout, told)
        return read_batch(tokens, config.padding_idx, config.max_positions, backend, **documents)

    def encode(self, batch: Batch, wanted: Tensor | None = None, vectors: Tensor | None = None) -> Tensor:
        """The batch's flat tokens -> features (N, C); or, for the tokens `wanted` (M,) int64 alone, (M, C).

        The last layer spares the tokens that are not wanted all that follows its attention. `vectors` (N, C): the
        tokens' embeddings, where the caller has them.
        """
        config, layout = self.config, batch.layout
        x = self.embed_tokens(batch.tokens) if vectors is None else vectors  # (N, C)
        if config.positions == "learned":
            x = x + self.embed_positions(layout.positions + config.padding_idx + 1)
        x = dropout(self.embed_norm(x), config.dropout, self.training)
        turn = {}
        if config.positions == "rope":
            thetas = {config.theta(index) for index in range(config.layers)}
            turn = {theta: turns(layout.positions, config.head_width, theta, x.dtype) for theta in thetas}
        for index, layer in enumerate(self.layers):
            last = index == config.layers - 1
            inputs = (x, layout, batch.backend, turn.get(config.theta(index)), wanted if last else None)
            if self.execution.checkpoint_activations and self.training:
                x = self.recompute(layer, *inputs)
            else:
                x = layer(*inputs)
        return self.final_norm(x)
