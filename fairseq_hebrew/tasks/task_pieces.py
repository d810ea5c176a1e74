"""The pieces of a task's dictionary, from the tokenizer its binaries were made with."""

from __future__ import annotations

import json
from pathlib import Path

from fairseq_hebrew.stage.errors import at
from fairseq_hebrew.stage.manifest import file_record, manifest_path
from fairseq_hebrew.text.pieces import Pieces, read_pieces
from fairseq_hebrew.text.tokenizer import model_file

REMEDY = "give as --tokenizer-dir the folder of the tokenizer they were made with"


def read_task_pieces(tokenizer_dir: str, dictionary, dictionary_path: str) -> Pieces | None:
    """What the entries of the task's dictionary are in a text; None where no folder is named ("").

    Raises UserError for a folder without a tokenizer, and for one that cannot be of this dictionary.
    """
    if not tokenizer_dir:
        return None
    pieces = read_pieces(Path(tokenizer_dir), Path(dictionary_path))
    if len(pieces) != len(dictionary):
        problem = f"{len(dictionary):,} entries, read beside the tokenizer in {tokenizer_dir} {len(pieces):,}"
        raise at(dictionary_path, None, problem, REMEDY)
    return pieces


def check_tokenizer(path: str, tokenizer_dir: str) -> None:
    """Raise UserError when `binarize` made `path`.{bin,idx} with another tokenizer than that in the folder, if any.

    Its ids would be read as other words than they are, without an error. No manifest, or one that cannot be read, says
    nothing.
    """
    if not tokenizer_dir:
        return
    manifest, ours = manifest_path(Path(path)), model_file(Path(tokenizer_dir))
    try:
        inputs = json.loads(manifest.read_text(encoding="utf-8"))["inputs"]
        made_with = {record["sha256"] for record in inputs}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return
    if made_with and file_record(ours)["sha256"] not in made_with:
        raise at(ours, None, f"not the tokenizer that {path}.bin was made with, by {manifest}", REMEDY)
