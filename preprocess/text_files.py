"""The inputs of the stages after `clean`, which read plain text alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.options import expand

from .readers.compression import ENDINGS

# Files `clean` makes text of. Token-per-line data may be a .tsv.
OTHERS = (*ENDINGS, ".jsonl", ".ndjson", ".json", ".csv", ".parquet", ".pq", ".xml", ".html", ".htm", ".warc", ".wet")


def text_files(patterns: Sequence[Path]) -> list[Path]:
    """`expand`, with a UserError for a name whose ending says that it is no plain text."""
    files = expand(patterns)
    for path in files:
        if path.suffix.lower() in OTHERS and path.is_file():
            raise UserError(
                f"{path}: only clean reads {path.suffix} files; make text of it with `fairseq-hebrew clean`"
            )
    return files
