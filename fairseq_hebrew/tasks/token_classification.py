"""Fine-tuning on tagged words, such as named entities: micro F1 over exact spans, as seqeval's strict mode."""

from fairseq.tasks import register_task

from fairseq_hebrew.data.labelled import WordSamples
from fairseq_hebrew.tasks.labelled import LabelledConfig, LabelledTask, f1
from fairseq_hebrew.text.spans import READERS


@register_task("token_classification", dataclass=LabelledConfig)
class TokenClassificationTask(LabelledTask):
    """A tag a word, read at the word's first piece."""

    kind = "token_classification"
    head_kind = "token"
    sample_maker = WordSamples

    def counts(self, sample: dict, predicted) -> dict[str, int]:
        """Mentions that are right, predicted and gold. A sentence cut in two is counted as two here; `score` joins."""
        spans, classes = READERS[self.description.scheme], self.description.classes
        right = found = gold = 0
        for target, guess in zip(sample["target"].cpu(), predicted.cpu()):
            labelled = target.ge(0)
            wanted = set(spans([classes[i] for i in target[labelled].tolist()]))
            guessed = set(spans([classes[i] for i in guess[labelled].tolist()]))
            right += len(wanted & guessed)
            found += len(guessed)
            gold += len(wanted)
        return {"correct": right, "predicted": found, "gold": gold}

    def score(self, totals: dict[str, float]) -> dict[str, float]:
        return {"f1": f1(totals["correct"], totals["predicted"], totals["gold"])}
