"""The samples that the task's options make of a split."""

import logging

import numpy as np

from fairseq_hebrew.data.blocks import BREAK_MODES, Blocks
from fairseq_hebrew.data.documents import find_documents
from fairseq_hebrew.data.long_documents import LongDocuments
from fairseq_hebrew.data.packing import PackedRows
from fairseq_hebrew.data.samples import Samples
from fairseq_hebrew.data.token_file import TokenStream

logger = logging.getLogger(__name__)

PACKED = "packed"
MODES = (*BREAK_MODES, PACKED)


def make_samples(
    stream: TokenStream, cfg, dictionary, sentence_ends: np.ndarray | None, min_document_tokens: int = 0
) -> Samples:
    """The samples of cfg.sample_break_mode, of at most cfg.tokens_per_sample tokens; none, where nothing is left.

    sentence_ends: bool (V,) over the ids, where packing cuts long documents; None: where lines end.
    min_document_tokens: of documents of at least so many alone.
    """
    room = cfg.tokens_per_sample - 1  # one less for <s>
    mode = str(cfg.sample_break_mode)
    if mode != PACKED:
        source = LongDocuments(stream, min_document_tokens) if min_document_tokens else stream
        return Blocks(source, room, mode, dictionary.bos())
    whole = find_documents(stream)
    if min_document_tokens:
        whole = whole.of_at_least(min_document_tokens)
    packed = PackedRows(
        stream, whole, cfg.tokens_per_sample, dictionary.bos(), dictionary.eos(), cfg.seed, sentence_ends
    )
    long = int((whole.sizes > room).sum())
    where = "line" if sentence_ends is None else "sentence"
    logger.info(
        f"packed {len(whole.sizes):,} documents into {len(packed):,} rows of {cfg.tokens_per_sample} tokens, "
        f"{100 * packed.fullness:.2f} % full; {long:,} longer ones were cut, at {where} ends where they could be"
    )
    return packed
