"""What the entries of a dictionary are in a running text: how they meet in words, and which end a sentence."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from .dictionary import BOS, EOS, PAD, SPECIALS, UNK
from .piece_texts import UNREADABLE, piece_texts
from .vocabulary import Vocabulary
from .words import LETTER, NONE, SPACE, word_classes

# A point (of a clause too: one piece cannot tell), a question or exclamation mark, an ellipsis, sof pasuq; then what
# closes a quotation or bracket.
_SENTENCE_END = re.compile(r"""[.?!…‼⁇⁈⁉\u05c3؟۔。！？]["'״׳”’»›)\]}]*\s*$""")
# The first class of a piece that cuts through a character: one past those of `words`.
PARTIAL = 9


class Kind(enum.IntEnum):
    """How a piece begins: no text; the start of a word after white space; a letter, mark or number (it continues a
    word, if one stands before it) or a part of a character; punctuation, with white space before it or not; white
    space alone."""

    SPECIAL, STARTS, CONTINUES, PUNCTUATION, WHITESPACE = range(5)


@dataclass(frozen=True, eq=False)
class Pieces:
    """Tables over the ids of a dictionary of V entries, `<mask>` included.

    texts: what each writes, b"" for specials. sentence_ends: bool (V,). edges: uint8 (V, 4), the classes (`words`) of
    the first, second, last but one and last character; NONE for one that is not there, PARTIAL for the first where the
    piece is not of whole characters.
    """

    texts: list[bytes] = field(repr=False)
    sentence_ends: np.ndarray = field(repr=False)
    edges: np.ndarray = field(repr=False)
    data: np.ndarray = field(repr=False)  # uint8, all texts; offsets int64 (V + 1,), where each begins
    offsets: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def kinds(self) -> np.ndarray:
        """uint8 (V,): the Kind of each."""
        first, second, last = self.edges[:, 0], self.edges[:, 1], self.edges[:, 3]
        kinds = np.full(len(self), Kind.PUNCTUATION, dtype=np.uint8)
        kinds[first >= LETTER] = Kind.CONTINUES
        kinds[(first == SPACE) & (second >= LETTER)] = Kind.STARTS
        kinds[(first == SPACE) & ((second == NONE) | (second == SPACE) & (last == SPACE))] = Kind.WHITESPACE
        kinds[first == NONE] = Kind.SPECIAL
        return kinds

    @property
    def written(self) -> np.ndarray:
        """bool (V,): whether a text can have it, as far as the tokenizer tells."""
        return np.array([text not in (b"", UNREADABLE, b" " + UNREADABLE) for text in self.texts])

    def joined(self, tokens: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Whether a token belongs to the same word as the one before it: bool (N,).

        tokens int64 (N,): documents one after another, lengths int64 (D,) theirs; a word never crosses from one to the
        next, nor a special. The caller sees to it that all ids are in the dictionary. Raises ValueError for lengths of
        other documents.
        """
        from .word_kernels import find_joined

        found, ends = np.zeros(len(tokens), dtype=bool), np.cumsum(lengths, dtype=np.int64)
        if (ends[-1] if len(ends) else 0) != len(tokens):
            raise ValueError(f"lengths of other documents than these {len(tokens)} tokens")
        find_joined(tokens, ends, self.edges, self.data, self.offsets, word_classes(), found)
        return found


def pieces_of(texts: list[bytes], ends: tuple[int, ...] = ()) -> Pieces:
    """The tables of these texts; `ends`: ids that end a sentence whatever their text."""
    table = word_classes()
    edges = np.full((len(texts), 4), NONE, dtype=np.uint8)
    sentence_ends = np.zeros(len(texts), dtype=bool)
    for i, written in enumerate(texts):
        try:
            text = written.decode("utf-8")
        except UnicodeDecodeError:
            edges[i, 0] = PARTIAL
            continue
        sentence_ends[i] = _SENTENCE_END.search(text) is not None
        classes = [table[ord(sign)] for sign in text[:2] + text[-2:]]
        if len(text) == 1:
            edges[i, [0, 3]] = classes[0]
        elif classes:
            edges[i] = classes
    sentence_ends[list(ends)] = True
    offsets = np.cumsum([0, *map(len, texts)], dtype=np.int64)
    return Pieces(texts, sentence_ends, edges, np.frombuffer(b"".join(texts), np.uint8), offsets)


def read_pieces(folder: Path, dictionary: Path | None = None) -> Pieces:
    """The pieces of the tokenizer in a folder by the ids of a dict.txt, that in the folder where none is named.

    Raises UserError where the folder holds no tokenizer, the dict.txt is that of another one, or words cannot be told
    from its pieces.
    """
    vocabulary = Vocabulary(folder, dictionary)
    texts = [UNREADABLE] * len(vocabulary)
    found = piece_texts(vocabulary.folder, vocabulary.tokenizer)
    for text, i in zip(found, vocabulary.table.tolist()):
        if i >= len(SPECIALS):
            texts[i] = text
    for i in (BOS, PAD, EOS, vocabulary.mask):
        texts[i] = b""
    texts[UNK] = found[vocabulary.tokenizer.specials.unk]
    return pieces_of(texts, ends=(EOS,))
