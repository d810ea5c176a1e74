"""Tokenizer back ends under one interface: those of train-bpe, byte-level BPE (Hugging Face tokenizers) and
sentencepiece, whose ids 0-3 are `<s> <pad> </s> <unk>`, and any other of Hugging Face, with its specials where it has
them.

Text never produces a special, whatever it contains: a page that quotes "<s>" is ordinary text. Only `<unk>` may stand
for what a tokenizer cannot write.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ..stage.errors import UserError
from .dictionary import OWN, SPECIALS, Specials
from .huggingface import HuggingFace, LibraryTokenizer, Offsets
from .specials import STORED
from .tokenizer_source import ADDED, BYTE_LEVEL, CONFIG, MAP, TOKENIZER, WORDPIECE, source_file

BYTES = 256


class Tokenizer(Protocol):
    """What a back end offers; `size` counts its ids, the specials included.

    `before_word` is what to write before a word alone, so that it has the pieces it has after another: a blank, or
    nothing where the tokenizer sets one before every text.
    """

    size: int
    specials: Specials
    before_word: str

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


class ByteLevelBPE(LibraryTokenizer):
    """The papers' tokenizer: byte-level BPE in a `tokenizer.json`."""

    FILE = TOKENIZER
    specials = OWN

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
        first = [self._backend.id_to_token(i) for i in range(len(SPECIALS))]
        # Text cannot make a special of a byte-level BPE; it can of the other models.
        self.own = tuple(first) == SPECIALS and isinstance(self._backend.model, tokenizers.models.BPE)


class SentencePiece:
    """The second back end: a sentencepiece unigram or BPE model with byte fallback."""

    FILE = "sentencepiece.model"
    specials = OWN
    before_word = " "

    def __init__(self, folder: Path) -> None:
        import sentencepiece

        path = folder / self.FILE
        try:
            self._backend = sentencepiece.SentencePieceProcessor(model_file=str(path))
        except (OSError, RuntimeError) as error:
            raise UserError(f"{path}: not a sentencepiece model ({error}); write it again with train-bpe") from None
        self._path = path
        self.size = self._backend.get_piece_size()
        first = [self._backend.id_to_piece(i) for i in range(min(len(SPECIALS), self.size))]
        if tuple(first) != SPECIALS:
            names = " ".join(SPECIALS)
            raise UserError(
                f"{path}: ids 0-3 are {first}, not {names}; give a folder written by `fairseq-hebrew train-bpe`"
            )

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

    def pieces(self) -> list[bytes | None]:
        """What each id writes, with "▁" for a blank; None for those that no text has."""
        made: list[bytes | None] = []
        for i in range(self.size):
            if self._backend.is_byte(i):
                made.append(bytes([int(self._backend.id_to_piece(i)[1:-1], 16)]))
            elif self._backend.is_control(i) or self._backend.is_unknown(i) or self._backend.is_unused(i):
                made.append(None)
            else:
                made.append(self._backend.id_to_piece(i).encode())
        return made


BACKENDS = (ByteLevelBPE, SentencePiece)


def model_file(folder: Path) -> Path:
    """The file of a folder that holds its tokenizer's entries; raises UserError where there is none."""
    path = folder / SentencePiece.FILE
    found = source_file(folder) or (path if path.exists() else None)
    if found is None:
        names = " or ".join(backend.FILE for backend in BACKENDS)
        raise UserError(
            f"{folder}: no {names} there (nor a {WORDPIECE}); give the folder written by `fairseq-hebrew train-bpe` or "
            "`import-hf`"
        )
    return found


def model_files(folder: Path) -> list[Path]:
    """All files of the folder that decide what ids a text gets from the tokenizer."""
    model = model_file(folder)
    if model.name == SentencePiece.FILE:
        return [model]
    older = {WORDPIECE: (ADDED,), BYTE_LEVEL[0]: (*BYTE_LEVEL[1:], ADDED)}
    more = (STORED, MAP, CONFIG, *older.get(model.name, ()))
    return [model, *(folder / name for name in more if (folder / name).exists())]


def open_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer in a folder written by `train-bpe` or `import-hf`, or in a model folder of Hugging Face."""
    model = model_file(folder)
    if model.name == SentencePiece.FILE:
        return SentencePiece(folder)
    # What stands beside a tokenizer of another origin, and never beside one of train-bpe.
    if model_files(folder) == [folder / ByteLevelBPE.FILE]:
        tokenizer = ByteLevelBPE(folder)
        if tokenizer.own:
            return tokenizer
    return HuggingFace(folder)
