"""The memory of one training step, as XLA's compiler lays it out: compiled in a process of its own, never run.

Usage: PJRT_DEVICE=CPU python -m benchmarks.xla_step '{"layers": 12, "width": 768, ...}', the fields of Step
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .measure import ROOT

# Of the units of the compiler's report, such as "52.88GiB".
UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
ALLOCATION = re.compile(r"^allocation (\d+): size ([\d.]+)([KMGT]?i?B), (.*)$", re.MULTILINE)
TOTAL = re.compile(r"^Total bytes used: (\d+) ", re.MULTILINE)


@dataclass(frozen=True)
class Step:
    """HalleluBERT's shape and a device's batch. `predicted` positions a row, 0: all are projected on the vocabulary.

    chunked: the plugin's cross-entropy, which keeps no logits; else they stand at once, as in stock fairseq.
    """

    layers: int
    width: int
    rows: int
    tokens: int = 512
    vocabulary: int = 52009
    predicted: int = 77
    chunked: bool = True
    checkpoint: bool = False


@dataclass(frozen=True)
class Memory:
    """Bytes of a device. `temporary`: activations, gradients, logits: all that lives within the step."""

    weights: int
    optimizer: int
    logits: int  # of fp32, were they all there at once
    temporary: int

    @property
    def total(self) -> int:
        return self.weights + self.optimizer + self.temporary


def read_report(text: str) -> int:
    """The bytes of the temporary allocations in a report of XLA's buffer assignment.

    Raises ValueError for a text that is none, or one whose allocations do not add up to its total.
    """
    total = TOTAL.search(text)
    found = [(float(size) * UNITS[unit], rest) for _, size, unit, rest in ALLOCATION.findall(text)]
    if total is None or not found:
        raise ValueError("no report of XLA's buffer assignment")
    if abs(sum(size for size, _ in found) - int(total[1])) > 0.01 * int(total[1]) + 1024:  # they are rounded
        raise ValueError("the allocations of the report do not add up to its total")
    return round(sum(size for size, rest in found if "preallocated-temp" in rest))


def analyse(step: Step) -> Memory:
    """Compile the step in a process of its own and read what the compiler reports. Raises RuntimeError if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        flags = f"--xla_dump_to={folder} --xla_dump_hlo_as_text --xla_dump_hlo_module_re=SyncTensors"
        command = [sys.executable, "-m", "benchmarks.xla_step", json.dumps(dataclasses.asdict(step))]
        environment = {**os.environ, "PJRT_DEVICE": "CPU", "XLA_FLAGS": flags}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"compiling {step} failed:\n{done.stderr[-2000:]}")
        weights = json.loads(done.stdout.splitlines()[-1])
        reports = [path.read_text(encoding="utf-8") for path in Path(folder).glob("*memory-usage-report.txt")]
    largest = max(reports, key=lambda text: int(TOTAL.search(text)[1]), default="")
    positions = step.rows * (step.predicted or step.tokens)
    return Memory(4 * weights, 2 * 4 * weights, 4 * positions * step.vocabulary, read_report(largest))


def compile_step(step: Step) -> int:
    """Compile forward, backward and AdamW, as HalleluBERT is trained (dropout 0.1, fp32); the number of weights."""
    import torch
    import torch_xla
    from torch.nn import functional as F

    from fairseq_hebrew.models.hallelubert import HalleluBertModel
    from fairseq_hebrew.modules import EncoderConfig, Execution
    from fairseq_hebrew.xla.recompute import recompute

    config = EncoderConfig(
        vocab_size=step.vocabulary, padding_idx=1, layers=step.layers, width=step.width, heads=step.width // 64,
        feed_forward_width=4 * step.width, max_positions=step.tokens, dropout=0.1, attention_dropout=0.1,
    )  # fmt: skip
    model = HalleluBertModel(config, Execution(checkpoint_activations=step.checkpoint, recompute=recompute)).train()
    device = torch_xla.device()
    model.to(device)
    tokens = torch.randint(4, step.vocabulary, (step.rows, step.tokens)).to(device)
    wanted = step.predicted or step.tokens
    places = torch.arange(wanted).repeat(step.rows, 1).to(device)
    targets = torch.randint(4, step.vocabulary, (step.rows, wanted)).to(device)
    weights = list(model.parameters())
    optimizer = torch.optim.AdamW(weights, lr=torch.tensor(1e-4).to(device), capturable=True)
    for weight in weights:
        averages = {name: torch.zeros_like(weight) for name in ("exp_avg", "exp_avg_sq")}
        optimizer.state[weight].update(step=torch.zeros(()).to(device), **averages)
    torch_xla.sync(wait=True)
    if step.chunked:
        (loss, _), _ = model(tokens, target=targets, masked_positions=places)
    else:
        features = model(tokens, features_only=True)[0]
        features = features.gather(1, places[:, :, None].expand(-1, -1, step.width)) if step.predicted else features
        logits = model.lm_head(features, model.encoder.embed_tokens.weight)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=1, reduction="sum")
    loss.backward()
    optimizer.step()
    states = [value for state in optimizer.state.values() for value in state.values()]
    torch_xla._XLAC._xla_warm_up_cache([*weights, *states, loss], [])
    return sum(weight.numel() for weight in weights)


if __name__ == "__main__":
    print(compile_step(Step(**json.loads(sys.argv[1]))))
