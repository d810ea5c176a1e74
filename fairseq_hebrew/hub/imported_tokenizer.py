"""A tokenizer of another origin as tokenizer files of Hugging Face, with the ids of dict.txt or those it came with."""

from __future__ import annotations

from typing import Any

import numpy as np

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.dictionary import FILLER, MASK, SPECIALS, UNK
from fairseq_hebrew.text.specials import ROLES
from fairseq_hebrew.text.tokenizer_source import Source, read_source
from fairseq_hebrew.text.vocabulary import Vocabulary

from .import_vocabulary import row_order
from .renumber import renumbered


def original_order(vocabulary: Vocabulary) -> np.ndarray:
    """int64 (V,): for each id of the dictionary the row it had in the model its tokenizer came with.

    So `theirs[order] = ours` puts rows of an embedding back. Raises UserError for a vocabulary that came with no model,
    or whose dict.txt names other rows than that model had.
    """
    specials = vocabulary.tokenizer.specials
    lines = [int(symbol) for symbol in vocabulary.symbols if not symbol.startswith(FILLER)]
    order = row_order(specials, lines) if specials.rows else None
    if order is None or len(order) != len(vocabulary) or set(order.tolist()) != set(range(specials.rows)):
        raise UserError(
            f"{vocabulary.dictionary_path}: names other rows than the model had that the tokenizer came with, so its "
            "own ids cannot be given back; export it with the ids of dict.txt"
        )
    return order


def imported_files(vocabulary: Vocabulary, max_tokens: int, original: bool) -> dict[str, dict[str, Any]]:
    """File name: content, of what AutoTokenizer reads; `original`: with the ids the tokenizer came with."""
    source = read_source(vocabulary.folder)
    specials = special_tokens(vocabulary, source)
    if original:
        original_order(vocabulary)
        ids = source.tokens
    else:
        ids = dictionary_ids(vocabulary, source, specials["mask"])
    tokenizer = renumbered(source, ids, specials)
    added = {str(token["id"]): {n: v for n, v in token.items() if n != "id"} for token in tokenizer["added_tokens"]}
    named = {key: specials[role] for role, (_, keys, _) in ROLES.items() for key in keys}
    config = {
        **named,
        "added_tokens_decoder": added,
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
        "model_max_length": max_tokens,
        "tokenizer_class": "PreTrainedTokenizerFast",
    }
    mask = added[str(ids[specials["mask"]])]
    return {
        "tokenizer.json": tokenizer,
        "tokenizer_config.json": config,
        "special_tokens_map.json": {**named, "mask_token": mask},
    }


def special_tokens(vocabulary: Vocabulary, source: Source) -> dict[str, str]:
    """What the tokenizer calls its specials, by role; a mask that it has not is fairseq's."""
    by_id = {number: token for token, number in source.tokens.items()}
    specials = vocabulary.tokenizer.specials
    return {role: MASK if (i := getattr(specials, role)) is None else by_id[i] for role in ROLES}


def dictionary_ids(vocabulary: Vocabulary, source: Source, mask: str) -> dict[str, int]:
    """token: id of the dictionary, for every row of the embedding; rows that no token has are named after their ids.

    Raises UserError when dict.txt leaves out an entry: the text it stands for is `<unk>` to the model, which the
    tokenizer there would not say.
    """
    table, specials = vocabulary.table, vocabulary.tokenizer.specials
    lost = [token for token, i in source.tokens.items() if table[i] == UNK and i != specials.unk]
    if lost:
        raise UserError(
            f"{vocabulary.dictionary_path}: lacks {len(lost):,} of the tokenizer's entries, first {lost[0]!r}, so the "
            "model knows no such token; give a dict.txt with all of them, as import-hf writes it"
        )
    made = {token: int(table[i]) for token, i in source.tokens.items()}
    made[mask] = vocabulary.mask
    # The blank keeps text from making one of these.
    free = sorted(set(range(len(SPECIALS), len(vocabulary))) - set(made.values()))
    return made | {f"[row {i}]": i for i in free}
