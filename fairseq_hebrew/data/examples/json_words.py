"""Tagged words in JSON lines: a text with labelled spans of characters, or tokens with their tags."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from pathlib import Path

from fairseq_hebrew.data.described.tagged_words import TokenClassification
from fairseq_hebrew.text.split import split_words

from .faults import Faults
from .file import raw_lines
from .sentence import Entity, TaggedSentence, TagReader

# Where the labels stand, if the description does not say.
LABELS = {"spans": ("label", "labels"), "tokens": ("tags", "ner_tags")}

_HALF = re.compile("[\ud800-\udfff]")


def read_spans(path: Path, description: TokenClassification, faults: Faults) -> Iterator[TaggedSentence]:
    """Records `{text, label: [[first character, one past the last, type], ...]}`, characters counted as code points.

    The words are those of text/split.py; a span is the words it touches.
    """
    reader = TagReader(description, faults)
    for line, record in _records(path, description, faults):
        text = record.get(description.text_field)
        if not isinstance(text, str):
            raise faults.wrong(line, f"no text in the field {description.text_field!r}", "name it by `text_field:`")
        _check_characters(text, line, faults)
        labels = _labels(record, line, description, faults)
        offsets = split_words(text)
        entities = [entity for label in labels if (entity := _entity(label, text, offsets, line, reader)) is not None]
        if _empty(offsets, line, faults):
            continue
        tags = reader.from_entities(entities, len(offsets), line)
        yield TaggedSentence(line, [text[a:b] for a, b in offsets], tags, text, offsets, _id(record, description))


def read_tokens(path: Path, description: TokenClassification, faults: Faults) -> Iterator[TaggedSentence]:
    """Records `{tokens: [...], tags: [...]}` as those of Hugging Face; tags by name, or numbers of `tag_names`."""
    reader = TagReader(description, faults)
    for line, record in _records(path, description, faults):
        words = record.get(description.tokens_field)
        if not isinstance(words, list):
            raise faults.wrong(line, f"no list in the field {description.tokens_field!r}", "name it by `tokens_field:`")
        given = _labels(record, line, description, faults)
        if len(given) != len(words):
            raise faults.wrong(line, f"{len(words)} tokens and {len(given)} tags", "give each token its tag")
        for number, word in enumerate(words, start=1):
            if not isinstance(word, str) or not word.strip():
                raise faults.wrong(line, f"token {number} is {word!r}, no word", "leave it and its tag out")
            _check_characters(word, line, faults)
        if _empty(words, line, faults):
            continue
        tags = [reader.tag(_tag_name(tag, line, description, faults), line) for tag in given]
        reader.check_order(tags, [line] * len(tags))
        yield TaggedSentence(line, words, tags, id=_id(record, description))


def _records(path: Path, description: TokenClassification, faults: Faults) -> Iterator[tuple[int, dict]]:
    """(line, record) of each line that is not blank."""
    seen: dict[str, int] = {}
    for line, row in enumerate(raw_lines(path), start=1):
        if not row.strip():
            continue
        try:
            record = json.loads(row)
        except (json.JSONDecodeError, RecursionError):
            record = None
        if not isinstance(record, dict):
            raise faults.wrong(line, "not a JSON record", "write a record a line, or name another `format:`")
        if (name := _id(record, description)) is not None:
            if name in seen:
                told = "ids stand on an earlier line too; their sentences are read like any other"
                problem = f"id {record[description.id_field]!r} stands on line {seen[name]} too"
                faults.found("duplicates", line, problem, "leave one of them out", told)
            seen.setdefault(name, line)
        yield line, record


def _id(record: dict, description: TokenClassification) -> str | None:
    """The id of a record, as text; None where it has none."""
    name = record.get(description.id_field)
    return str(name) if isinstance(name, str | int) and not isinstance(name, bool) else None


def _labels(record: dict, line: int, description: TokenClassification, faults: Faults) -> list:
    names = (description.labels_field,) if description.labels_field else LABELS[description.format]
    there = [name for name in names if isinstance(record.get(name), list)]
    if len(there) != 1:
        problem = f"a list in {' and in '.join(there)}" if there else f"no list in the field {' or '.join(names)}"
        raise faults.wrong(line, problem, "name the field of the labels by `labels_field:`")
    return record[there[0]]


def _entity(label: object, text: str, offsets: list, line: int, reader: TagReader) -> Entity | None:
    """The words of a span; None for one of a label that is unknown and only counted."""
    faults = reader.faults
    if not (isinstance(label, list) and [type(part) for part in label] == [int, int, str]):
        raise faults.wrong(line, f"label {label!r} is not [start, end, type]", "correct it")
    start, end, kind = label
    if not 0 <= start < end <= len(text):
        problem = f"span {start} to {end} is empty" if start == end else f"span {start} to {end} is outside the text"
        raise faults.wrong(line, f"{problem} of {len(text)} characters", "correct its offsets")
    shown = text[start:end]
    first = bisect_right(offsets, start, key=lambda word: word[1])
    last = bisect_left(offsets, end, key=lambda word: word[0])
    if first >= last:
        raise faults.wrong(line, f"span {start} to {end} is nothing but white space", "correct its offsets")
    if not reader.label(kind, line):
        return None
    if start > offsets[first][0] or end < offsets[last - 1][1]:
        word = text[offsets[first][0] : offsets[last - 1][1]]
        problem = f"{kind} {shown!r} cuts a word of {word!r}"
        faults.found("spans", line, problem, "correct its offsets", "spans that cut a word are extended to it")
    return Entity(kind, first, last, end - start, shown)


def _tag_name(tag: object, line: int, description: TokenClassification, faults: Faults) -> str:
    if isinstance(tag, str):
        return tag
    names = description.tag_names
    if type(tag) is int and names:
        if 0 <= tag < len(names):
            return names[tag]
        raise faults.wrong(line, f"tag {tag} is none of the {len(names)} of `tag_names:`", "correct one of them")
    what = "is a number" if type(tag) is int else "is no tag"
    raise faults.wrong(line, f"tag {tag!r} {what}", "name the tags, in the order of their numbers, by `tag_names:`")


def _check_characters(text: str, line: int, faults: Faults) -> None:
    """JSON can write half a character (\\ud83d alone), which is no text."""
    if not text.isascii() and _HALF.search(text):
        raise faults.wrong(line, "half a character (a lone surrogate) in the text", "write the file again as UTF-8")


def _empty(words: list, line: int, faults: Faults) -> bool:
    if not words:
        told = "sentences without a word are left out"
        faults.found("empty", line, "a sentence without a word", "leave the line out", told)
    return not words
