"""Pretraining: the task and criterion `hebrew_masked_lm` predict masked tokens of fairseq binaries."""

import json
import logging
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from fairseq import utils
from fairseq.data import data_utils
from fairseq.data.indexed_dataset import MMapIndexedDataset, _code_to_dtype
from fairseq.dataclass import ChoiceEnum
from fairseq.tasks import FairseqTask, register_task
from omegaconf import II, MISSING

from fairseq_hebrew.data.blocks import Blocks
from fairseq_hebrew.data.masked_lm_dataset import MaskedLMDataset
from fairseq_hebrew.stage.errors import UserError, at
from fairseq_hebrew.stage.manifest import manifest_path
from fairseq_hebrew.tasks.dictionary_state import MASK, DictionaryState, fingerprint, read_dictionary
from fairseq_hebrew.tasks.masking_options import MaskingOptions, masking_of_task, replacement_ids
from fairseq_hebrew.tasks.task_pieces import check_tokenizer, read_task_pieces

logger = logging.getLogger(__name__)

MAKE_AGAIN = "binarize the text again with this folder's dict.txt"
COPY_AGAIN = "copy it again or binarize again"
LOOKED_AT = 1_000_000  # tokens of a split that are compared with the dictionary before training


@dataclass
class HebrewMaskedLMConfig(MaskingOptions):
    """Options of the task. fairseq reads the annotations at run time: no `from __future__ import annotations` here."""

    data: str = field(
        default=MISSING,
        metadata={"help": "folder of binaries, or several shards separated by colons, read in turn, one an epoch"},
    )
    sample_break_mode: ChoiceEnum(["none", "complete", "complete_doc", "eos"]) = field(
        default="none",
        metadata={
            "help": "none: samples of tokens-per-sample tokens; complete: whole lines, as many as fit; complete_doc: "
            "the same within a document; eos: a line a sample. Longer lines are cut."
        },
    )
    tokens_per_sample: int = field(default=512, metadata={"help": "tokens of the longest sample, <s> included"})
    pad_to_multiple: int = field(
        default=8, metadata={"help": "pad the length of a batch to a multiple of this, within tokens-per-sample"}
    )
    fixed_shapes: bool = field(
        default=False,
        metadata={
            "help": "pad every batch to tokens-per-sample and predict the same number of places of each row, as "
            "devices that compile for a shape need (with --criterion hebrew_masked_lm)"
        },
    )
    debug: bool = field(default=False, metadata={"help": "show the whole traceback of an error"})
    seed: int = II("common.seed")


def show_tracebacks(wanted: bool) -> None:
    """Tell the hook that shortens errors to one line, where it is installed."""
    try:
        from fairseq_hebrew_compat import show_tracebacks as show
    except ImportError:
        return
    show(wanted)


@register_task("hebrew_masked_lm", dataclass=HebrewMaskedLMConfig)
class HebrewMaskedLMTask(DictionaryState, FairseqTask):
    """Masked-LM training on binarized text."""

    cfg: HebrewMaskedLMConfig

    def __init__(self, cfg: HebrewMaskedLMConfig, dictionary):
        super().__init__(cfg)
        self.dictionary = dictionary
        self.mask_idx = dictionary.index(MASK)
        self.pieces = read_task_pieces(cfg.tokenizer_dir, dictionary, self.dictionary_path)
        self.masking = masking_of_task(cfg, dictionary, self.pieces, cfg.tokens_per_sample)

    @classmethod
    def setup_task(cls, cfg: HebrewMaskedLMConfig, **kwargs):
        """Read the dictionary of the first shard; raises UserError where there is none, or none with a token in it."""
        if cfg.debug:
            show_tracebacks(True)
        if cfg.tokens_per_sample < 2:
            raise UserError(f"--tokens-per-sample {cfg.tokens_per_sample} leaves no room for a token; give at least 2")
        folder = utils.split_paths(cfg.data)[0]
        dictionary = read_dictionary(folder)
        if not len(replacement_ids(dictionary)):
            problem = "the dictionary is empty: it names no token of a text"
            raise at(os.path.join(folder, "dict.txt"), None, problem, "copy it again from the run that made it")
        logger.info(f"dictionary: {len(dictionary):,} entries, with {MASK}")
        return cls(cfg, dictionary)

    def build_model(self, cfg, from_checkpoint=False):
        """The model; raises UserError when a sample would not fit its positions."""
        model = super().build_model(cfg, from_checkpoint)
        positions = model.max_positions()
        if positions is not None and self.cfg.tokens_per_sample > positions:
            raise UserError(
                f"--tokens-per-sample {self.cfg.tokens_per_sample} is more than the model's {positions} positions; "
                f"add --max-positions {self.cfg.tokens_per_sample}, or make samples shorter"
            )
        return model

    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **kwargs) -> None:
        """Load a split of this epoch's shard; raises UserError when it is missing, empty or of other tokens.

        Binaries of `binarize` have to be of the task's dictionary; fairseq-preprocess does not tell which theirs is.

        Training splits are masked anew each epoch, all others always in the same way.
        """
        paths = utils.split_paths(self.cfg.data)
        folder = paths[(epoch - 1) % len(paths)]
        if folder != paths[0] and os.path.exists(os.path.join(folder, "dict.txt")):
            self._check_shard(folder)
        check_tokenizer(os.path.join(folder, split), self.cfg.tokenizer_dir)
        blocks = Blocks(
            read_split(os.path.join(folder, split), self.dictionary, self.dictionary_path, combine),
            block_size=self.cfg.tokens_per_sample - 1,  # one less for <s>
            break_mode=str(self.cfg.sample_break_mode),
            bos=self.dictionary.bos(),
            pad=self.dictionary.pad(),
            eos=self.dictionary.eos(),
        )
        if not len(blocks):
            raise at(os.path.join(folder, split + ".bin"), None, "no line has any token", MAKE_AGAIN)
        logger.info(f"loaded {len(blocks):,} blocks from: {os.path.join(folder, split)}")
        self.datasets[split] = MaskedLMDataset(
            blocks,
            self.masking,
            seed=self.cfg.seed,
            max_tokens=self.cfg.tokens_per_sample,
            pad_to_multiple=self.cfg.pad_to_multiple,
            fixed=not split.startswith("train"),
            fixed_shapes=self.cfg.fixed_shapes,
        )

    def _check_shard(self, folder: str) -> None:
        if fingerprint(read_dictionary(folder)) != fingerprint(self.dictionary):
            first = os.path.join(utils.split_paths(self.cfg.data)[0], "dict.txt")
            raise at(os.path.join(folder, "dict.txt"), None, f"not the dictionary of {first}", MAKE_AGAIN)


def read_split(path: str, dictionary, dictionary_path: str, combine: bool):
    """fairseq's indexed dataset at `path`.{bin,idx}, with path1, path2... after it when `combine`.

    Raises UserError when it is missing, unreadable, shorter than its index, empty, of another dictionary by its
    manifest, or has ids beyond the dictionary (looked for in its first million tokens).
    """
    for suffix in (".idx", ".bin"):
        if not os.path.isfile(path + suffix):
            raise at(path + suffix, None, "no such file", "name a folder and a split that binarize made")
    nothing = at(path + ".bin", None, "holds no tokens", "binarize a text that is not empty")
    if not os.path.getsize(path + ".bin"):  # numpy cannot map an empty file
        raise nothing
    try:
        for part in _parts(path, combine):
            _check_manifest(part, dictionary, dictionary_path)
            _check_index(part)
        dataset = data_utils.load_indexed_dataset(path, dictionary, combine=combine)
    except (AssertionError, ValueError, TypeError, OSError, KeyError, struct.error) as error:
        raise at(path + ".idx", None, "cannot be read as fairseq binaries", MAKE_AGAIN) from error
    if dataset is None or not len(dataset) or not int(np.sum(dataset.sizes)):
        raise nothing
    try:
        dataset[len(dataset) - 1]
        largest = _largest_id(dataset)
    except ValueError as error:
        raise at(path + ".bin", None, "shorter than its index says", COPY_AGAIN) from error
    entries = len(dictionary) - 1  # <mask> is never in a text
    if largest >= entries:
        raise at(path + ".bin", None, f"has the id {largest}, dict.txt makes {entries:,} ids", MAKE_AGAIN)
    return dataset


def _parts(path: str, combine: bool) -> list[str]:
    """`path`, and with `combine` the path1, path2... that fairseq reads after it."""
    parts = [path]
    while combine and all(os.path.isfile(f"{path}{len(parts)}{suffix}") for suffix in (".idx", ".bin")):
        parts.append(f"{path}{len(parts)}")
    return parts


def _check_manifest(path: str, dictionary, dictionary_path: str) -> None:
    """Raise UserError when `binarize` made `path`.{bin,idx} with another dictionary than this one.

    Ids of another dictionary would train without a word. No manifest, or one that cannot be read, says nothing.
    """
    manifest = manifest_path(Path(path))
    try:
        made_with = json.loads(manifest.read_text(encoding="utf-8"))["settings"]["dictionary"]
    except (OSError, ValueError, KeyError, TypeError):
        return
    ours = fingerprint(dictionary)["sha256"]
    if isinstance(made_with, str) and made_with != ours:
        raise at(
            dictionary_path,
            None,
            f"another dictionary (sha256 {ours[:12]}) than {path}.bin was made with (sha256 {made_with[:12]} in "
            f"{manifest})",
            f"put back the dict.txt it was made with, or {MAKE_AGAIN}",
        )


def _check_index(path: str) -> None:
    """Raise UserError when `path`.idx is a memory-mapped index that is damaged or cut short.

    fairseq's own error comes with the traceback of a destructor. Its other formats are left to it.
    """
    magic, header = MMapIndexedDataset.Index._HDR_MAGIC, struct.Struct("<9sQBQ")
    index = path + ".idx"
    with open(index, "rb") as file:
        start = file.read(header.size)
    if start[:8] != magic[:8]:
        return
    problem, there = "cut short within its header", os.path.getsize(index)
    if len(start) == header.size:
        mark, version, code, items = header.unpack(start)
        if mark != magic or version != 1 or code not in _code_to_dtype:
            raise at(index, None, "cannot be read as fairseq binaries", MAKE_AGAIN)
        needed = header.size + items * (4 + 8)  # a size and an offset
        if there >= needed:
            return
        problem = f"cut short: {there:,} bytes, its header says {needed:,}"
    raise at(index, None, problem, COPY_AGAIN)


def _largest_id(dataset) -> int:
    if getattr(dataset, "supports_prefetch", False):  # fairseq's old formats: nothing can be read before prefetch
        dataset.prefetch(range(min(len(dataset), 1000)))
        return max(int(dataset[i].max()) for i in range(min(len(dataset), 1000)) if len(dataset[i]))
    largest, seen = -1, 0
    for index in range(len(dataset)):
        line = dataset[index]
        if len(line):
            largest = max(largest, int(line.max()))
        seen += len(line)
        if seen >= LOOKED_AT:
            break
    return largest
