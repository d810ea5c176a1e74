"""How weights begin."""

from __future__ import annotations

import math

import torch
from torch import nn

from fairseq_hebrew.modules.config import EncoderConfig


def init_weights(module: nn.Module, config: EncoderConfig) -> None:
    """For `Module.apply`: matrices and embeddings by `config.init`, zero biases, a zero row for padding.

    normal: BERT's normal(0, 0.02) (arXiv 1810.04805); uniform: NeoBERT's uniform(-0.02, 0.02) (its published code).
    Norms keep torch's weights of one.
    """
    if isinstance(module, nn.Linear | nn.Embedding):
        if config.init == "uniform":
            nn.init.uniform_(module.weight, -config.init_range, config.init_range)
        else:
            nn.init.normal_(module.weight, mean=0.0, std=config.init_range)
    if isinstance(module, nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        with torch.no_grad():
            module.weight[module.padding_idx].zero_()


def scale_residual(layers: nn.ModuleList, config: EncoderConfig) -> None:
    """init=scaled: matrices that write into the residual begin 1/sqrt(2 layers) smaller (GPT-2's rule)."""
    if config.init != "scaled":
        return
    for layer in layers:
        for matrix in (layer.attention.out, layer.feed_forward.down):
            with torch.no_grad():
                matrix.weight.mul_(1 / math.sqrt(2 * config.layers))
