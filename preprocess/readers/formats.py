"""Which format a source is in."""

from __future__ import annotations

from .compression import ENDINGS
from .source import Source

# Endings of names (before that of a compression) and the format they stand for; every other is plain text.
_BY_ENDING = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xml": "mediawiki",
    ".html": "html",
    ".htm": "html",
    ".warc": "warc",
    ".wet": "warc",
}


def format_of(source: Source) -> str:
    """The format a source is read as: the one that was given, or that of its name's ending."""
    if source.format != "auto":
        return source.format
    name = source.name.name.lower()
    for ending in ENDINGS:
        name = name.removesuffix(ending)
    return next((format for ending, format in _BY_ENDING.items() if name.endswith(ending)), "text")
