"""Data workers end with their epoch: as many at the end as at the beginning, and the collector has none to end."""

import json

from tests.tasks import runs

PLUGIN = '''
"""The pretraining task, which writes down its child processes, reading threads, and what the collector had to end."""
import gc, json, multiprocessing, threading
from dataclasses import dataclass, field

import fairseq_hebrew.models.hallelubert
from fairseq.data.iterators import BackgroundConsumer
from fairseq.tasks import register_task
from fairseq_hebrew.tasks.masked_lm import HebrewMaskedLMConfig, HebrewMaskedLMTask
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

ended = []
stock = _MultiProcessingDataLoaderIter.__del__


def counted(iterator):
    ended.append(not iterator._shutdown)
    stock(iterator)


_MultiProcessingDataLoaderIter.__del__ = counted
gc.disable()


@dataclass
class CountingConfig(HebrewMaskedLMConfig):
    counts: str = field(default="", metadata={"help": "file, a line a training step"})


@register_task("counting", dataclass=CountingConfig)
class CountingTask(HebrewMaskedLMTask):
    def train_step(self, *args, **kwargs):
        done = super().train_step(*args, **kwargs)
        gc.collect()
        reading = [one for one in threading.enumerate() if isinstance(one, BackgroundConsumer)]
        with open(self.cfg.counts, "a") as file:
            file.write(json.dumps([len(multiprocessing.active_children()), len(reading), sum(ended), len(ended)]))
            file.write(chr(10))
        return done
'''


def test_as_many_workers_in_each_epoch(tmp_path):
    """Over three epochs of four batches, with a validation after each that is left before its end."""
    folder = tmp_path / "counting_plugin"
    folder.mkdir()
    (folder / "__init__.py").write_text(PLUGIN, encoding="utf-8")
    more = (
        "--counts", tmp_path / "counts", "--num-workers", 2, "--max-epoch", 3, "--no-save",
        "--batch-size-valid", 1, "--max-valid-steps", 1, "--data-buffer-size", 2,
    )  # fmt: skip
    given = runs.arguments(runs.binarized(tmp_path / "data", 14), folder, tmp_path / "save", *more, validate=True)
    for name in ("--record", "--plant"):
        del given[given.index(name) : given.index(name) + 2]
    given[given.index("recorded")] = "counting"
    runs.train_in_turn([given])
    counts = [json.loads(line) for line in (tmp_path / "counts").read_text(encoding="utf-8").splitlines()]
    assert len(counts) == 3 * 4
    children, reading, ended, seen = zip(*counts)
    assert children == (2,) * 4 + (4,) * 8, "two that train, and from the first validation on two that validate"
    assert set(reading) <= {0, 1}, "a validation that was left is still read"
    assert seen[-1] == 2 and not any(ended), "the collector found workers that were not ended"
