"""JSON lines: a record a line, its text in one field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from fairseq_hebrew.stage.errors import UserError

from ..documents import Document
from .source import Source, one_line, record_text
from .stream import Stream, numbered_lines, require_text


def read_json_lines(source: Source) -> Iterator[Document]:
    """A document a line. `text_field` is `text`, another key, or keys from outer to inner with dots: `a.b`.

    No value (null) and a text of white space alone are empty documents: counted, not broken.
    """
    field = source.text_field or "text"
    decode = json.JSONDecoder().decode
    with Stream(source) as stream:
        require_text(stream)
        for line, offset, raw in numbered_lines(stream):
            if not (raw := raw.strip()):
                continue
            try:
                record = decode(raw.decode("utf-8"))
            except UnicodeDecodeError as error:
                source.skip(line, f"invalid UTF-8 (byte 0x{raw[error.start]:02x})", raw, offset)
                continue
            except (ValueError, RecursionError) as error:
                if line == 1 and raw == b"[":
                    raise _no_lines(source) from None
                if line == 1 and raw == b"{" and not source.max_broken:
                    problem = "is one JSON object over several lines, not a record a line; convert it: jq -c . FILE"
                    raise UserError(f"{source.name}: {problem} > FILE.jsonl") from None
                reason = error.msg if isinstance(error, json.JSONDecodeError) else type(error).__name__
                source.skip(line, f"no JSON ({reason})", raw, offset)
                continue
            try:
                text = _value(record, field)
            except _NoText as problem:
                if line == 1 and isinstance(record, list) and record and isinstance(record[0], dict):
                    raise _no_lines(source) from None
                source.skip(line, str(problem), raw, offset)
                continue
            try:
                text = record_text(text.encode("utf-8"))
            except UnicodeEncodeError:
                source.skip(line, f"half a surrogate pair in the field {field!r}", raw, offset)
                continue
            if text:
                yield Document(line, text)
            else:
                source.counts.empty += 1


class _NoText(Exception):
    pass


def _value(record: Any, field: str) -> str:
    """The text of a record; raises _NoText saying what is there instead."""
    if not isinstance(record, dict):
        raise _NoText(f"{_kind(record)} instead of an object")
    value: Any = record
    # A key may itself hold dots.
    for key in [field] if field in record else field.split("."):
        if not isinstance(value, dict) or key not in value:
            known = one_line(", ".join(list(value)[:10])) if isinstance(value, dict) else _kind(value)
            raise _NoText(f"no field {field!r} (there is: {known or 'nothing'})")
        value = value[key]
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _NoText(f"{_kind(value)} instead of text in the field {field!r}")
    return value


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "text", bool: "a truth value", type(None): "null"}
    return names.get(type(value), "a number")


def _no_lines(source: Source) -> UserError:
    return UserError(f"{source.name}: is one JSON list, not a record a line; convert it: jq -c '.[]' FILE > FILE.jsonl")
