"""Tokenizer back ends under one interface: byte-level BPE (Hugging Face tokenizers) and sentencepiece.

Ids 0-3 are `<s> <pad> </s> <unk>` in every back end; text never produces them, whatever it contains: a page that
quotes "<s>" is ordinary text.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ..stage.errors import UserError
from .dictionary import SPECIALS

Offsets = list[tuple[int, int]]
BYTES = 256


class Tokenizer(Protocol):
    """What a back end offers; `size` counts its entries, the 4 specials included."""

    size: int

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]: ...

    def encode_with_offsets(self, text: str) -> tuple[list[int], Offsets]:
        """Ids and, for each, the half-open range of characters it covers. Pieces that cut inside a letter share its
        range; a letter is never lost between two pieces."""
        ...

    def decode(self, ids: Sequence[int]) -> str: ...


@functools.cache
def byte_characters() -> list[str]:
    """The character each byte is written as (Radford et al. 2019, the GPT-2 code).

    The printable characters of Latin-1 stand for their own byte, U+0100, U+0101, ... for the other bytes in order.
    """
    printable = {*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)}
    others = iter(range(BYTES, 2 * BYTES))
    return [chr(byte if byte in printable else next(others)) for byte in range(BYTES)]


class ByteLevelBPE:
    """The papers' tokenizer: byte-level BPE in a `tokenizer.json`."""

    FILE = "tokenizer.json"

    def __init__(self, folder: Path) -> None:
        import tokenizers

        path = folder / self.FILE
        try:
            self._backend = tokenizers.Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception for a damaged file
            raise UserError(f"{path}: not a tokenizer ({error}); write it again with train-bpe") from None
        self._backend.no_padding()
        self._backend.no_truncation()
        self._backend.encode_special_tokens = True
        self.size = self._backend.get_vocab_size()
        _check_specials(path, [self._backend.id_to_token(i) for i in range(len(SPECIALS))])

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return [item.ids for item in encoded]

    def encode_with_offsets(self, text: str) -> tuple[list[int], Offsets]:
        encoded = self._backend.encode(text, add_special_tokens=False)
        return encoded.ids, encoded.offsets

    def decode(self, ids: Sequence[int]) -> str:
        return self._backend.decode(list(ids), skip_special_tokens=True)


class SentencePiece:
    """The second back end: a sentencepiece unigram or BPE model with byte fallback."""

    FILE = "sentencepiece.model"

    def __init__(self, folder: Path) -> None:
        import sentencepiece

        path = folder / self.FILE
        try:
            self._backend = sentencepiece.SentencePieceProcessor(model_file=str(path))
        except (OSError, RuntimeError) as error:
            raise UserError(f"{path}: not a sentencepiece model ({error}); write it again with train-bpe") from None
        self._path = path
        self.size = self._backend.get_piece_size()
        _check_specials(path, [self._backend.id_to_piece(i) for i in range(min(len(SPECIALS), self.size))])

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        return self._backend.encode(list(texts), out_type=int)

    def encode_with_offsets(self, text: str) -> tuple[list[int], Offsets]:
        # Counted here: train-bpe's models neither normalize nor add anything, so the pieces are the text's characters
        # in order, and the releases of sentencepiece differ in how they give offsets.
        ids = self._backend.encode(text, out_type=int)
        offsets: Offsets = []
        begin = seen_bytes = 0
        for piece in ids:
            if not self._backend.is_byte(piece):
                end = begin + len(self._backend.id_to_piece(piece))
                offsets.append((begin, end))
                begin = end
                continue
            offsets.append((begin, begin + 1))
            seen_bytes += 1
            if seen_bytes == len(text[begin : begin + 1].encode("utf-8")):
                begin, seen_bytes = begin + 1, 0
        if begin != len(text):
            raise UserError(f"{self._path}: this model changes text before it cuts it; write it again with train-bpe")
        return ids, offsets

    def decode(self, ids: Sequence[int]) -> str:
        return self._backend.decode([int(i) for i in ids])


def _check_specials(path: Path, first: list[str | None]) -> None:
    if tuple(first) != SPECIALS:
        names = " ".join(SPECIALS)
        raise UserError(
            f"{path}: ids 0-3 are {first}, not {names}; give a folder written by `fairseq-hebrew train-bpe`"
        )


BACKENDS = (ByteLevelBPE, SentencePiece)


def _backend_of(folder: Path) -> type[ByteLevelBPE] | type[SentencePiece]:
    for backend in BACKENDS:
        if (folder / backend.FILE).exists():
            return backend
    names = " or ".join(backend.FILE for backend in BACKENDS)
    raise UserError(f"{folder}: no {names} there; give the folder written by `fairseq-hebrew train-bpe`")


def open_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer in a folder written by `train-bpe`."""
    return _backend_of(folder)(folder)


def model_file(folder: Path) -> Path:
    """The one file of the folder that decides what ids a text gets from the tokenizer."""
    return folder / _backend_of(folder).FILE
