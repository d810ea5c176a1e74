"""Reading what fairseq-train logs as text: `--log-format json` (its log file or its output) and `simple`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError, at

from .curves import EPOCH, TRAIN, Log, Record

# How a record begins; other text that fairseq logs, such as its settings, may hold braces too.
JSON = b'{"epoch":'
SIMPLE = re.compile(r"epoch (?P<epoch>\d+):\s+(?P<step>\d+) / (?P<steps>\d+) (?P<values>.+=.+)")
SIMPLE_END = re.compile(
    r"epoch (?P<epoch>\d+) \| (?:valid on '(?P<subset>.+?)' subset \| )?(?P<values>.+ num_updates .+)"
)
# A killed run leaves half a record and no end of the line; the next run's first line is written behind it.
NEXT_RUN = re.compile(rb"""\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \| |\{'_name': |\{"epoch":""")
UPDATES = "num_updates"


class DamagedLineError(ValueError):
    """A line that begins a record and is none."""


def parse(line: bytes) -> Record | None:
    """The record of a line, None for a line without one; raises DamagedLineError for a record that is damaged."""
    start = line.find(JSON)
    if start >= 0:
        return _parse_json(line, start)
    return _parse_simple(line.decode("utf-8", errors="replace")) if b"epoch " in line else None


def _parse_json(line: bytes, start: int) -> Record | None:
    text = line[start:].rstrip(b"\r\n\0 ")
    try:
        found = json.loads(text)
    except ValueError:
        behind = NEXT_RUN.search(text, 1)
        if behind is None:
            raise DamagedLineError from None
        return parse(text[behind.start() :])
    values = {name: number for name, value in found.items() if (number := _number(value)) is not None}
    if UPDATES in values:
        return _record(TRAIN, values)
    key = next((name for name in values if name.endswith("_" + UPDATES)), None)
    if key is None:
        return None
    subset = key.removesuffix("_" + UPDATES)
    values = {name.removeprefix(subset + "_"): value for name, value in values.items()}
    return _record(EPOCH if subset == "train" else subset, values)


def _record(split: str, values: dict[str, float]) -> Record | None:
    """A record of training or validation has a loss and the updates it was told after."""
    updates = values.get(UPDATES, math.nan)
    return Record(split, int(updates), values) if "loss" in values and math.isfinite(updates) else None


def _parse_simple(line: str) -> Record | None:
    if found := SIMPLE.search(line):
        values = _pairs(found["values"].split(", "), "=")
        epoch = float(found["epoch"])
        values |= {"epoch": epoch, "update": epoch - 1 + int(found["step"]) / max(int(found["steps"]), 1)}
        return _record(TRAIN, values)
    if found := SIMPLE_END.search(line):
        values = _pairs(found["values"].strip().split(" | "), " ")
        return _record(found["subset"] or EPOCH, {**values, "epoch": float(found["epoch"])})
    return None


def _pairs(parts: list[str], sign: str) -> dict[str, float]:
    values = {}
    for part in parts:
        name, _, value = part.partition(sign)
        if (number := _number(value)) is not None:
            values[name] = number
    return values


def _number(value: object) -> float | None:
    try:
        return float(value)  # fairseq writes numbers as text
    except (TypeError, ValueError):
        return None


class TextLog:
    """A log that may still grow: `read` yields what was added since it was last called."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._lines = 0
        self._before = b""
        self._damaged: int | None = None  # a line that may be the last: then it is torn, not damaged

    def read(self, growing: bool = False) -> Iterator[Record]:
        """The new records. A last line without an end is still being written: it is left for later when the log is
        `growing`, else read where it is whole and passed over where it is torn.

        Raises UserError, naming the line, for a damaged record that others follow.
        """
        if self.path.stat().st_size < self._offset:  # written anew
            self._offset, self._lines, self._before, self._damaged = 0, 0, b"", None
        with self.path.open("rb") as file:
            file.seek(self._offset)
            for line in file:
                whole = line.endswith(b"\n")
                if not whole and growing:
                    return
                self._offset += len(line)
                self._lines += 1
                if line == self._before:  # stock fairseq writes each record once for every epoch begun
                    continue
                self._before = line
                if self._damaged is not None and line.strip():
                    problem = "a damaged record: no whole line of JSON"
                    raise at(self.path, self._damaged, problem, "mend that line or delete it")
                try:
                    record = parse(line)
                except DamagedLineError:
                    self._damaged, record = self._lines, None
                if record is not None:
                    yield record


def read_log(path: Path) -> dict[str, list[dict[str, float]]]:
    """{"train": [...], "valid": [...]}: records in order, numbers as floats, `valid_` and `train_` left off.

    A training record has `num_updates` and `loss` (base 2), a validation record (of the split `valid`) the same.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such log; run fairseq-train with --log-format json --log-file {path.name}")
    log = Log()
    for record in TextLog(path).read():
        log.add(record)
    return {"train": log.steps.rows(), "valid": log.valid["valid"].rows() if "valid" in log.valid else []}
