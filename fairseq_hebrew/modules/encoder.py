"""The encoder: tokens in, one vector a token out.

What is special about it, as built so far (HalleluBERT = RoBERTa):
- learned positions in fairseq's numbering: the first token of a row has position padding_idx + 1, padding has none;
- LayerNorm after the embeddings and after each residual sum;
- exact GELU, biases everywhere, dropout on embeddings, attention weights and sub-layer outputs;
- no mask is made when nothing is padded, so attention takes its fastest kernel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairseq_hebrew.modules.attention import SelfAttention
from fairseq_hebrew.modules.config import EncoderConfig
from fairseq_hebrew.modules.feed_forward import GeluFeedForward


def init_weights(module: nn.Module, std: float = 0.02) -> None:
    """BERT's initialization, for `Module.apply`: normal(0, std) matrices, zero biases, a zero row for padding."""
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, mean=0.0, std=std)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        with torch.no_grad():
            module.weight[module.padding_idx].zero_()


class EncoderLayer(nn.Module):
    """Attention, then feed-forward, each with dropout, a residual sum and a norm after it."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dropout = config.dropout
        self.attention = SelfAttention(config)
        self.attention_norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.feed_forward = GeluFeedForward(config)
        self.feed_forward_norm = nn.LayerNorm(config.width, eps=config.norm_eps)

    def forward(self, x: Tensor, attend: Tensor | None = None) -> Tensor:
        """x (B, T, C) -> (B, T, C); attend as in SelfAttention."""
        y = F.dropout(self.attention(x, attend), self.dropout, self.training)
        x = self.attention_norm(x + y)
        y = F.dropout(self.feed_forward(x), self.dropout, self.training)
        return self.feed_forward_norm(x + y)


class TransformerEncoder(nn.Module):
    """An encoder built from an EncoderConfig."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.config = config
        rows = config.max_positions + config.padding_idx + 1
        self.embed_tokens = nn.Embedding(config.vocab_size, config.width, config.padding_idx)
        self.embed_positions = nn.Embedding(rows, config.width, config.padding_idx)
        self.embed_norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.layers = nn.ModuleList(EncoderLayer(config) for _ in range(config.layers))
        self.apply(lambda module: init_weights(module, config.init_std))

    def forward(self, tokens: Tensor, padded: bool | None = None) -> Tensor:
        """Token ids (B, T), int64, right- or left-padded with padding_idx -> features (B, T, C).

        `padded` says whether any token is padding, for callers that know it: looking would make a GPU wait. None:
        on the CPU it is looked up, elsewhere padding is assumed. Features at padding mean nothing.
        Raises ValueError when T is more than max_positions.
        """
        if tokens.size(1) > self.config.max_positions:
            raise ValueError(
                f"a sample of {tokens.size(1)} tokens, the model has {self.config.max_positions} positions"
            )
        real = tokens.ne(self.config.padding_idx)  # (B, T)
        if padded is None:
            padded = tokens.device.type != "cpu" or not bool(real.all())
        x = self.embed_tokens(tokens) + self.embed_positions(self.positions(real, padded))  # (B, T, C)
        x = F.dropout(self.embed_norm(x), self.config.dropout, self.training)
        attend = self.attend(real) if padded else None
        for layer in self.layers:
            x = layer(x, attend)
        return x

    def positions(self, real: Tensor, padded: bool) -> Tensor:
        """Rows of the position table: (B, T), or (T,) for all rows when nothing is padded.

        As fairseq counts them: padding_idx + the number of tokens up to and with this one; padding_idx for padding.
        """
        if padded:
            return real.cumsum(1) * real + self.config.padding_idx
        first = self.config.padding_idx + 1
        return torch.arange(first, first + real.size(1), device=real.device)

    @staticmethod
    def attend(real: Tensor) -> Tensor:
        """(B, T) real tokens -> (B, 1, 1, T) keys that may be read.

        A row of nothing but padding (a batch filled up to a fixed size) may read all of it: a softmax over no key
        at all would be NaN, and one NaN reaches every weight.
        """
        return (real | ~real.any(1, keepdim=True))[:, None, None, :]
