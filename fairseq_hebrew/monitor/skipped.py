"""The updates a run skipped because their loss or gradient was not finite, as training writes them down."""

from __future__ import annotations

import json
from pathlib import Path

from fairseq_hebrew.stage.errors import at

FILE = "nonfinite.jsonl"  # in the folder of the checkpoints


def read_skipped(folder: Path) -> list[dict]:
    """A record for each skipped update, in order: `update`, `epoch`, `gnorm`, and `batches` with the ids of samples.

    What a resumed run tells again counts once. None where there is no file; a torn last line is passed over. Raises
    UserError, naming the line, for a line that is no record.
    """
    path = folder / FILE
    if not path.is_file():
        return []
    lines = path.read_bytes().splitlines(keepends=True)
    found: dict[int, dict] = {}
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            update = int(record["update"])
        except (ValueError, KeyError, TypeError):
            if number == len(lines) and not line.endswith(b"\n"):
                break
            raise at(path, number, "no record of a skipped update", "mend that line or delete it") from None
        found = {before: one for before, one in found.items() if before < update}
        found[update] = record
    return list(found.values())
