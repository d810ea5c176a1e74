"""The text of a file of examples."""

from __future__ import annotations

import codecs
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError, at


def read_text(path: Path) -> str:
    """The whole file, without a byte-order mark; raises UserError where there is none or it is not UTF-8."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; check the data folder and `files:` of the description") from None
    except IsADirectoryError:
        raise UserError(f"{path}: is a folder; name the file in it in `files:` of the description") from None
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise at(path, None, "UTF-16, not UTF-8", "convert the file to UTF-8 (iconv -f UTF-16)")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise at(path, line, "invalid UTF-8", "convert the file to UTF-8 (iconv)") from None
