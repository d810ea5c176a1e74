"""Fine-tuning on tagged words, such as named entities: micro F1 over exact spans, as seqeval's strict mode."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from fairseq.dataclass import ChoiceEnum
from fairseq.tasks import register_task

from fairseq_hebrew.data.labelled import IGNORE, WordSamples
from fairseq_hebrew.data.labelled.tagged_words import OVERLAP
from fairseq_hebrew.modules.crf import LinearChainCRF
from fairseq_hebrew.modules.heads import TokenHead
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks.labelled import LabelledConfig, LabelledTask, f1
from fairseq_hebrew.tasks.windows import JoinedWindows
from fairseq_hebrew.text.spans import READERS, may_follow
from fairseq_hebrew.xla.transfer import fetch


@dataclass
class TokenClassificationConfig(LabelledConfig):
    """Options of tagged words. fairseq reads the annotations at run time."""

    word_label: ChoiceEnum(list(TokenHead.READ)) = field(
        default="first",
        metadata={
            "help": "what the label of a word is read from: its first piece, all of its pieces (each learns the label; "
            "the word's is that of their mean log-probabilities), or the mean of their features"
        },
    )
    window_overlap: int = field(
        default=OVERLAP,
        metadata={
            "help": "words that the windows of a sentence longer than a sample share; the label of a word is that of "
            "the window where it is farthest from an edge"
        },
    )
    crf: bool = field(
        default=False,
        metadata={
            "help": "learn scores of tags that follow one another (a linear-chain CRF), and choose the best tags of a "
            "sentence together; the scheme's forbidden ones are never chosen"
        },
    )


@register_task("token_classification", dataclass=TokenClassificationConfig)
class TokenClassificationTask(LabelledTask):
    """A tag a word, read at the word's first piece."""

    cfg: TokenClassificationConfig
    kind = "token_classification"
    head_kind = "token"
    sample_maker = WordSamples
    placed = ("windows",)

    def __init__(self, cfg, description, vocabulary, dictionary):
        if cfg.window_overlap < 0:
            raise UserError(f"--window-overlap {cfg.window_overlap}: give a number of words, 0 for none")
        super().__init__(cfg, description, vocabulary, dictionary)
        self._joined = JoinedWindows(self._count)
        self._crf_on_host: LinearChainCRF | None = None  # with --tpu and --crf, as it is in this validation

    def make_samples(self) -> WordSamples:
        word_starts = self.cfg.word_label != "first"
        return WordSamples(self.vocabulary, self.description, self.max_tokens, self.cfg.window_overlap, word_starts)

    def build_model(self, cfg, from_checkpoint=False):
        """The encoder with this task's head, which reads words as the options say."""
        model = super().build_model(cfg, from_checkpoint)
        head = model.heads[self.head]
        head.read = str(self.cfg.word_label)
        if self.cfg.crf:
            head.crf = crf_of(self.description).to(head.out.weight.device)
        return model

    def loss(self, model, logits, sample: dict) -> tuple:
        """As LabelledTask's. Of all pieces, a word's loss is the mean of its pieces'; with a CRF, that of its labels
        together, where a window's are those of its own words.

        A CRF decodes in validation alone: the accuracy logged in training is that of each word's best label by itself.
        On XLA the scores are returned there, which `decided` decodes on the host.
        """
        target = sample["target"]
        crf = model.heads[self.head].crf
        if crf is not None:
            begins, ends = edges(sample)
            loss = crf.loss(logits, target, begins, ends).sum()
            if model.training:
                return loss, logits.argmax(dim=-1)
            return loss, logits if self.on_xla else crf.decode(logits, target.ge(0), begins, ends)
        if self.cfg.word_label == "all":  # these are log-probabilities
            loss = F.nll_loss(logits.flatten(0, 1), target.flatten(), reduction="sum", ignore_index=IGNORE)
            return loss, logits.argmax(dim=-1)
        return super().loss(model, logits, sample)

    def answering(self, model) -> dict:
        crf = model.heads[self.head].crf
        if crf is None:
            return {}

        def decode(scores: torch.Tensor) -> list[int]:
            """The best labels of a whole sentence, from the scores (N, L) of its words."""
            whole = torch.ones(1, dtype=torch.bool, device=crf.begin.device)
            scores = scores.to(whole.device).unsqueeze(0)
            mask = torch.ones(scores.shape[:2], dtype=torch.bool, device=whole.device)
            return crf.decode(scores, mask, whole, whole)[0].tolist()

        return {"decode": decode}

    def begin_valid_epoch(self, epoch, model):
        self._joined = JoinedWindows(self._count)
        crf = model.heads[self.head].crf
        if crf is not None and self.on_xla:
            learned = crf.state_dict()
            self._crf_on_host = crf_of(self.description)
            self._crf_on_host.load_state_dict(dict(zip(learned, fetch(list(learned.values())))))
        super().begin_valid_epoch(epoch, model)

    def decided(self, told: dict, sample: dict, predicted):
        if self._crf_on_host is None:
            return predicted
        target = sample["target"]
        labels = self._crf_on_host.decode(predicted, target.ge(0), *edges(sample))
        told["correct"] = labels.eq(target).sum()
        return labels

    def counts(self, sample: dict, predicted) -> dict[str, int]:
        """Mentions that are right, predicted and gold; the windows of a sentence are joined as they come."""
        totals = dict.fromkeys(("correct", "predicted", "gold"), 0)
        rows = zip(sample["windows"].tolist(), sample["target"], predicted)
        for (example, first, words), target, guess in rows:
            labelled = target.ge(0)
            counted = self._joined.add(example, first, words, target[labelled].tolist(), guess[labelled].tolist())
            for name, value in counted.items():
                totals[name] += value
        return totals

    def _count(self, gold: list[int], predicted: list[int]) -> dict[str, int]:
        """Of the classes of words that follow one another."""
        spans, classes = READERS[self.description.tag_scheme], self.description.classes
        wanted, guessed = (set(spans([classes[i] for i in tags])) for tags in (gold, predicted))
        return {"correct": len(wanted & guessed), "predicted": len(guessed), "gold": len(wanted)}

    def score(self, totals: dict[str, float]) -> dict[str, float]:
        return {"f1": f1(totals["correct"], totals["predicted"], totals["gold"])}


def crf_of(description) -> LinearChainCRF:
    """With the transitions that the description's scheme allows."""
    tags, scheme = description.classes, description.tag_scheme
    return LinearChainCRF(
        [[may_follow(before, after, scheme) for after in tags] for before in tags],
        [may_follow(None, tag, scheme) for tag in tags],
        [may_follow(tag, None, scheme) for tag in tags],
    )


def edges(sample: dict) -> tuple[torch.Tensor, torch.Tensor]:
    """Whether the rows of a batch have the first word of their sentence, and the last: (B,) bool both."""
    target = sample["target"]
    _, first, words = sample["windows"].to(target.device).unbind(dim=1)
    return first.eq(0), (first + target.ge(0).sum(dim=1)).eq(words)
