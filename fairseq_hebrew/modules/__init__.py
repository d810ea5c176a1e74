"""Layers, in torch alone: the encoder, the masked-LM head and the heads of fine-tuning."""

from fairseq_hebrew.modules.config import EncoderConfig
from fairseq_hebrew.modules.encoder import Execution, TransformerEncoder
from fairseq_hebrew.modules.heads import MaskedLMHead, SequenceHead, SpanHead, TokenHead

__all__ = [
    "EncoderConfig",
    "Execution",
    "MaskedLMHead",
    "SequenceHead",
    "SpanHead",
    "TokenHead",
    "TransformerEncoder",
]
