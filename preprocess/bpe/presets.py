"""The published vocabularies by name.

Sizes are counted without the 4 specials. dict.txt is filled up until its lines and the 4 specials are a multiple of 8,
and the masked-LM task adds `<mask>`: 90,000 entries make 90,009 embeddings, and no dictionary of fairseq's has exactly
90,000. The papers print round numbers and do not say which of these they count.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """A vocabulary: its entries without specials, and the text it is for."""

    vocab_size: int
    text: str


PRESETS = {
    "hallelubert": Preset(52_000, "Hebrew"),
    "neodictabert": Preset(90_000, "Hebrew"),
    "neodictabert-bilingual": Preset(128_000, "60/40 English and Hebrew, as `mix` makes it"),
}


def described() -> str:
    """The presets in one line of help."""
    return "; ".join(f"{name}: {preset.vocab_size:,} ({preset.text})" for name, preset in PRESETS.items())
