"""What stands on the encoder: the masked-LM head of pretraining, and the heads of fine-tuning."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from fairseq_hebrew.modules.config import EncoderConfig
from fairseq_hebrew.modules.cross_entropy import chunked_cross_entropy
from fairseq_hebrew.modules.linear import Linear
from fairseq_hebrew.modules.norm import make_norm
from fairseq_hebrew.modules.word_pieces import word_means


class MaskedLMHead(nn.Module):
    """An output matrix and a bias; with lm_head=dense a dense layer, GELU and a norm before them, as RoBERTa.

    A tied output matrix is the token embedding, an argument of `forward` and not a second name for it here: nothing can
    untie the two, and it stands once in a checkpoint.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.dense = Linear(config.width, config.width) if config.lm_head == "dense" else None
        self.norm = make_norm(config) if config.lm_head == "dense" else None
        self.weight = None if config.tie_embeddings else nn.Parameter(torch.empty(config.vocab_size, config.width))
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        if self.weight is not None:
            begin = nn.init.uniform_ if config.init == "uniform" else nn.init.normal_
            low = -config.init_range if config.init == "uniform" else 0.0
            begin(self.weight, low, config.init_range)

    def transform(self, features: Tensor) -> Tensor:
        """(..., C) -> (..., C), what the output matrix is applied to."""
        return features if self.dense is None else self.norm(F.gelu(self.dense(features)))

    def forward(self, features: Tensor, embedding: Tensor) -> Tensor:
        """features (..., C), embedding (V, C) -> logits (..., V)"""
        return F.linear(self.transform(features), self.matrix(embedding), self.bias)

    def loss(self, features: Tensor, embedding: Tensor, targets: Tensor, ignore: int) -> tuple[Tensor, Tensor]:
        """features (N, C), embedding (V, C), targets (N,) -> the summed loss in nats, and how many are right."""
        return chunked_cross_entropy(self.transform(features), self.matrix(embedding), self.bias, targets, ignore)

    def matrix(self, embedding: Tensor) -> Tensor:
        return embedding if self.weight is None else self.weight


class TokenHead(nn.Module):
    """A label for each position: dropout, then one matrix.

    read: what the label of a word is read from, at its first piece: that piece alone ("first"), all of its pieces
    ("all": the mean of their log-probabilities), or the mean of their features ("mean").
    crf: the scores of labels that follow one another, of the task's; the criterion and decoding use it.
    """

    READ = ("first", "all", "mean")

    def __init__(self, width: int, num_labels: int, dropout: float):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, num_labels)
        self.read = "first"
        self.crf: nn.Module | None = None

    def forward(self, features: Tensor, word_starts: Tensor | None = None) -> Tensor:
        """(B, T, C), and for "all" and "mean" word_starts (B, T), see `word_means` -> (B, T, L)"""
        if self.read == "mean":
            features = word_means(features, word_starts)
        logits = self.out(self.dropout(features))
        if self.read == "all":
            return word_means(F.log_softmax(logits.float(), dim=-1), word_starts)
        return logits


class SpanHead(nn.Module):
    """Where an answer begins and ends: one matrix with an output for each, as BERT on SQuAD (arXiv 1810.04805, 4.2)."""

    def __init__(self, width: int, num_labels: int = 2, dropout: float = 0.0):
        super().__init__()
        if num_labels != 2:
            raise ValueError(f"a span has 2 ends, not {num_labels}")
        self.dropout = nn.Dropout(dropout)
        self.out = nn.Linear(width, 2)

    def forward(self, features: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, 2): logits of the start and of the end"""
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


class EmbeddingHead(nn.Module):
    """One vector for the sequence, without weights of its own: the mean of its positions, or its first, `<s>` ("cls").

    Vectors are of length 1 and fp32, whatever the features are: their inner products are cosines.
    """

    POOLING = ("mean", "cls")
    reads_padding = True

    def __init__(self, width: int, num_labels: int = 1, dropout: float = 0.0):
        super().__init__()
        self.pooling = "mean"

    def forward(self, features: Tensor, real: Tensor) -> Tensor:
        """features (B, T, C), real (B, T) bool, False at padding -> (B, C) float32; 0 for a row of padding alone"""
        features = features.float()
        if self.pooling == "cls":
            return F.normalize(features[:, 0] * real[:, :1], dim=-1)
        # Padding may hold anything, also what is no number.
        total = features.masked_fill(~real.unsqueeze(-1), 0.0).sum(1)
        return F.normalize(total / real.sum(1, keepdim=True).clamp(min=1), dim=-1)


HEADS = {"token": TokenHead, "sequence": SequenceHead, "span": SpanHead, "embedding": EmbeddingHead}
