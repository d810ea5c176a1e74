"""A split of binaries, checked before it is trained on: of the task's dictionary, as far as can be told."""

import json
from pathlib import Path

import numpy as np

from fairseq_hebrew.data.token_file import TokenStream, open_stream, parts
from fairseq_hebrew.stage.errors import at
from fairseq_hebrew.stage.manifest import manifest_path
from fairseq_hebrew.tasks.dictionary_state import fingerprint

MAKE_AGAIN = "binarize the text again with this folder's dict.txt"
LOOKED_AT = 1_000_000  # tokens of a split that are compared with the dictionary before training


def read_split(path: str, dictionary, dictionary_path: str, combine: bool) -> TokenStream:
    """The tokens of `path`.{bin,idx}, with path1, path2... after it when `combine`.

    Raises UserError when a file is missing, unreadable, empty or does not fit its index, of another dictionary by its
    manifest, or has ids beyond the dictionary (looked for in its first million tokens).
    """
    stream = open_stream(path, combine)
    for part in parts(path, combine):
        check_manifest(part, dictionary, dictionary_path)
    looked_at = np.empty(min(stream.tokens, LOOKED_AT), dtype=np.int64)
    stream.read(0, looked_at)
    largest, entries = int(looked_at.max()), len(dictionary) - 1  # <mask> is never in a text
    if largest >= entries:
        raise at(path + ".bin", None, f"has the id {largest}, dict.txt makes {entries:,} ids", MAKE_AGAIN)
    return stream


def check_manifest(path: str, dictionary, dictionary_path: str) -> None:
    """Raise UserError when `binarize` made `path`.{bin,idx} with another dictionary than this one.

    Ids of another dictionary would train without a word. No manifest, or one that cannot be read, says nothing.
    """
    manifest = manifest_path(Path(path))
    try:
        made_with = json.loads(manifest.read_text(encoding="utf-8"))["settings"]["dictionary"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    ours = fingerprint(dictionary)["sha256"]
    if isinstance(made_with, str) and made_with != ours:
        raise at(
            dictionary_path,
            None,
            f"another dictionary (sha256 {ours[:12]}) than {path}.bin was made with (sha256 {made_with[:12]} in "
            f"{manifest})",
            f"put back the dict.txt it was made with, or {MAKE_AGAIN}",
        )
