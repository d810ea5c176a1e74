"""Small models for tests."""

from types import SimpleNamespace

import torch
from fairseq.data import Dictionary

from fairseq_hebrew.models.hallelubert import HalleluBertModel
from fairseq_hebrew.models.options import EncoderOptions


def dictionary(entries: int) -> Dictionary:
    made = Dictionary()
    for i in range(entries - len(made)):
        made.add_symbol(f"t{i}")
    return made


def task(entries: int = 60) -> SimpleNamespace:
    return SimpleNamespace(source_dictionary=dictionary(entries))


def tiny(entries: int = 60, **changes) -> HalleluBertModel:
    torch.manual_seed(0)
    return HalleluBertModel.build_model(
        EncoderOptions(encoder_layers=2, encoder_embed_dim=128, **changes), task(entries)
    )
