"""The options that say how pretraining masks, and the settings they make."""

import re
from dataclasses import dataclass, field

import numpy as np
from fairseq.dataclass import ChoiceEnum, FairseqDataclass

from fairseq_hebrew.data.masking import UNITS, Masking
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.dictionary_state import MASK
from fairseq_hebrew.text.pieces import Pieces

# What the options are called where masking speaks of its own fields.
NAMES = {
    "probability": "--mask-prob",
    "keep": "--leave-unmasked-prob",
    "random": "--random-token-prob",
    "masked_a_row": "--masked-a-row",
    "unit": "--mask-unit",
    "mean_span_length": "--mean-span-length",
    "max_span_length": "--max-span-length",
}


@dataclass
class MaskingOptions(FairseqDataclass):
    """fairseq reads the annotations at run time: no `from __future__ import annotations` here."""

    mask_prob: float = field(default=0.15, metadata={"help": "share of the tokens of a row that are predicted"})
    masked_a_row: int = field(
        default=0,
        metadata={
            "help": "predict this many tokens of each row instead of a share; in a row of fewer than twice as many, "
            "half of its tokens; 0: the share of --mask-prob"
        },
    )
    leave_unmasked_prob: float = field(default=0.1, metadata={"help": "share of those that are left as they are"})
    random_token_prob: float = field(
        default=0.1, metadata={"help": "share of those that a random token replaces; <mask> replaces the rest"}
    )
    mask_unit: ChoiceEnum(list(UNITS)) = field(
        default="token",
        metadata={
            "help": "what is predicted together: token: each for itself; word: all pieces of a word; span: of several "
            "words (SpanBERT); the last two need --tokenizer-dir"
        },
    )
    mean_span_length: float = field(
        default=3.8, metadata={"help": "words of a span on average, of a geometric distribution (--mask-unit span)"}
    )
    max_span_length: int = field(default=10, metadata={"help": "words of the longest span (--mask-unit span)"})
    tokenizer_dir: str = field(
        default="",
        metadata={
            "help": "folder of the tokenizer the binaries were made with, which tells where words and sentences end: "
            "needed to mask words or spans, and by packed samples to cut long documents at ends of sentences"
        },
    )


def replacement_ids(dictionary) -> np.ndarray:
    """Ids, int64, that may stand for a masked token: no special, no mask, nothing that only fills the dictionary."""
    filler = re.compile(r"madeupword\d+")
    symbols = enumerate(dictionary.symbols)
    return np.array([i for i, s in symbols if i >= dictionary.nspecial and s != MASK and not filler.fullmatch(s)])


def masking_of_task(options: MaskingOptions, dictionary, pieces: Pieces | None, tokens_per_sample: int) -> Masking:
    """The settings; raises UserError for options that cannot be.

    With `pieces`, random replacements are of those that a text can have: an imported dictionary has others too.
    """
    if str(options.mask_unit) != "token" and pieces is None:
        raise UserError(
            f"--mask-unit {options.mask_unit} has to know where words begin; add --tokenizer-dir with the folder of "
            "the tokenizer the binaries were made with"
        )
    if options.masked_a_row > tokens_per_sample // 2:
        raise UserError(
            f"--masked-a-row {options.masked_a_row} is more than half of --tokens-per-sample {tokens_per_sample}; "
            "give a smaller number"
        )
    replacements = replacement_ids(dictionary)
    if pieces is not None:
        replacements = replacements[pieces.written[replacements]]
    try:
        return Masking(
            specials=(dictionary.bos(), dictionary.eos(), dictionary.pad()),
            pad_id=dictionary.pad(),
            mask_id=dictionary.index(MASK),
            replacements=replacements,
            probability=options.mask_prob,
            keep=options.leave_unmasked_prob,
            random=options.random_token_prob,
            masked_a_row=options.masked_a_row or None,
            unit=str(options.mask_unit),
            mean_span_length=options.mean_span_length,
            max_span_length=options.max_span_length,
            pieces=pieces,
        )
    except ValueError as error:
        problem = re.sub(r"(\w+)=", lambda name: f"{NAMES[name[1]]} ", str(error))
        raise UserError(f"{problem}; change the masking options") from error
