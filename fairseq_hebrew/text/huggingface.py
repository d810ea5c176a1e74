"""The back end for any tokenizer of Hugging Face's library, with its specials at any ids under any names."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..stage.errors import UserError
from .dictionary import Specials
from .specials import read_specials
from .tokenizer_source import AGAIN, Source, read_source

Offsets = list[tuple[int, int]]
# Before the names of specials while text is encoded. A noncharacter, then a blank: no text has it, and no pre-tokenizer
# or normalizer leaves a blank in a piece.
_NO_TEXT = "\U0010ffff "


class LibraryTokenizer:
    """What a tokenizer of the library `tokenizers` does, once it is open."""

    size: int
    specials: Specials
    before_word = " "
    _backend: Any

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        encoded = self._backend.encode_batch_fast(list(texts), add_special_tokens=False)
        return [item.ids for item in encoded]

    def encode_with_offsets(self, text: str) -> tuple[list[int], Offsets]:
        encoded = self._backend.encode(text, add_special_tokens=False)
        return encoded.ids, encoded.offsets

    def decode(self, ids: Sequence[int]) -> str:
        return self._backend.decode(list(ids), skip_special_tokens=True)


class HuggingFace(LibraryTokenizer):
    """BPE, WordPiece, Unigram or whole words, with whatever normalizer and pre-tokenizer the file asks for.

    Text that quotes a special ("[CLS]", "<s>") is ordinary text; `<unk>` stands where a tokenizer cannot write a text.
    Entries that were added to it as ordinary ones (special: false) are found in text as the library finds them.
    Offsets are those of the text as it was given, whatever a normalizer makes of it. Marks that it joins to a letter or
    takes off one belong to the letter's piece; what else it takes out, and white space that no piece has, to none.
    """

    def __init__(self, folder: Path, source: Source | None = None, specials: Specials | None = None) -> None:
        """`source` and `specials`: those of the folder, where they are at hand.

        Raises UserError where the folder holds none, or a damaged one.
        """
        source = source or read_source(folder)
        self.path, self.tokens = source.path, source.tokens
        self.specials = specials or read_specials(folder, self.tokens)
        self.size = max(self.tokens.values()) + 1
        self._backend = _open(source, self.specials)
        # The specials of the five roles and any others.
        self._textless = {*self.specials.ids, *(t["id"] for t in source.content["added_tokens"] if t.get("special"))}
        # A tokenizer that sets a blank before every text would see two.
        first, running, alone = self.encode_batch(["א", "א ב", "ב"])
        self.before_word = "" if running == first + alone else " "

    def encode_with_offsets(self, text: str) -> tuple[list[int], Offsets]:
        ids, offsets = super().encode_with_offsets(text)
        return ids, offsets if self._backend.normalizer is None else _with_marks(text, offsets)

    def decode(self, ids: Sequence[int]) -> str:
        return super().decode([i for i in ids if i not in self._textless])

    def normalized(self, text: str) -> str:
        """The text as it is cut: what the tokenizer's normalizer makes of it."""
        normalizer = self._backend.normalizer
        return text if normalizer is None else normalizer.normalize_str(text)


def _open(source: Source, specials: Specials) -> Any:
    import tokenizers

    _require_unknown(source)
    by_id = {number: token for token, number in source.tokens.items()}
    quoted = {by_id[i] for i in specials.ids} | {
        t["content"] for t in source.content["added_tokens"] if t.get("special")
    }
    hidden = {token: _NO_TEXT + token for token in quoted}
    try:
        backend = tokenizers.Tokenizer.from_str(json.dumps(_renamed(source.content, hidden), ensure_ascii=False))
        there = {hidden.get(token, token): number for token, number in source.tokens.items()}
        if backend.get_vocab(with_added_tokens=True) != there:
            raise ValueError("its added tokens have other ids than the file says")
    except Exception as error:  # the library raises bare Exception for a damaged file
        raise UserError(f"{source.path}: not a tokenizer ({error}); {AGAIN}") from None
    backend.no_padding()
    backend.no_truncation()
    # All it does without specials is to cut blanks off the offsets.
    backend.post_processor = None
    backend.encode_special_tokens = True
    return backend


def _with_marks(text: str, offsets: Offsets) -> Offsets:
    """Each range with the combining marks after it that belong to no other: the library leaves out what was joined."""
    taken = bytearray(len(text) + 1)
    for begin, end in offsets:
        taken[begin:end] = b"\1" * (end - begin)
    made = []
    for begin, end in offsets:
        while end < len(text) and not taken[end] and unicodedata.category(text[end])[0] == "M":
            end += 1
        made.append((begin, end))
    return made


def _require_unknown(source: Source) -> None:
    """Raise UserError where the library would stop at the first text that the tokenizer cannot write."""
    model, pieces = source.model, source.pieces
    if isinstance(model["vocab"], list):
        known = model.get("unk_id")
        right = model.get("byte_fallback") or (type(known) is int and 0 <= known < len(pieces))
    else:
        known = model.get("unk_token")
        right = known in pieces or (known is None and model.get("type") == "BPE")
    if not right:
        raise UserError(f"{source.path}: its model has no entry for what it cannot write ({known!r}); {AGAIN}")


def _renamed(content: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A tokenizer.json whose tokens have other names."""
    model, vocab = dict(content["model"]), content["model"]["vocab"]
    if isinstance(vocab, list):
        model["vocab"] = [[names.get(piece, piece), score] for piece, score in vocab]
    else:
        model["vocab"] = {names.get(piece, piece): i for piece, i in vocab.items()}
    if model.get("unk_token") in names:
        model["unk_token"] = names[model["unk_token"]]
    if "merges" in model:
        pairs = [merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"]]
        model["merges"] = [pair for pair in pairs if names.keys().isdisjoint((*pair, "".join(pair)))]
    added = [{**token, "content": names.get(token["content"], token["content"])} for token in content["added_tokens"]]
    # What the post-processor adds is not asked for; it would name tokens that are not there.
    return {**content, "model": model, "added_tokens": added, "post_processor": None}
