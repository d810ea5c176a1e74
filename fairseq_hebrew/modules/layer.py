"""One layer of the encoder."""

from __future__ import annotations

from torch import Tensor, nn

from fairseq_hebrew.modules.attention import Backend, SelfAttention
from fairseq_hebrew.modules.config import EncoderConfig
from fairseq_hebrew.modules.dropout import dropout
from fairseq_hebrew.modules.feed_forward import FeedForward
from fairseq_hebrew.modules.layout import Layout
from fairseq_hebrew.modules.norm import make_norm
from fairseq_hebrew.modules.rotary import Turns


class EncoderLayer(nn.Module):
    """Attention, then feed-forward, each with dropout and a residual sum; a norm after the sum, or before the work.

    `enter` and `leave` are what stands around the attention back end: torch.compile takes them one by one, and the back
    end, whose work may follow the lengths of documents, stays as it is.
    """

    def __init__(self, config: EncoderConfig, index: int):
        super().__init__()
        self.dropout = config.dropout
        self.attention_dropout = config.attention_dropout
        self.window = config.window(index)
        self.pre = config.norm_placement == "pre"
        self.attention = SelfAttention(config)
        self.attention_norm = nn.Identity() if index == 0 and not config.first_norm else make_norm(config)
        self.feed_forward = FeedForward(config)
        self.feed_forward_norm = make_norm(config)

    def forward(
        self, x: Tensor, layout: Layout, backend: Backend, turn: Turns | None = None, wanted: Tensor | None = None
    ) -> Tensor:
        """x (N, C) -> (N, C); `turn` from `rotary.turns`, for positions=rope.

        wanted (M,) int64: the tokens whose features are needed, (M, C); what follows attention is spared the others.
        """
        q, k, v = self.enter(x, turn)
        y = backend.attend(q, k, v, layout, self.window, self.attention_dropout if self.training else 0.0).flatten(1)
        return self.leave(x, y) if wanted is None else self.leave(x[wanted], y[wanted])

    def enter(self, x: Tensor, turn: Turns | None) -> tuple[Tensor, Tensor, Tensor]:
        """(N, C) -> queries, keys, values (N, H, D)"""
        return self.attention.project(self.attention_norm(x) if self.pre else x, turn)

    def leave(self, x: Tensor, y: Tensor) -> Tensor:
        """The layer's input and what attention read for it, (N, C) each -> (N, C)"""
        x = x + self._drop(self.attention.out(y))
        if self.pre:
            return x + self._drop(self.feed_forward(self.feed_forward_norm(x)))
        x = self.attention_norm(x)
        return self.feed_forward_norm(x + self._drop(self.feed_forward(x)))

    def _drop(self, x: Tensor) -> Tensor:
        return dropout(x, self.dropout, self.training)
