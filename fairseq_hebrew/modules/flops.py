"""The floating-point operations that training an encoder needs, and the share of a GPU's peak that they are (MFU).

Counted are matrix products alone: those of every layer, attention's two over each document's own length, and the
masked-LM head's at the masked positions. Nothing that is computed again counts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from fairseq_hebrew.modules.config import GATED, EncoderConfig

FORMULA = (
    "MFU = 2 FLOP a multiply-add x 3 (forward, and twice that backward) x multiply-adds / seconds / dense bf16 peak;\n"
    "multiply-adds = tokens x layers x (4 C^2 + m C F) + layers x 2 C x sum of n^2 over documents of n tokens\n"
    "                (n x the tokens it reads, in a local layer) + masked tokens x (C^2 with a dense head + C V);\n"
    "C width, F feed-forward width, m its matrices (2, gated 3), V vocabulary. Nothing recomputed counts."
)
TRAINING = 2 * 3  # FLOP a multiply-add; the gradients of both factors are a product each

# Dense bf16 with sums in fp32, FLOP/s, as NVIDIA's data sheets give them; by the name the driver tells.
PEAKS = (
    (r"H200 NVL", 835e12),
    (r"H200", 989e12),
    (r"H100 NVL", 835e12),
    (r"H100 PCIe", 756e12),
    (r"H100", 989e12),  # SXM
    (r"A100", 312e12),
    (r"L40S", 362e12),
    (r"RTX 4090$", 165e12),
    (r"RTX 3090$", 71e12),
)


def multiply_adds(config: EncoderConfig, lengths: Sequence[int], masked: int, spare_last: bool = False) -> int:
    """Those of one forward pass over documents of these lengths, `masked` of whose tokens are predicted.

    spare_last: the last layer's products after attention are made for the masked tokens alone.
    """
    C, tokens = config.width, sum(lengths)
    after_attention = C * C + (3 if config.feed_forward in GATED else 2) * C * config.feed_forward_width
    spared = tokens - masked if spare_last else 0
    made = config.layers * tokens * (3 * C * C + after_attention) - spared * after_attention
    for window, layers in Counter(config.window(layer) for layer in range(config.layers)).items():
        made += layers * 2 * C * sum(pairs(length, window) for length in lengths)
    return made + masked * (C * config.vocab_size + (C * C if config.lm_head == "dense" else 0))


def pairs(length: int, window: int) -> int:
    """How many (query, key) of a document read each other, at most `window` apart where that is not 0."""
    if not window or window >= length - 1:
        return length * length
    return length * (2 * window + 1) - window * (window + 1)


def training_flops(config: EncoderConfig, lengths: Sequence[int], masked: int, spare_last: bool = False) -> int:
    """FLOP of forward and backward."""
    return TRAINING * multiply_adds(config, lengths, masked, spare_last)


def peak(device_name: str) -> float | None:
    """The dense bf16 peak of a GPU in FLOP/s; None for one that is not in the table."""
    return next((value for pattern, value in PEAKS if re.search(pattern, device_name)), None)
