"""What the entries of a tokenizer stand for in a text, as bytes: a piece may begin or end within a character.

A blank is a byte of its own in byte-level pieces and "▁" in those of sentencepiece. WordPiece writes none, it marks
what continues a word ("##"): a blank is put before all its other pieces, also after punctuation, so the two sides of
an acronym that it cuts at its gershayim (צה"ל) stay apart.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..stage.errors import UserError
from .tokenizer import SentencePiece, Tokenizer, byte_characters
from .tokenizer_source import Source, read_source
from .words import BLOCK

# What stands for a text that cannot be told: entries without one, and `<unk>`.
UNREADABLE = "\ufffd".encode()
_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def piece_texts(folder: Path, tokenizer: Tokenizer) -> list[bytes]:
    """The text of each id of the tokenizer in a folder; b"" for specials, UNREADABLE where an entry has none.

    Raises UserError for a tokenizer that marks words in another way than these.
    """
    if isinstance(tokenizer, SentencePiece):
        return [UNREADABLE if text is None else _blanks(text) for text in tokenizer.pieces()]
    source = read_source(folder)
    writes = _writer(source)
    texts = [UNREADABLE] * tokenizer.size
    for piece, i in source.pieces.items():
        texts[i] = writes(piece)
    for token in source.content["added_tokens"]:
        texts[token["id"]] = b"" if token.get("special") else token["content"].encode()
    unknown = tokenizer.specials.unk
    for i in tokenizer.specials.ids:
        texts[i] = UNREADABLE if i == unknown else b""
    if source.model.get("type") == "WordPiece":
        texts[unknown] = b" " + UNREADABLE
    return texts


def _blanks(text: bytes) -> bytes:
    return text.replace(BLOCK.encode(), b" ")


def _writer(source: Source) -> Any:
    """The function from a piece of this tokenizer to its bytes."""
    model = source.model
    before, normalizer, decoder = (source.content.get(part) for part in ("pre_tokenizer", "normalizer", "decoder"))
    if model.get("end_of_word_suffix"):
        raise _unknown(source)
    if prefix := model.get("continuing_subword_prefix"):
        return lambda piece: piece[len(prefix) :].encode() if piece.startswith(prefix) else b" " + piece.encode()
    if model.get("type") == "WordLevel":
        return lambda piece: b" " + piece.encode()
    if "ByteLevel" in {*_types(before), *_types(decoder)}:
        back = {ord(letter): byte for byte, letter in enumerate(byte_characters())}
        return lambda piece: (
            bytes(piece.translate(back), "latin-1") if all(ord(c) in back for c in piece) else UNREADABLE
        )
    if "Metaspace" in _types(before) or BLOCK in str(normalizer) or BLOCK in str(decoder):
        fallback = model.get("byte_fallback")

        def write(piece: str) -> bytes:
            byte = _BYTE.fullmatch(piece) if fallback else None
            return bytes([int(byte[1], 16)]) if byte else _blanks(piece.encode())

        return write
    raise _unknown(source)


def _types(part: Any) -> list[str]:
    """The types of a section of tokenizer.json and of what it is made of."""
    if not isinstance(part, dict):
        return []
    inner = [*(part.get("pretokenizers") or []), *(part.get("decoders") or [])]
    return [part.get("type", ""), *(name for each in inner for name in _types(each))]


def _unknown(source: Source) -> UserError:
    return UserError(
        f"{source.path}: its pieces do not tell where words begin (byte-level ones do, those with ▁ and with ##); "
        "mask tokens, or take another tokenizer"
    )
