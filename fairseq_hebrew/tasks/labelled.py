"""What the fine-tuning tasks share: description, vocabulary, datasets, head, and a metric summed over batches."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from fairseq import metrics
from fairseq.tasks import FairseqTask
from omegaconf import II, MISSING

from fairseq_hebrew.criterions.classification import COUNT
from fairseq_hebrew.data.described import CHECKPOINT_KEY, LENGTH_KEY, TaskDescription, read_description
from fairseq_hebrew.data.labelled import LabelledDataset, SampleMaker
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.data_workers import EndsDataWorkers
from fairseq_hebrew.tasks.dictionary_state import DictionaryState, read_dictionary
from fairseq_hebrew.tasks.fixed_shapes import FixedShapesOptions, shapes_of
from fairseq_hebrew.tasks.masked_lm import show_tracebacks
from fairseq_hebrew.tasks.mirror import MirrorOptions, MirrorsCheckpoints
from fairseq_hebrew.tasks.nonfinite import NonFiniteOptions, SkipsNonFinite
from fairseq_hebrew.tasks.on_xla import TrainsOnXla, XlaOptions
from fairseq_hebrew.tasks.preemption import StopsOnSignal
from fairseq_hebrew.tasks.sample_lengths import ChoosesLength, SampleLengthOptions
from fairseq_hebrew.text.vocabulary import Vocabulary

logger = logging.getLogger(__name__)


@dataclass
class LabelledConfig(SampleLengthOptions, FixedShapesOptions, NonFiniteOptions, XlaOptions, MirrorOptions):
    """Options of a fine-tuning task. fairseq reads the annotations at run time."""

    data: str = field(default=MISSING, metadata={"help": "folder with the files the description names"})
    description: str = field(
        default=MISSING, metadata={"help": "the task's description: nemo, smcd, or the path of a YAML file"}
    )
    tokenizer_dir: str = field(
        default=MISSING, metadata={"help": "folder written by fairseq-hebrew train-bpe or import-hf"}
    )
    head_dropout: float = field(default=0.1, metadata={"help": "dropout of the classification head"})
    debug: bool = field(default=False, metadata={"help": "show the whole traceback of an error"})
    seed: int = II("common.seed")


class LabelledTask(
    TrainsOnXla,
    MirrorsCheckpoints,
    StopsOnSignal,
    SkipsNonFinite,
    EndsDataWorkers,
    ChoosesLength,
    DictionaryState,
    FairseqTask,
    ABC,
):
    """Base of the tasks that read labelled files.

    A subclass says what `kind` of description, head (`head_kind`) and samples (`sample_maker`) are its own, what is
    counted (`counts`) and how the counts are a metric (`score`); where the loss is not cross-entropy, `loss` or a
    criterion of its own. To find the length of samples in the training split, its maker of samples says what becomes of
    longer ones (`ChoosesLength`). To train on XLA it keeps what `TrainsOnXla` asks for: `loss` computes with tensors of
    fixed shapes and never looks at them on the host, rows of nothing but IGNORE (NaN of numbers) count for nothing, and
    a criterion of its own ends its validation with `counted`.
    """

    cfg: LabelledConfig
    kind: str  # of the description
    head_kind: str  # of modules.heads.HEADS
    sample_maker: type[SampleMaker]
    head = "labels"  # its name in the model: heads.labels.*

    def __init__(self, cfg: LabelledConfig, description: TaskDescription, vocabulary: Vocabulary, dictionary):
        super().__init__(cfg)
        self.description, self.vocabulary, self.dictionary = description, vocabulary, dictionary

    @classmethod
    def setup_task(cls, cfg: LabelledConfig, **kwargs):
        """Read description, tokenizer and dictionary; raises UserError naming the one that is wrong."""
        if cfg.debug:
            show_tracebacks(True)
        for name in ("description", "tokenizer_dir"):
            if getattr(cfg, name, None) in (None, MISSING):
                raise UserError(f"--task {cls.kind} needs --{name.replace('_', '-')}; see docs/fine-tuning.md")
        description = read_description(cfg.description)
        if description.kind != cls.kind:
            raise UserError(f"{description.where}: describes a {description.kind} task; give --task {description.kind}")
        vocabulary = Vocabulary(Path(cfg.tokenizer_dir))
        return cls(cfg, description, vocabulary, read_dictionary(cfg.tokenizer_dir))

    def build_model(self, cfg, from_checkpoint=False):
        """The encoder with this task's head."""
        model = super().build_model(cfg, from_checkpoint)
        if not hasattr(model, "register_head"):
            raise UserError(f"--arch {cfg._name}: has no heads for fine-tuning; use a hallelubert architecture")
        model.register_head(self.head, len(self.description.classes), self.head_kind, self.cfg.head_dropout)
        return model

    def state_dict(self) -> dict:
        """A checkpoint keeps the description itself: it can be used where the file is not."""
        return {**super().state_dict(), CHECKPOINT_KEY: self.description.to_json()}

    def load_state_dict(self, state_dict: dict) -> None:
        if CHECKPOINT_KEY in state_dict:
            self.go_on_with(state_dict.get(LENGTH_KEY))
        ours = (CHECKPOINT_KEY, LENGTH_KEY)
        super().load_state_dict({name: value for name, value in state_dict.items() if name not in ours})

    @property
    def dictionary_path(self) -> str:
        return str(self.vocabulary.dictionary_path)

    def make_samples(self) -> SampleMaker:
        return self.sample_maker(self.vocabulary, self.description, self.max_tokens)

    def samples(self, examples: Sequence) -> list:
        """The samples of examples, in order."""
        maker = self.make_samples()
        made = [sample for index, example in enumerate(examples) for sample in maker.samples(index, example)]
        if maker.cut:
            logger.info(f"{maker.cut} of {len(examples)} examples are longer than {self.max_tokens} tokens")
        return made

    def load_dataset(self, split: str, epoch: int = 1, combine: bool = False, **kwargs) -> None:
        """Read a split; raises UserError naming file and line of what cannot be read."""
        examples = self.examples(split)
        self.prepare_examples(split, examples)
        samples, pad = self.samples(examples), self.dictionary.pad()
        self.datasets[split] = LabelledDataset(samples, pad, self.cfg.seed, shapes_of(self.lengths))
        logger.info(f"{split}: {len(examples)} examples")

    def prepare_examples(self, split: str, examples: Sequence) -> None:
        """Hears of the examples of a split before they are used."""

    def loss(self, model, logits, sample: dict) -> tuple:
        """What the head made of a batch -> (loss, summed over the targets, in nats; the class predicted of each).

        logits (B, ..., L), sample["target"] and the predicted (B, ...); in validation also (B, ..., L), scores between
        which `decided` decides.
        """
        target = sample["target"]
        loss = F.cross_entropy(logits.float().flatten(0, -2), target.flatten(), reduction="sum")
        return loss, logits.argmax(dim=-1)

    def answering(self, model) -> dict:
        """What the maker of records needs of a trained model, beside its outputs, as arguments by name."""
        return {}

    def parts_counted(self, sample: dict) -> list[str]:
        """The names of a batch's tensors that `counts` needs."""
        return ["target", *(name for name in self.placed if name in sample)]

    def counted(self, told: dict, sample: dict, predicted) -> dict:
        """The logging output of a batch in validation: what is `told` of it, and its counts by their names with COUNT
        before. Tensors come to the host, in one go. predicted: a tensor, or a tuple of them.
        """
        names = [name for name, value in told.items() if torch.is_tensor(value)]
        parts, several = self.parts_counted(sample), isinstance(predicted, tuple)
        made = [part.detach() for part in (predicted if several else (predicted,))]
        tensors = self.on_host([*(told[name] for name in names), *(sample[part] for part in parts), *made])
        made = tensors[len(names) + len(parts) :]
        told = {**told, **dict(zip(names, tensors))}
        sample = {**sample, **dict(zip(parts, tensors[len(names) :]))}
        predicted = self.decided(told, sample, tuple(made) if several else made[0])
        return {**told, **{COUNT + name: float(value) for name, value in self.counts(sample, predicted).items()}}

    def decided(self, told: dict, sample: dict, predicted):
        """What is predicted of a batch in validation, where `loss` leaves that open. All of it is on the host; what was
        `told` before it was known is corrected here.
        """
        return predicted

    @abstractmethod
    def counts(self, sample: dict, predicted) -> dict[str, int]:
        """Numbers of a batch from which, summed, `score` computes the metric; `predicted` holds class indices.

        What is needed of it is on the host, `parts_counted`, and what was predicted.
        """

    @abstractmethod
    def score(self, totals: dict[str, float]) -> dict[str, float]:
        """Metrics (percent) by name from summed counts; the description's metric is among them."""

    def reduce_metrics(self, logging_outputs, criterion) -> None:
        super().reduce_metrics(logging_outputs, criterion)
        names = sorted({name for log in logging_outputs for name in log if name.startswith(COUNT)})
        if not names:
            return
        for name in names:
            metrics.log_scalar(name, np.array(sum(float(log.get(name, 0)) for log in logging_outputs)))
        # A score is no mean over batches: it is derived from the sums the meters hold when it is asked for.
        for metric in self.score(dict.fromkeys((name.removeprefix(COUNT) for name in names), 0.0)):

            def derived(meters, metric=metric):
                totals = {n.removeprefix(COUNT): float(meters[n].sum) for n in meters if n.startswith(COUNT)}
                return round(self.score(totals)[metric], 2)

            metrics.log_derived(metric, derived)

    def max_positions(self) -> int:
        return self.max_tokens


def f1(correct: float, predicted: float, gold: float) -> float:
    """The F1 of counts, in percent; 0 where nothing is right."""
    return 200.0 * correct / (predicted + gold) if correct else 0.0
