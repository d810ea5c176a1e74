"""Pretraining: the task and criterion `hebrew_masked_lm` predict masked tokens of fairseq binaries."""

import functools
import logging
import os
from dataclasses import dataclass, field

from fairseq import utils
from fairseq.dataclass import ChoiceEnum
from fairseq.tasks import FairseqTask, register_task
from omegaconf import II, MISSING

from fairseq_hebrew.criterions.masked_lm import HebrewMaskedLMCriterion
from fairseq_hebrew.data.masked_lm_dataset import MaskedLMDataset
from fairseq_hebrew.data.mixture_file import Corpus, MixtureFile, read_mixture
from fairseq_hebrew.data.samples import Samples
from fairseq_hebrew.data.token_file import parts
from fairseq_hebrew.stage.errors import UserError, at
from fairseq_hebrew.tasks.batch_warmup import BatchWarmupConfig, WarmsBatchUp
from fairseq_hebrew.tasks.binaries import MAKE_AGAIN, read_split
from fairseq_hebrew.tasks.data_workers import EndsDataWorkers
from fairseq_hebrew.tasks.dictionary_state import MASK, DictionaryState, fingerprint, read_dictionary
from fairseq_hebrew.tasks.fixed_shapes import FixedShapesOptions, lengths_of_task, shapes_of
from fairseq_hebrew.tasks.masking_options import MaskingOptions, masking_of_task, replacement_ids
from fairseq_hebrew.tasks.mirror import MirrorOptions, MirrorsCheckpoints
from fairseq_hebrew.tasks.mixture import load_corpus, load_mixture
from fairseq_hebrew.tasks.nonfinite import NonFiniteOptions, SkipsNonFinite
from fairseq_hebrew.tasks.on_xla import TrainsOnXla, XlaOptions
from fairseq_hebrew.tasks.preemption import StopsOnSignal
from fairseq_hebrew.tasks.samples import MODES, PACKED, make_samples
from fairseq_hebrew.tasks.task_pieces import check_tokenizer, read_task_pieces

logger = logging.getLogger(__name__)


@dataclass
class HebrewMaskedLMConfig(
    MaskingOptions, FixedShapesOptions, NonFiniteOptions, BatchWarmupConfig, XlaOptions, MirrorOptions
):
    """Options of the task. fairseq reads the annotations at run time: no `from __future__ import annotations` here."""

    data: str = field(
        default=MISSING,
        metadata={"help": "folder of binaries, or several shards separated by colons, read in turn, one an epoch"},
    )
    sample_break_mode: ChoiceEnum(MODES) = field(
        default="none",
        metadata={
            "help": "none: samples of tokens-per-sample tokens; complete: whole lines, as many as fit; complete_doc: "
            "the same within a document; eos: a line a sample; longer lines are cut. packed: whole documents, each "
            "with its own <s>, in rows with almost no padding, where they do not see one another"
        },
    )
    no_document_mask: bool = field(
        default=False,
        metadata={
            "help": "with packed: a row is read as one document, so that its documents see one another and positions "
            "run on"
        },
    )
    tokens_per_sample: int = field(default=512, metadata={"help": "tokens of the longest sample, <s> included"})
    pad_to_multiple: int = field(
        default=8, metadata={"help": "pad the length of a batch to a multiple of this, within tokens-per-sample"}
    )
    mixture: str = field(
        default="",
        metadata={
            "help": "YAML file that names several corpora to train on and their shares (docs/mixtures.md); `data` is "
            "then where dict.txt and the validation split are"
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
class HebrewMaskedLMTask(
    TrainsOnXla,
    MirrorsCheckpoints,
    StopsOnSignal,
    SkipsNonFinite,
    WarmsBatchUp,
    EndsDataWorkers,
    DictionaryState,
    FairseqTask,
):
    """Masked-LM training on binarized text."""

    cfg: HebrewMaskedLMConfig

    def __init__(self, cfg: HebrewMaskedLMConfig, dictionary):
        super().__init__(cfg)
        self.dictionary = dictionary
        self.mask_idx = dictionary.index(MASK)
        self.corpora: tuple[str, ...] = ()  # of the mixture that is trained on, by name
        self.pieces = read_task_pieces(cfg.tokenizer_dir, dictionary, self.dictionary_path)
        self.lengths = lengths_of_task(cfg, cfg.tokens_per_sample)
        self.masking = masking_of_task(cfg, dictionary, self.pieces, cfg.tokens_per_sample)

    @classmethod
    def setup_task(cls, cfg: HebrewMaskedLMConfig, **kwargs):
        """Read the dictionary of the first shard; raises UserError where there is none, or none with a token in it."""
        if cfg.debug:
            show_tracebacks(True)
        if cfg.tokens_per_sample < 2:
            raise UserError(f"--tokens-per-sample {cfg.tokens_per_sample} leaves no room for a token; give at least 2")
        if cfg.no_document_mask and str(cfg.sample_break_mode) != PACKED:
            raise UserError(f"--no-document-mask is of packed rows; add --sample-break-mode {PACKED} or leave it out")
        if cfg.length_buckets and str(cfg.sample_break_mode) == PACKED:
            raise UserError("--length-buckets: packed rows have one length; leave it out")
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

    def build_criterion(self, cfg):
        """The loss; raises UserError for one that does not know batches of fixed shapes."""
        criterion = super().build_criterion(cfg)
        if self.lengths is not None and not isinstance(criterion, HebrewMaskedLMCriterion):
            raise UserError(f"--criterion {cfg._name} knows no fixed shapes; give --criterion hebrew_masked_lm")
        return criterion

    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **kwargs) -> None:
        """Load a split of this epoch's shard; raises UserError when it is missing, empty or of other tokens.

        Binaries of `binarize` have to be of the task's dictionary; fairseq-preprocess does not tell which theirs is.

        Training splits are masked anew each epoch, all others always in the same way.
        """
        training = split.startswith("train")
        if training and self.cfg.mixture:
            samples = load_mixture(self._mixture, functools.partial(self._samples, split), self.cfg.seed)
            self.corpora = samples.names
        elif corpus := self._validated(split):
            samples = load_corpus(self._mixture, corpus, functools.partial(self._samples, "valid"))
        else:
            paths = utils.split_paths(self.cfg.data)
            samples = self._samples(split, paths[(epoch - 1) % len(paths)], combine=combine)
        self.datasets[split] = MaskedLMDataset(
            samples,
            self.masking,
            seed=self.cfg.seed,
            max_tokens=self.cfg.tokens_per_sample,
            pad_to_multiple=self.cfg.pad_to_multiple,
            fixed=not training,
            fixed_shapes=shapes_of(self.lengths),
            document_mask=self._packed and not self.cfg.no_document_mask,
        )

    def has_sharded_data(self, split: str) -> bool:
        """Whether each epoch has to load a shard of its own; a mixture reads all of its shards."""
        return not self.cfg.mixture and super().has_sharded_data(split)

    @functools.cached_property
    def _mixture(self) -> MixtureFile:
        return read_mixture(self.cfg.mixture)

    def _validated(self, split: str) -> Corpus | None:
        """The corpus of the mixture that the split `valid_NAME` is of; None where `data` has such a split itself."""
        here = os.path.join(utils.split_paths(self.cfg.data)[0], split + ".idx")
        if not self.cfg.mixture or not split.startswith("valid_") or os.path.exists(here):
            return None
        return self._mixture.corpus(split.removeprefix("valid_"))

    def _samples(self, split: str, folder: str, min_document_tokens: int = 0, combine: bool = False) -> Samples | None:
        """A split of a folder; None where no document has at least min_document_tokens."""
        if folder != utils.split_paths(self.cfg.data)[0] and os.path.exists(os.path.join(folder, "dict.txt")):
            self._check_shard(folder)
        path = os.path.join(folder, split)
        stream = read_split(path, self.dictionary, self.dictionary_path, combine)
        for part in parts(path, combine):
            check_tokenizer(part, self.cfg.tokenizer_dir)
        sentence_ends = None if self.pieces is None else self.pieces.sentence_ends
        samples = make_samples(stream, self.cfg, self.dictionary, sentence_ends, min_document_tokens)
        if not len(samples):
            if min_document_tokens:
                return None
            raise at(path + ".bin", None, "no line has any token", MAKE_AGAIN)
        logger.info(f"loaded {len(samples):,} samples from: {path}")
        return samples

    @property
    def _packed(self) -> bool:
        return str(self.cfg.sample_break_mode) == PACKED

    def _check_shard(self, folder: str) -> None:
        if fingerprint(read_dictionary(folder)) != fingerprint(self.dictionary):
            first = os.path.join(utils.split_paths(self.cfg.data)[0], "dict.txt")
            raise at(os.path.join(folder, "dict.txt"), None, f"not the dictionary of {first}", MAKE_AGAIN)
