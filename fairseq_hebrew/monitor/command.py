"""`monitor`: what the logs of a run show, once or while it trains."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.stage.errors import UsageError, UserError, parser, run_command
from fairseq_hebrew.stage.options import add_arguments, from_arguments
from fairseq_hebrew.stage.output import write_text
from fairseq_hebrew.stage.progress import log as tell

from .judgement import Judgement, Rules, as_data, judge
from .page import page
from .picture import draw
from .skipped import FILE as SKIPPED
from .skipped import read_skipped
from .sources import NothingYetError, Run
from .words import events, lines, state

PICTURE, PAGE, SUMMARY, BATCHES = "monitor.png", "monitor.html", "summary.json", "batches.jsonl"
CHECKPOINT = "checkpoint_last.pt"


@dataclass
class Monitor:
    """A run, the rules it is judged by, and the folder its pictures go to (None for none)."""

    run: Run
    rules: Rules
    output: Path | None
    checkpoint: Path | None = None  # to name the batches of spikes
    refresh: int | None = None

    def look(self, growing: bool = False) -> bool:
        """Read what is new; whether there was anything. Raises NothingYetError before the first update."""
        new = self.run.read(growing)
        if not len(self.run.log.train):
            raise NothingYetError(f"{self.run.path}: no update of training in its log yet; wait for the first")
        return new > 0

    def report(self) -> tuple[Judgement, list[str]]:
        """Judge the run and write the pictures; the verdicts, and the lines of the summary."""
        log = self.run.log
        judgement = judge(log, self.rules)
        skipped = read_skipped(self.run.folder)
        told = [f"read: {', '.join(map(str, self.run.files))}", *lines(judgement, log, self.rules)]
        if skipped:
            where = self.run.folder / SKIPPED
            told.insert(-1, f"skipped updates: {len(skipped):,}, the last {skipped[-1]['update']:,}; batches: {where}")
        if self.checkpoint is not None:
            told.insert(-1, self._name_batches(judgement))
        if self.output is not None:
            self._write(judgement, told, skipped)
        return judgement, told

    def _name_batches(self, judgement: Judgement) -> str:
        from .batches import write_batches

        path = self.output / BATCHES
        count, exact = write_batches(path, self.checkpoint, self.run.log, judgement.spikes)
        doubt = "" if exact else "; not exact where the log and the epoch's batches do not go together"
        return f"batches: those at the begin of the spikes, updates in all: {count:,}, in {path}{doubt}"

    def _write(self, judgement: Judgement, told: list[str], skipped: list[dict]) -> None:
        log, title, inputs = self.run.log, str(self.run.path), self.run.files
        draw(log, judgement, self.output / PICTURE, title)
        write_text(self.output / PAGE, page(log, judgement, title, told[1:], self.refresh), inputs)
        data = {"run": title, "files": [str(path) for path in inputs], **as_data(judgement, log, self.rules)}
        data["skipped"] = skipped
        write_text(self.output / SUMMARY, json.dumps(data, ensure_ascii=False, indent=1) + "\n", inputs)


def follow(monitor: Monitor, every: float) -> None:
    """Look again every so many seconds and tell what is new, until Ctrl-C; then once more, to the last line."""
    seen: dict[tuple, str] = {}
    waiting = False
    try:
        while True:
            try:
                if monitor.look(growing=True):
                    seen |= _tell_new(monitor, seen)
            except NothingYetError as error:
                if not waiting:
                    tell(str(error))
                waiting = True
            time.sleep(every)
    except KeyboardInterrupt:
        monitor.refresh = None
        try:
            monitor.look()
        except NothingYetError:
            return
        print("\n".join(monitor.report()[1]), flush=True)


def _tell_new(monitor: Monitor, seen: dict[tuple, str]) -> dict[tuple, str]:
    """Print where the run is and the events that are not in `seen`; the events there are now."""
    judgement, _ = monitor.report()
    found = events(judgement)
    stamp = time.strftime("%H:%M:%S")
    for line in (state("train", monitor.run.log.train), *(found[key] for key in found if key not in seen)):
        print(stamp, line, flush=True)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser("fairseq-hebrew monitor", "What the logs of a run show: curves, spikes, plateaus, convergence.")
    options.add_argument("run", type=Path, help="folder of a run, or a log of it (JSON, simple, TensorBoard's events)")
    options.add_argument("--output", type=Path, help=f"folder for {PICTURE}, {PAGE} and {SUMMARY}")
    options.add_argument("--follow", action="store_true", help="go on reading a run that trains, until Ctrl-C")
    options.add_argument("--every", type=float, default=30.0, help="seconds between two looks with --follow")
    options.add_argument(
        "--batches",
        type=Path,
        nargs="?",
        const=Path(),
        metavar="CHECKPOINT",
        help=f"name the samples in the batches at the begin of each spike, in {BATCHES} of --output: the data is read "
        f"as a checkpoint of the run says ({CHECKPOINT} of its folder where none is named)",
    )
    add_arguments(options, Rules)
    parsed = options.parse_args(arguments)

    def work() -> None:
        try:
            rules = from_arguments(Rules, parsed)
        except UserError as error:
            raise UsageError(str(error)) from None
        if not parsed.every > 0:
            raise UsageError(f"--every {parsed.every:g}: more than 0 seconds are needed")
        if parsed.batches is not None and (parsed.output is None or parsed.follow):
            raise UsageError("--batches needs --output and goes without --follow")
        monitor = Monitor(Run(parsed.run), rules, parsed.output)
        if parsed.batches is not None:
            monitor.checkpoint = parsed.batches if parsed.batches.name else monitor.run.folder / CHECKPOINT
        if parsed.follow:
            monitor.refresh = max(round(parsed.every), 5)
            follow(monitor, parsed.every)
            return
        monitor.look()
        print("\n".join(monitor.report()[1]))
        if parsed.output is not None:
            tell(f"monitor: {parsed.output / PAGE}")

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
