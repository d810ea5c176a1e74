"""Generates grammatical modern Hebrew documents for the demo corpus.

``generate(seed, words)`` yields documents, each a list of paragraphs;
``soil(documents, seed)`` adds the dirt of web text to some of them.
"""

from __future__ import annotations

from .dirt import soil
from .documents import generate

__all__ = ["generate", "soil"]
