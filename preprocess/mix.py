"""`mix`: a mixture of corpora by weight, such as 60 % English and 40 % Hebrew, by bytes, words or tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import recorded, setting
from fairseq_hebrew.stage.output import Outputs, scratch_folder
from fairseq_hebrew.stage.progress import Progress
from fairseq_hebrew.text.tokenizer import model_files

from .documents import LAYOUT_HELP, LAYOUTS
from .ordering.blocks import nothing_in
from .ordering.interleave import Run, interleaved
from .ordering.measure import UNITS, measure_part
from .ordering.selection import bound, keyed_sizes
from .text_files import text_files


@dataclass
class Settings:
    input: list[str] = setting(
        help="NAME=FILE of each corpus, or NAME=PATTERN; a corpus of several files has its name before each",
        changes_result=False,
    )
    output: Path = setting(
        help="the mixture: every corpus in its own order, spread evenly over the whole", changes_result=False
    )
    weights: dict[str, float] = setting(help="the share of each corpus, such as he=0.4 en=0.6; any sum will do")
    unit: str = setting("bytes", "what weights and total are counted in", UNITS)
    tokenizer: Path = setting(None, "folder written by train-bpe or import-hf, for --unit tokens", changes_result=False)
    total: int = setting(0, "size of the mixture; 0: as much as the corpora allow", least=0)
    repeat: int = setting(1, "how many times a document may be taken where its corpus is too small", least=1)
    documents: str = setting("auto", LAYOUT_HELP, LAYOUTS)
    seed: int = setting(1, "the same seed takes the same documents")
    workers: int = setting(1, "processes that count tokens; the output is the same", changes_result=False, least=1)

    def __post_init__(self) -> None:
        if (self.unit == "tokens") != (self.tokenizer is not None):
            raise UserError("--tokenizer: goes with --unit tokens, and --unit tokens needs one")
        names = list(corpora(self.input))
        for name in names:
            if name not in self.weights:
                raise UserError(f"--weights: none for the corpus {name!r}; give {name}=SHARE")
        for name, weight in self.weights.items():
            if name not in names:
                raise UserError(f"--weights {name}: no input of this name; give --input {name}=FILE")
            if not 0 < weight < float("inf"):
                raise UserError(
                    f"--weights {name}={weight}: more than 0 is needed; leave out what should have no share"
                )


@dataclass(frozen=True)
class Measured:
    """A corpus: its texts, the files of their documents' sizes, and the sum of these sizes."""

    texts: Sequence[Path]
    sizes: Sequence[Path]
    size: int


def corpora(inputs: Sequence[str]) -> dict[str, list[Path]]:
    """The files of each corpus from NAME=FILE and NAME=PATTERN, in the order given; patterns are not expanded."""
    found: dict[str, list[Path]] = {}
    for given in inputs:
        name, sign, path = given.partition("=")
        if not name or not sign or not path:
            raise UserError(f"--input {given!r}: NAME=FILE is needed, for instance he=hebrew.txt")
        found.setdefault(name, []).append(Path(path))
    return found


def choose_part(
    measured: Mapping[str, Measured],
    weights: Mapping[str, float],
    layout: str,
    seed: int,
    total: int = 0,
    repeat: int = 1,
) -> dict[str, Run]:
    """What is taken of each corpus. Raises UserError where the corpora cannot give what is asked for.

    Without a `total`, it is the largest for which no document is taken more than `repeat` times and some corpus no
    more than once. A corpus gives as many whole rounds of its documents as its share holds, and of the rest of it the
    documents with the lowest random keys.
    """
    shares = {name: weights[name] / sum(weights.values()) for name in measured}
    most = {name: repeat * corpus.size / shares[name] for name, corpus in measured.items()}
    wanted = total or min(*most.values(), max(corpus.size / shares[name] for name, corpus in measured.items()))
    runs = {}
    for name, corpus in measured.items():
        if total > most[name]:
            raise _too_large(name, corpus.size, shares[name], total, repeat, int(min(most.values())))
        share = round(wanted * shares[name])
        epochs, rest = divmod(share, corpus.size)
        own_seed = _seed(seed, name)
        end = taken = documents = 0
        if rest:

            def keyed(sizes=corpus.sizes, own_seed=own_seed):
                return keyed_sizes(sizes, own_seed)

            end, documents, taken = bound(keyed, 0, rest, nearest=True)
        if not epochs and not documents:
            raise UserError(
                f"{corpus.texts[0]}: the share of {name}, {share:,} of {wanted:,.0f}, is less than half a document; "
                "raise --total or its weight"
            )
        runs[name] = Run(corpus.texts, corpus.sizes, layout, own_seed, epochs, end, epochs * corpus.size + taken)
    return runs


def _too_large(name: str, size: int, share: float, total: int, repeat: int, largest: int) -> UserError:
    needed = total * share
    times = f" ({repeat} times)" if repeat > 1 else ""
    return UserError(
        f"--total {total:,}: {name} has {size:,}{times} of the {needed:,.0f} that its share needs; "
        f"at most {largest:,} can be had: lower --total, or --repeat {-(-needed // size):.0f} to take documents again"
    )


def _seed(seed: int, name: str) -> int:
    """The seed of a corpus: by its name, so that the others do not change what is taken of it."""
    return seed ^ int.from_bytes(blake2b(name.encode("utf-8"), digest_size=8).digest(), "little")


def mix_part(runs: Mapping[str, Run], number: int, of: int, output: Path) -> dict[str, int]:
    """Write part `number` of the `of` parts of the mixture; joined in order they are the whole. Documents by name."""
    with open(output, "wb") as file:
        return _write(runs, number, of, file.write)


def _write(runs: Mapping[str, Run], number: int, of: int, write, progress: Progress | None = None) -> dict[str, int]:
    taken = np.zeros(len(runs), np.int64)
    for documents, text in interleaved(list(runs.values()), number, of):
        write(text)
        taken += documents
        if progress is not None:
            progress.add(len(text))
    return dict(zip(runs, taken.tolist()))


def mix(settings: Settings, force: bool = False) -> dict:
    """Run the stage; the manifest. Its counts tell what was taken of each corpus, and the share that makes."""
    files = {name: text_files(patterns) for name, patterns in corpora(settings.input).items()}
    inputs = [path for paths in files.values() for path in paths]

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        with ExitStack() as stack:
            scratch = stack.enter_context(scratch_folder(settings.output))
            file = stack.enter_context(outputs.open(settings.output))
            progress = stack.enter_context(Progress("mix", 2 * sum(path.stat().st_size for path in inputs)))
            measured = {}
            for corpus, (name, paths) in enumerate(files.items()):
                sizes = [scratch / f"sizes{corpus}-{number}" for number in range(len(paths))]
                total = 0
                for path, part in zip(paths, sizes):
                    layout, unit, tokenizer = settings.documents, settings.unit, settings.tokenizer
                    total += measure_part(path, layout, unit, tokenizer, part, settings.workers)[1]
                    progress.add(path.stat().st_size)
                if not total:
                    raise nothing_in(paths)
                measured[name] = Measured(paths, sizes, total)
            options = settings.weights, settings.documents, settings.seed, settings.total, settings.repeat
            runs = choose_part(measured, *options)
            documents = _write(runs, 0, 1, file.write, progress)
        total = sum(run.total for run in runs.values())
        counts = {settings.unit: total}
        for name, run in runs.items():
            counts[f"{name}_documents"] = documents[name]
            counts[f"{name}_{settings.unit}"] = run.total
            counts[f"{name}_share"] = round(run.total / total, 6)
            counts[f"{name}_rounds"] = round(run.total / measured[name].size, 6)
        return [settings.output], counts

    files_recorded = {name: len(paths) for name, paths in files.items()}
    tokenizer = model_files(settings.tokenizer) if settings.tokenizer is not None else []
    settings_recorded = {**recorded(settings), "files": files_recorded}
    return run_stage("mix", settings.output, [*inputs, *tokenizer], settings_recorded, work, force)


COMMAND = StageCommand("mix", "Mix corpora by weight.", Settings, mix)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
