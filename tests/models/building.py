"""Small models for tests."""

from types import SimpleNamespace

import torch
from fairseq import options
from fairseq.data import Dictionary
from fairseq.dataclass.utils import convert_namespace_to_omegaconf

from fairseq_hebrew.models.hallelubert import HalleluBertModel
from fairseq_hebrew.models.options import EncoderOptions


def dictionary(entries: int) -> Dictionary:
    made = Dictionary()
    for i in range(entries - len(made)):
        made.add_symbol(f"t{i}")
    return made


def parsed(*arguments: str):
    """What fairseq-train makes of command-line arguments: the saved config of the model."""
    parser = options.get_training_parser(default_task="masked_lm")
    args = options.parse_args_and_arch(parser, ["data", "--criterion", "masked_lm", *arguments])
    return convert_namespace_to_omegaconf(args).model


def task(entries: int = 60) -> SimpleNamespace:
    return SimpleNamespace(source_dictionary=dictionary(entries))


def tiny(entries: int = 60, **changes) -> HalleluBertModel:
    torch.manual_seed(0)
    return HalleluBertModel.build_model(
        EncoderOptions(encoder_layers=2, encoder_embed_dim=128, **changes), task(entries)
    )
