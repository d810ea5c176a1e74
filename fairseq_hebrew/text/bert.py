"""BERT's WordPiece: a vocab.txt, one piece a line, and how its texts are read (Devlin et al. 2019).

Three options of tokenizer_config.json decide what becomes of a text before it is cut. `do_lower_case` (on, where
nothing is said) makes capitals small and, unless `strip_accents` says no, takes every mark off its letter: also niqqud
and cantillation. `tokenize_chinese_chars` sets each Chinese character apart. Control characters are always taken out,
the bidirectional ones among them, and all white space becomes blanks.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..stage.errors import UserError

# Option: its name in tokenizer.json, and what transformers takes it for where nothing is said.
BERT_OPTIONS = {
    "do_lower_case": ("lowercase", True),
    "strip_accents": ("strip_accents", None),
    "tokenize_chinese_chars": ("handle_chinese_chars", True),
}
# The classes of transformers, without their `Fast`, that read a vocab.txt in this way.
CLASSES = ("Bert", "ConvBert", "DistilBert", "Electra", "MobileBert", "PreTrained")


def bert_normalizer(path: Path, config: Mapping[str, Any], known: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The `normalizer` section of tokenizer.json; what the configuration at `path` leaves open is as in `known`."""
    made = {"type": "BertNormalizer", "clean_text": True}
    made |= {name: default for name, default in BERT_OPTIONS.values()}
    made |= known or {}
    for option, (name, _) in BERT_OPTIONS.items():
        if (value := config.get(option)) is None:
            continue
        if not isinstance(value, bool):
            raise UserError(f"{path}: {option} is {value!r}; write true or false")
        made[name] = value
    return made


def bert_tokenizer(path: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """What tokenizer.json would have for the vocab.txt at `path`.

    A line is a row, also one that is blank, and the first of two equal ones: no text reaches these. Raises UserError
    where the configuration asks for another reading than BERT's.
    """
    where = path.with_name("tokenizer_config.json")
    kind = str(config.get("tokenizer_class") or "BertTokenizer")
    if kind.removesuffix("Fast").removesuffix("Tokenizer") not in CLASSES:
        raise UserError(f"{where}: {path.name} of a {kind}, which may read it in another way; give its tokenizer.json")
    if config.get("do_basic_tokenize") is False or config.get("never_split"):
        raise UserError(f"{where}: do_basic_tokenize or never_split is set; give its tokenizer.json")
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text; copy it again from where the model came from") from None
    vocab = {line: row for row, line in enumerate(lines) if line.strip(" \t\r")}
    unknown = named(config.get("unk_token")) or "[UNK]"
    if unknown not in vocab:
        raise UserError(f"{path}: lacks {unknown}, which stands for what it cannot write; name another as unk_token")
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": bert_normalizer(where, config),
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": None,
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece",
            "unk_token": unknown,
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": vocab,
        },
    }


def named(token: object) -> str | None:
    """The text of a token as transformers' files name it: by its text, or as an object with its `content`."""
    if isinstance(token, Mapping):
        token = token.get("content")
    return token if isinstance(token, str) and token else None
