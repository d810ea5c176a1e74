"""Settings of NeoBERT (arXiv 2502.19587) for transformers; part of the code that an exported model brings along.

Names are those of the published configuration. Beyond it: `rope_theta`, which the published code has fixed at 10,000.
"""

from typing import ClassVar

from transformers import PretrainedConfig


class NeoBERTConfig(PretrainedConfig):
    """Defaults are the published model's.

    intermediate_size: 3/2 of what the gate of the feed-forward sees, before that is rounded up to a multiple of 8;
    max_length: tokens of the longest input; norm_eps: 1e-5 as in the published configuration (the default in the
    published code is 1e-6).
    """

    model_type = "neobert"
    attribute_map: ClassVar = {"max_position_embeddings": "max_length"}
    # A field of this class: transformers 5 takes any other max_length for a setting of text generation and refuses it.
    max_length: int = 4096

    def __init__(
        self,
        vocab_size=30522,
        hidden_size=768,
        num_hidden_layers=28,
        num_attention_heads=12,
        intermediate_size=3072,
        max_length=4096,
        norm_eps=1e-5,
        rope_theta=10_000.0,
        embedding_init_range=0.02,
        decoder_init_range=0.02,
        classifier_init_range=0.02,
        classifier_dropout=0.1,
        pad_token_id=0,
        tie_word_embeddings=False,
        **kwargs,
    ):
        super().__init__(pad_token_id=pad_token_id, tie_word_embeddings=tie_word_embeddings, **kwargs)
        if hidden_size % num_attention_heads:
            raise ValueError(f"hidden_size={hidden_size} cannot be divided into {num_attention_heads} heads")
        if tie_word_embeddings:
            raise ValueError("tie_word_embeddings=True: NeoBERT's output matrix is its own")
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.dim_head = hidden_size // num_attention_heads
        self.intermediate_size = intermediate_size
        self.max_length = max_length
        self.norm_eps = norm_eps
        self.rope_theta = rope_theta
        self.embedding_init_range = embedding_init_range
        self.decoder_init_range = decoder_init_range
        self.classifier_init_range = classifier_init_range
        self.classifier_dropout = classifier_dropout

    @property
    def gate_width(self):
        """What the gate of the feed-forward sees: 2/3 of intermediate_size, rounded up to a multiple of 8."""
        return -(-(2 * self.intermediate_size // 3) // 8) * 8
