"""A tokenizer together with its dict.txt: text straight to the ids a model knows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from .dictionary import BOS, EOS, MASK, PAD, SPECIALS, read_symbols, to_dictionary
from .tokenizer import Offsets, open_tokenizer


class Vocabulary:
    """Text to dictionary ids and back.

    `len(vocabulary)` is the number of embeddings of a masked-LM model: 4 specials, the lines of dict.txt, `<mask>`.
    """

    bos, pad, eos = BOS, PAD, EOS

    def __init__(self, folder: Path, dictionary: Path | None = None) -> None:
        self.folder = Path(folder)
        self.dictionary_path = Path(dictionary) if dictionary is not None else self.folder / "dict.txt"
        self.tokenizer = open_tokenizer(self.folder)
        self.symbols = read_symbols(self.dictionary_path)
        specials = self.tokenizer.specials
        self.table = to_dictionary(self.symbols, self.tokenizer.size, self.dictionary_path, specials)
        self._back: np.ndarray | None = None

    @property
    def before_word(self) -> str:
        """What to write before a word alone, so that it has the pieces it has after another."""
        return self.tokenizer.before_word

    def __len__(self) -> int:
        return len(SPECIALS) + len(self.symbols) + 1

    @property
    def mask(self) -> int:
        """The id of `<mask>`: the last one."""
        return len(self) - 1

    @property
    def fingerprint(self) -> str:
        """sha256 of the symbols in order, specials and mask included: two equal ones give a text the same ids."""
        return symbols_fingerprint([*SPECIALS, *self.symbols, MASK])

    def encode_batch(self, texts: Sequence[str]) -> list[np.ndarray]:
        """int32 ids of each text, without `<s>` and `</s>`."""
        return [self.table[ids] if ids else self.table[:0] for ids in self.tokenizer.encode_batch(texts)]

    def encode_with_offsets(self, text: str) -> tuple[np.ndarray, Offsets]:
        """int32 ids (T,) of a text and the range of characters each covers."""
        ids, offsets = self.tokenizer.encode_with_offsets(text)
        return (self.table[ids] if len(ids) else self.table[:0]), list(offsets)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of dictionary ids; specials, mask and filler entries have none."""
        if self._back is None:
            self._back = np.full(len(self), -1, dtype=np.int64)
            known = np.flatnonzero((self.table >= len(SPECIALS)) & (self.table < self.mask))
            self._back[self.table[known]] = known
        back = self._back[np.asarray(ids, dtype=np.int64)]
        return self.tokenizer.decode(back[back >= 0].tolist())


def symbols_fingerprint(symbols: Sequence[str]) -> str:
    """sha256 (hex) of a dictionary's symbols in order."""
    return hashlib.sha256("\n".join(symbols).encode("utf-8")).hexdigest()
