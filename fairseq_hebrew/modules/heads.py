"""What stands on the encoder: the masked-LM head of pretraining, and the heads of fine-tuning."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairseq_hebrew.modules.config import EncoderConfig


class MaskedLMHead(nn.Module):
    """RoBERTa's: dense, GELU, LayerNorm, then the token embedding itself as the output matrix, plus a bias.

    The embedding is an argument of `forward`, not a second name for it here: nothing can untie the two, and it
    stands once in a checkpoint.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dense = nn.Linear(config.width, config.width)
        self.norm = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        """features (..., C), embedding (V, C) -> logits (..., V)"""
        x = self.norm(F.gelu(self.dense(features)))
        return F.linear(x, embedding, self.bias)


class TokenHead(nn.Module):
    """A label for each position: dropout, then one matrix."""

    def __init__(self, width: int, num_labels: int, dropout: float):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, num_labels)

    def forward(self, features: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, L)"""
        return self.out(self.dropout(features))


class SequenceHead(nn.Module):
    """A label for the sequence, read at its first position `<s>`: dropout, dense, tanh, dropout, one matrix.

    The form of fairseq's RobertaClassificationHead, so that its weights can be loaded.
    """

    def __init__(self, width: int, num_labels: int, dropout: float):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(width, width)
        self.out = nn.Linear(width, num_labels)

    def forward(self, features: Tensor) -> Tensor:
        """(B, T, C) -> (B, L)"""
        x = torch.tanh(self.dense(self.dropout(features[:, 0])))
        return self.out(self.dropout(x))


HEADS = {"token": TokenHead, "sequence": SequenceHead}
