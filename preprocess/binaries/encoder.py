"""Which encoder makes the ids: the fast one where it gives the same as the tokenizer's own library, else that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from fairseq_hebrew.stage.background import Background
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.progress import log
from fairseq_hebrew.text.fast_bpe import FastBPE, Unsupported
from fairseq_hebrew.text.tokenizer import ByteLevelBPE, Tokenizer, model_file

from .chunks import BOM, Piece

ENCODERS = ("auto", "fast", "huggingface")
# The text both encoders are compared on: its beginning, and windows spread evenly over it.
SAMPLE, WINDOW = 1 << 20, 1 << 15
BEGINNING = 4 * WINDOW


class Encoder(Protocol):
    """What `FastBPE` and `LibraryEncoder` do alike."""

    def encode_batch(self, texts: Sequence[str]) -> list[np.ndarray]:
        """int32 ids of each text."""
        ...

    def encode(
        self, data: np.ndarray, starts: np.ndarray, ends: np.ndarray, line_end: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """As `FastBPE.encode`."""
        ...


class LibraryEncoder:
    """The tokenizer's own library (Hugging Face tokenizers or sentencepiece) as an encoder of lines of bytes."""

    def __init__(self, tokenizer: Tokenizer, table: np.ndarray) -> None:
        self.tokenizer, self.table = tokenizer, table

    def encode_batch(self, texts: Sequence[str]) -> list[np.ndarray]:
        """int32 ids of each text, as the table maps those of the tokenizer."""
        return [self.table[ids] if len(ids) else self.table[:0] for ids in self.tokenizer.encode_batch(texts)]

    def encode(
        self, data: np.ndarray, starts: np.ndarray, ends: np.ndarray, line_end: int
    ) -> tuple[np.ndarray, np.ndarray]:
        texts = [data[start:end].tobytes().decode("utf-8") for start, end in zip(starts.tolist(), ends.tolist())]
        end = np.array([line_end], np.int32)
        parts = [part for ids in self.encode_batch(texts) for part in (ids, end)]
        sizes = np.array([len(ids) + 1 for ids in parts[::2]], np.int32)
        return (np.concatenate(parts) if parts else end[:0]), sizes


def choose(folder: Path, library: LibraryEncoder, table: np.ndarray, pieces: Sequence[Piece], wanted: str) -> Encoder:
    """The fast encoder, or `library` where the fast one cannot be used: a line on stderr then says why.

    It is compared with the library on SAMPLE bytes of the text itself, or all of a smaller one. Raises UserError
    when `wanted` is `fast` and it cannot be used.
    """
    if wanted == "huggingface":
        return library
    path = model_file(folder)
    try:
        if path.name != ByteLevelBPE.FILE:
            raise Unsupported(f"it is a {'sentencepiece model' if path.suffix == '.model' else 'vocabulary alone'}")
        return _checked(path, library, table, pieces)
    except Unsupported as reason:
        if wanted == "fast":
            raise UserError(f"{path}: --encoder fast cannot be used: {reason}; leave --encoder out") from None
        log(f"binarize: encoding with the tokenizer's own library, which takes much longer. {path}: {reason}")
        return library


def _checked(path: Path, library: LibraryEncoder, table: np.ndarray, pieces: Sequence[Piece]) -> FastBPE:
    """The fast encoder of a tokenizer.json; Unsupported at the first line of a sample that it gives other ids."""
    found = list(sampled_lines(pieces))
    texts = [text for _, text in found]
    # The library holds no lock while it encodes: the kernels are loaded meanwhile.
    expected = Background(lambda: library.encode_batch(texts))
    fast = FastBPE(path, table)
    ours = fast.encode_batch(texts)
    for (source, text), mine, theirs in zip(found, ours, expected.result()):
        if not np.array_equal(mine, theirs):
            raise Unsupported(f"the fast encoder gives other ids than the library for {_shown(text)} in {source}")
    return fast


def _shown(text: str, most: int = 80) -> str:
    return repr(text if len(text) <= most else f"{text[:most]}...")


def sampled_lines(pieces: Sequence[Piece]) -> Iterator[tuple[Path, str]]:
    """About SAMPLE bytes of the text, (file, line): its beginning, and windows spread evenly over the rest.

    A window may begin and end within a line: any text serves to compare encoders. Bytes that are no UTF-8 are left out.
    """
    total = sum(piece.end - piece.start for piece in pieces)
    windows = [(0, total)]
    if total > SAMPLE:
        count = (SAMPLE - BEGINNING) // WINDOW
        windows = [(0, BEGINNING), *(((total - WINDOW) * i // count, WINDOW) for i in range(1, count + 1))]
    for at, size in windows:
        first = 0  # where the piece begins in the whole
        for piece in pieces:
            length = piece.end - piece.start
            begin, end = max(at - first, 0), min(at + size - first, length)
            if begin < end:
                with open(piece.path, "rb") as file:
                    file.seek(piece.start + begin)
                    raw = file.read(end - begin)
                text = raw.removeprefix(BOM).decode("utf-8", errors="ignore")
                yield from ((piece.path, line.rstrip("\r")) for line in text.split("\n"))
            first += length
