"""HalleluBERT (arXiv 2510.21372): a RoBERTa encoder for Hebrew, as the fairseq model `hallelubert`.

Sizes are presets: `--arch hallelubert_{tiny,small,medium,base,large}`, and each option given beside it wins.
`model: {_name: hallelubert_base}` says the same to fairseq-hydra-train. A checkpoint keeps the options it has.
"""

from fairseq_hebrew.models.encoder_model import EncoderModel, register_family
from fairseq_hebrew.models.options import Family

HALLELUBERT = Family(
    "hallelubert",
    # layers, width; heads of 64, feed-forward of 4 x the width
    sizes={"tiny": (2, 128), "small": (4, 256), "medium": (8, 512), "base": (12, 768), "large": (24, 1024)},
    choices={},  # EncoderConfig's defaults are RoBERTa's
)


@register_family(HALLELUBERT)
class HalleluBertModel(EncoderModel):
    """RoBERTa's encoder; also reads checkpoints of stock fairseq's RoBERTa."""
