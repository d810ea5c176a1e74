"""Fine-tuning on XLA's CPU backend and on the CPU: tasks of every kind, in a plugin that writes down what happened."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.tasks import runs, test_question_answering, test_retrieval, test_tagged_words, test_text_tasks

PLUGIN = '''
"""Fine-tuning whose --save-dir gets `losses`, the exact one of each batch, and `fetched`, how often something was
fetched from the device before each batch of a validation. Updates named in `nan` there have a loss that is none.
"""
import json, math
from pathlib import Path

import fairseq_hebrew.models.hallelubert
from fairseq_hebrew.tasks import question_answering, retrieval, sequence_classification, sequence_regression
from fairseq_hebrew.tasks import token_classification
from fairseq_hebrew.tasks.labelled import LabelledTask
from fairseq_hebrew.xla.transfer import fetch

losses, fetched = [], []


def train_step(self, sample, model, criterion, optimizer, update_num, *more, **options):
    nan = Path(self.cfg.save_dir, "nan")
    used = criterion
    if nan.exists() and update_num + 1 in json.loads(nan.read_text()):
        def used(model, sample):
            loss, size, told = criterion(model, sample)
            return loss * math.nan, size, told
    done = super(LabelledTask, self).train_step(sample, model, used, optimizer, update_num, *more, **options)
    losses.append(done[0].detach())
    return done


def valid_step(self, *given, **options):
    if self.on_xla:
        import torch_xla.debug.metrics
        data = torch_xla.debug.metrics.metric_data("TransferFromDeviceTime")
        fetched.append([self.begun, data[0]])
    return super(LabelledTask, self).valid_step(*given, **options)


def begin_valid_epoch(self, epoch, model):
    self.begun = epoch
    return super(LabelledTask, self).begin_valid_epoch(epoch, model)


def before_saving(self):
    super(LabelledTask, self).before_saving()
    told = fetch(losses) if self.on_xla else losses
    Path(self.cfg.save_dir, "losses").write_text(json.dumps([float(loss) for loss in told]))
    Path(self.cfg.save_dir, "fetched").write_text(json.dumps(fetched))


for own in (train_step, valid_step, begin_valid_epoch, before_saving):
    setattr(LabelledTask, own.__name__, own)
'''


PAIRS = 26  # of queries and passages


@dataclass(frozen=True)
class Kind:
    """A kind of task: its data, its criterion and metric, options of the command, and on how many devices it trains."""

    task: str
    criterion: str
    metric: str
    data: str  # folder of `made`
    options: tuple = ()
    devices: int = 1
    lengths: int = 1  # of batches


KINDS = {
    "tags, mean": Kind(
        *("token_classification", "classification", "f1", "tags"),
        ("--word-label", "mean", "--window-overlap", 2, "--length-buckets", 12),
        lengths=2,
    ),
    "tags, crf": Kind(
        *("token_classification", "classification", "f1", "tags"),
        ("--word-label", "all", "--crf", "--window-overlap", 2),
        devices=2,
    ),
    "texts": Kind("sequence_classification", "classification", "mcc", "texts", ("--batch-size", 6)),
    "numbers": Kind(
        "sequence_regression", "squared_error", "pearson", "numbers", ("--batch-size", 6, "--update-freq", 2)
    ),
    "questions": Kind("question_answering", "spans", "f1", "questions", devices=2),
    # Of the last batch of an epoch rows are missing, in validation pairs are parted.
    "pairs": Kind("retrieval", "contrastive", "mrr@10", "pairs", devices=2),
}


def made(folder: Path) -> Path:
    """The data of all kinds, a folder each, and the plugin."""
    for name, maker in (("texts", test_text_tasks.inference), ("numbers", test_text_tasks.likeness)):
        (folder / name).mkdir()
        test_text_tasks.description(folder / name, maker)
    test_question_answering.folder(folder / "questions", 16)
    test_retrieval.folder(folder / "pairs", PAIRS)
    tags = folder / "tags"
    tags.mkdir()
    described = test_tagged_words.DESCRIPTION.replace("max_tokens: 24", "max_tokens: 16")
    (tags / "task.yaml").write_text(described, encoding="utf-8")
    for split, first, count in (("train", 0, 12), ("valid", 40, 6), ("test", 40, 6)):
        rows = [json.dumps(row, ensure_ascii=False) for row in test_tagged_words.sentences(first, count)]
        (tags / f"{split}.jsonl").write_text("\n".join(rows) + "\n", encoding="utf-8")
    (folder / "tuning_plugin").mkdir()
    (folder / "tuning_plugin" / "__init__.py").write_text(PLUGIN, encoding="utf-8")
    return folder


def begin(kind: Kind, place: Path, tokenizer: Path, save: Path, *more: object, device: str) -> subprocess.Popen:
    """fairseq-train in the background: a tiny model without dropout, two epochs with validation and checkpoints."""
    save.mkdir(parents=True, exist_ok=True)
    given = [
        runs.BIN / "fairseq-train", place / kind.data, "--user-dir", place / "tuning_plugin", "--task", kind.task,
        "--criterion", kind.criterion, "--description", place / kind.data / "task.yaml", "--tokenizer-dir", tokenizer,
        "--arch", "hallelubert_tiny", "--encoder-layers", 1, "--encoder-embed-dim", 64, "--encoder-ffn-embed-dim", 128,
        "--dropout", 0, "--attention-dropout", 0, "--head-dropout", 0, "--batch-size", 4, "--optimizer", "adamw",
        "--adam-betas", "(0.9, 0.98)", "--clip-norm", 1.0, "--lr", 3e-3, "--lr-scheduler", "polynomial_decay",
        "--warmup-updates", 4, "--total-num-update", 60, "--max-epoch", 2, "--num-workers", 0, "--seed", 1,
        "--save-dir", save, "--no-epoch-checkpoints", "--log-format", "json", "--log-interval", 1,
        "--best-checkpoint-metric", kind.metric, "--maximize-best-checkpoint-metric",
        *(("--tpu",) if device == "--tpu" else ("--cpu", "--fixed-shapes")), *kind.options, *more,
    ]  # fmt: skip
    env = {**os.environ, "PJRT_DEVICE": "CPU", "CPU_NUM_DEVICES": str(kind.devices), "OMP_NUM_THREADS": "1"}
    with open(save / f"said{device}", "w", encoding="utf-8") as out:
        return subprocess.Popen([*map(str, given)], cwd=runs.ROOT, env=env, stdout=out, stderr=subprocess.STDOUT)


def ended(process: subprocess.Popen, save: Path, device: str) -> str:
    """What a run said, after checking that it went well."""
    status = process.wait(timeout=300)
    said = (save / f"said{device}").read_text(encoding="utf-8")
    assert status == 0, said[-4000:]
    return said
