"""A tokenizer of Hugging Face as a vocabulary folder: its file, dict.txt, and where its specials stand.

fairseq has `<s> <pad> </s> <unk>` at 0-3 and `<mask>` last. The rows between keep their order: line i of dict.txt is
the i-th row that is no special, named by its number there. So every row of their embedding has one place in ours, also
those that no text reaches: entries without use, and rows past the tokenizer's entries. Nothing is added or dropped.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.output import Outputs
from fairseq_hebrew.text.dictionary import Specials
from fairseq_hebrew.text.huggingface import HuggingFace
from fairseq_hebrew.text.specials import STORED, find_specials, missing, stored_content
from fairseq_hebrew.text.tokenizer_source import TOKENIZER, Source, read_source

# What normalizers may do to a Hebrew text, told by what becomes of a word.
PROBES = {
    "niqqud is taken out": ("שָׁלוֹם", "שלום"),
    "cantillation marks are taken out": ("א\u0591", "א"),
    "presentation forms become letters": ("\ufb2a", "\u05e9\u05c1"),
    "gershayim (U+05F4) become quotation marks": ("צה\u05f4ל", 'צה"ל'),
    "capitals become small": ("Shalom", "shalom"),
    "accents are taken off": ("é", "e"),
}


@dataclass(frozen=True)
class Imported:
    """What there is to write and to know: `files` by name, of the vocabulary folder.

    `order` int64 (rows,): for each of our ids the row of theirs; None where all ids stay as they are.
    """

    files: dict[str, bytes] = field(repr=False)
    order: np.ndarray | None
    specials: Specials
    rows: int
    unused: int  # rows that have no entry of the tokenizer
    changes: tuple[str, ...]  # what the tokenizer does to a text before it cuts it, in words

    def write(self, outputs: Outputs, folder: Path) -> list[Path]:
        """Write the vocabulary folder among the outputs of a stage; its files."""
        for name, content in self.files.items():
            with outputs.open(folder / name) as file:
                file.write(content)
        return [folder / name for name in self.files]


def import_vocabulary(folder: Path, rows: int) -> Imported:
    """The tokenizer of a Hugging Face folder whose model's embedding has `rows` rows.

    Raises UserError where there is no tokenizer, or one that is damaged, lacks a special, or has more ids than rows.
    """
    source = read_source(folder)
    tokens = source.tokens
    most = max(tokens.values()) + 1
    if most > rows:
        raise UserError(
            f"{source.path}: has ids up to {most - 1:,}, the model's embedding {rows:,} rows; "
            "take tokenizer and weights of the same model"
        )
    found = find_specials(folder, tokens)
    if found.mask is None:
        raise missing(folder, "mask")
    specials = replace(found, rows=rows)
    tokenizer = HuggingFace(folder, source, specials)
    special = set(specials.ids)
    lines = [i for i in range(rows) if i not in special]
    order = row_order(specials, lines)
    files = {
        TOKENIZER: tokenizer_json(source),
        STORED: stored_content(specials).encode(),
        "dict.txt": "".join(f"{i} 0\n" for i in lines).encode(),
    }
    stays = bool(np.array_equal(order, np.arange(rows)))
    return Imported(
        files=files,
        order=None if stays else order,
        specials=specials,
        rows=rows,
        unused=rows - len(tokens),
        changes=tuple(what for what, (text, made) in PROBES.items() if tokenizer.normalized(text) == made),
    )


def row_order(specials: Specials, lines: list[int]) -> np.ndarray:
    """int64 (rows,): for each id of a dictionary with these lines the row of the tokenizer's ids."""
    return np.array([specials.bos, specials.pad, specials.eos, specials.unk, *lines, specials.mask], np.int64)


def tokenizer_json(source: Source) -> bytes:
    """The bytes of tokenizer.json: those of the file where it says all, else its content written out."""
    if source.path.name == TOKENIZER and source.content == json.loads(source.path.read_bytes()):
        return source.path.read_bytes()
    return (json.dumps(source.content, ensure_ascii=False, indent=1) + "\n").encode("utf-8")
