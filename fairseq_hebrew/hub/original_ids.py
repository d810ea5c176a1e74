"""An imported model with the ids it came with: the way back of `import_hf.by_our_ids`."""

from __future__ import annotations

from dataclasses import replace

import torch

from fairseq_hebrew.text.vocabulary import Vocabulary

from .checkpoint import BY_ID, Checkpoint
from .formats import Format
from .imported_tokenizer import original_order


def with_original_ids(
    checkpoint: Checkpoint, vocabulary: Vocabulary, form: Format
) -> tuple[Checkpoint, dict[str, int]]:
    """The checkpoint with its rows where its tokenizer's ids are, and what config.json says of the specials.

    Raises UserError for a tokenizer that came with no model, or another dict.txt than that of import-hf.
    """
    order = torch.from_numpy(original_order(vocabulary))
    state = dict(checkpoint.state)
    for name in BY_ID:
        if name in state:
            state[name] = torch.empty_like(state[name]).index_copy_(0, order, state[name])
    specials = vocabulary.tokenizer.specials
    form.renumber(state, checkpoint.config.padding_idx, specials.pad)
    config = replace(checkpoint.config, padding_idx=specials.pad)
    ids = {
        "bos_token_id": specials.bos,
        "cls_token_id": specials.bos,
        "pad_token_id": specials.pad,
        "eos_token_id": specials.eos,
        "sep_token_id": specials.eos,
    }
    return replace(checkpoint, state=state, config=config), ids
