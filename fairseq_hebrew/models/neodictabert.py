"""NeoDictaBERT (arXiv 2510.20386): NeoBERT's encoder (arXiv 2502.19587) for Hebrew, the fairseq model `neodictabert`.

Sizes are presets: `--arch neodictabert_{tiny,small,medium,base}`, and each option given beside it wins.
"""

from fairseq_hebrew.models.encoder_model import EncoderModel, register_family
from fairseq_hebrew.models.options import Family

NEODICTABERT = Family(
    "neodictabert",
    # layers, width; heads of 64, feed-forward of 8/3 x the width rounded up to a multiple of 8
    sizes={"tiny": (2, 128), "small": (6, 256), "medium": (12, 512), "base": (28, 768)},
    choices={
        "norm": "rms_norm",
        "norm_placement": "pre",
        "norm_eps": 1e-5,  # the published configuration's; the default in the reference code is 1e-6
        "embedding_norm": False,
        "positions": "rope",
        "rope_theta": 10_000.0,
        "max_positions": 4096,  # phase 2's context; phase 1 trains samples of 1,024
        "feed_forward": "swiglu",
        "bias": False,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "lm_head": "linear",
        "tie_embeddings": False,
        "init": "uniform",
        "init_range": 0.02,
    },
)


@register_family(NEODICTABERT)
class NeoDictaBertModel(EncoderModel):
    """NeoBERT's encoder."""
