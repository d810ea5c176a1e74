"""A tokenizer and its dict.txt as the tokenizer files of Hugging Face: a byte-level BPE of train-bpe as RoBERTa's, one
of another origin as what it was.

The tokens get the ids of the dictionary, which are the rows of the embedding: `<s>` 0, `<pad>` 1, `</s>` 2, `<unk>` 3,
line i of dict.txt 4 + i, `<mask>` last.
"""

from __future__ import annotations

import json
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.dictionary import BOS, EOS, FILLER, MASK, SPECIALS, UNK
from fairseq_hebrew.text.huggingface import HuggingFace
from fairseq_hebrew.text.pretokenize import kind_of
from fairseq_hebrew.text.tokenizer import ByteLevelBPE
from fairseq_hebrew.text.vocabulary import Vocabulary

from .imported_tokenizer import imported_files

AGAIN = "write it again with `fairseq-hebrew train-bpe`"


def tokenizer_files(vocabulary: Vocabulary, max_tokens: int, original: bool = False) -> dict[str, str]:
    """File name: content, of all files that `AutoTokenizer.from_pretrained` reads, and the older vocab and merges where
    these can say all there is to a tokenizer.

    `max_tokens` counts `<s>` and `</s>`. `original`: with the ids an imported tokenizer came with, for weights in
    `imported_tokenizer.original_order`. Raises UserError for a tokenizer that cannot be written so.
    """
    if isinstance(vocabulary.tokenizer, HuggingFace):
        files = imported_files(vocabulary, max_tokens, original)
        return {name: _lines(content) for name, content in files.items()}
    if original:
        raise UserError(f"{vocabulary.folder}: a tokenizer of train-bpe has no other ids than those of dict.txt")
    source = read_source(vocabulary)
    gpt2 = kind_of(source) != "hebrew"
    merges = [" ".join(merge) if isinstance(merge, list) else merge for merge in source["model"]["merges"]]
    vocab = reordered(source["model"]["vocab"], vocabulary)
    specials = {vocab[name]: _special(name) for name in (*SPECIALS, MASK)}
    tokenizer = {
        **source,
        "truncation": None,
        "padding": None,
        "added_tokens": [{"id": i, **token} for i, token in specials.items()],
        "post_processor": {
            "type": "RobertaProcessing",
            "sep": [SPECIALS[EOS], EOS],
            "cls": [SPECIALS[BOS], BOS],
            "trim_offsets": True,
            "add_prefix_space": False,
        },
        "model": {**source["model"], "vocab": vocab},
    }
    bos, pad, eos, unk = SPECIALS
    named = {
        "bos_token": bos,
        "eos_token": eos,
        "unk_token": unk,
        "sep_token": eos,
        "pad_token": pad,
        "cls_token": bos,
    }
    config = {
        **named,
        "mask_token": MASK,
        "added_tokens_decoder": {str(i): token for i, token in specials.items()},
        "add_prefix_space": False,
        "clean_up_tokenization_spaces": False,
        "errors": "replace",
        "model_max_length": max_tokens,
        "tokenizer_class": "RobertaTokenizer" if gpt2 else "PreTrainedTokenizerFast",
        "trim_offsets": True,
    }
    # The older two files say nothing of the pre-tokenizer: whoever reads them takes it to be GPT-2's.
    older = {
        "vocab.json": json.dumps(vocab, ensure_ascii=False),
        "merges.txt": "\n".join(["#version: 0.2", *merges]) + "\n",
    }
    return {
        **(older if gpt2 else {}),
        "tokenizer.json": _lines(tokenizer),
        "tokenizer_config.json": _lines(config),
        "special_tokens_map.json": _lines({**named, "mask_token": _special(MASK)}),
    }


def read_source(vocabulary: Vocabulary) -> dict:
    """The tokenizer.json of a vocabulary; raises UserError unless it is plain byte-level BPE."""
    folder = vocabulary.folder
    if not isinstance(vocabulary.tokenizer, ByteLevelBPE):
        raise UserError(
            f"{folder}: a {type(vocabulary.tokenizer).__name__} tokenizer, which export-hf cannot write yet; "
            "models with a byte-level BPE (train-bpe --model bpe) can be exported"
        )
    path = folder / ByteLevelBPE.FILE
    source = json.loads(path.read_text(encoding="utf-8"))
    if source["model"].get("type") == "BPE" and kind_of(source) == "hebrew" and not source.get("normalizer"):
        return source
    before = source.get("pre_tokenizer") or {}
    if source["model"].get("type") != "BPE" or before.get("type") != "ByteLevel" or source.get("normalizer"):
        raise UserError(f"{path}: not a plain byte-level BPE; {AGAIN}")
    if before.get("add_prefix_space") or not before.get("use_regex", True):
        raise UserError(f"{path}: adds a blank before a text or does not split words; {AGAIN}")
    return source


def reordered(vocab: dict[str, int], vocabulary: Vocabulary) -> dict[str, int]:
    """token: id of the dictionary, in the order of ids, one for each row of the embedding.

    Raises UserError when dict.txt leaves out a token: the text it stands for is `<unk>` to the model, which a
    byte-level tokenizer there cannot say.
    """
    where = vocabulary.dictionary_path
    lost = [token for token, i in vocab.items() if i >= len(SPECIALS) and vocabulary.table[i] == UNK]
    if lost:
        raise UserError(
            f"{where}: lacks {len(lost):,} of the tokenizer's entries, first {lost[0]!r}, so the model knows no such "
            "token; export-hf needs a dict.txt with all of them, as train-bpe writes it"
        )
    made = {token: int(vocabulary.table[i]) for token, i in vocab.items()}
    made |= {s: len(SPECIALS) + line for line, s in enumerate(vocabulary.symbols) if s.startswith(FILLER)}
    made[MASK] = vocabulary.mask
    if sorted(made.values()) != list(range(len(vocabulary))):
        raise UserError(f"{where}: does not name each entry of {vocabulary.folder} once; {AGAIN}")
    return dict(sorted(made.items(), key=lambda item: item[1]))


def open_vocabulary(folder: Path, dictionary: Path | None = None) -> Vocabulary:
    """The vocabulary of a tokenizer folder; raises UserError where there is none."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; give the folder written by train-bpe or import-hf with --tokenizer")
    return Vocabulary(folder, dictionary)


def _special(content: str) -> dict:
    # A mask takes the blank before it along, as RoBERTa's does: its token stands for a word with its blank.
    return {
        "content": content,
        "single_word": False,
        "lstrip": content == MASK,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }


def _lines(content: dict) -> str:
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"
