"""What a trained byte-level BPE is saved as: tokenizer.json, vocab.json, merges.txt; and the dict.txt beside it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.output import write_text
from fairseq_hebrew.text.dictionary import SPECIALS, dictionary_lines
from fairseq_hebrew.text.pretokenize import huggingface
from fairseq_hebrew.text.tokenizer import ByteLevelBPE

from .alphabet import byte_characters

NAMES = [ByteLevelBPE.FILE, "vocab.json", "merges.txt"]


def write_tokenizer(folder: Path, merges: np.ndarray, pre_tokenizer: str) -> None:
    """Write the files of `merges`, int32 (M, 2), as Hugging Face's trainer would have saved them."""
    from tokenizers import Tokenizer, decoders, models

    tokens = [*SPECIALS, *sorted(byte_characters())]
    for left, right in merges.tolist():
        tokens.append(tokens[left] + tokens[right])
    if made := set(tokens[len(SPECIALS) :]) & set(SPECIALS):
        raise UserError(
            f"{folder}: the merges make {min(made)}, which is a special; count words with a pre-tokenizer that cuts it"
        )
    vocabulary = {token: i for i, token in enumerate(tokens)}
    pairs = [(tokens[left], tokens[right]) for left, right in merges.tolist()]
    tokenizer = Tokenizer(models.BPE(vocabulary, pairs))
    tokenizer.pre_tokenizer = huggingface(pre_tokenizer)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(list(SPECIALS))
    contents = (
        tokenizer.to_str(pretty=True),
        json.dumps(vocabulary, ensure_ascii=False),
        "\n".join(["#version: 0.2", *map(" ".join, pairs)]) + "\n",
    )
    for name, content in zip(NAMES, contents):
        write_text(folder / name, content)


def write_dictionary(folder: Path, counts: np.ndarray) -> dict[str, int]:
    """Write dict.txt for a tokenizer whose id i occurred counts[i] times, int64; what the manifest says of it."""
    lines = dictionary_lines(counts)
    write_text(folder / "dict.txt", "\n".join(lines) + "\n")
    return {
        "entries": len(counts) - len(SPECIALS),
        "dictionary_lines": len(lines),
        "embeddings_with_mask": len(lines) + len(SPECIALS) + 1,
        "tokens": int(counts.sum()),
        "never_seen": int((counts[len(SPECIALS) :] == 0).sum()),
    }
