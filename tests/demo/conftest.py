"""Generated documents that several tests read."""

from __future__ import annotations

import pytest

from demo.generator import generate
from demo.generator.stage import sentences


@pytest.fixture(scope="module")
def documents() -> list[list[str]]:
    return list(generate(1, 60_000))


@pytest.fixture(scope="module")
def text_sentences(documents) -> list[str]:
    return [s for document in documents for text in document for s in sentences(text)]
