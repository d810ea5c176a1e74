"""The worker: claims a point that nobody has, trains it, records it, until none is left."""

from __future__ import annotations

import datetime
import shutil
import socket
import threading
import uuid
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from pathlib import Path

from fairseq_hebrew.stage.progress import log

from .claims import POLL, Claim, Claims
from .configuration import Configuration
from .points import Point
from .selection import choose, summaries
from .store import Store
from .training import CHECKPOINT, LOG, SAID, Stopped, TrialError, command, outcome, run_guarded

LOOK = 0.5  # seconds


class Sweep:
    """The trials of a configuration, by `workers` at a time in this process beside those of others."""

    def __init__(self, config: Configuration, store: Store, claims: Claims, devices: Sequence[str]) -> None:
        self.config, self.store, self.claims, self._devices = config, store, claims, devices
        self.stop = threading.Event()
        self._points = config.points()

    def run(self, workers: int) -> None:
        """Return when every point has a result, whoever made it; an interrupt ends the trainings of this process."""
        with ThreadPoolExecutor(workers, thread_name_prefix="worker") as pool:
            running = {pool.submit(self._work, number) for number in range(workers)}
            try:
                while running:
                    # Time and again: a signal that the system gave to another thread is heard of when this one looks.
                    done, running = wait(running, timeout=LOOK, return_when=FIRST_EXCEPTION)
                    for one in done:
                        one.result()
            finally:
                self.stop.set()

    def device(self, worker: int) -> str | None:
        """What CUDA_VISIBLE_DEVICES a worker's commands get."""
        return self._devices[worker % len(self._devices)] if self._devices else None

    def folder(self, point: Point) -> Path:
        """Where a finished trial keeps its log and its best checkpoint."""
        return self.config.output / "trials" / point.model / point.name

    def _work(self, worker: int) -> None:
        while not self.stop.is_set():
            results = self.store.results()
            open_points = [point for point in self._points if point not in results]
            if not open_points:
                return
            for point in open_points:
                if (claim := self.claims.acquire(f"{self.config.name}/{point.key}")) is not None:
                    try:
                        # Between the look and the claim another may have recorded it.
                        if point not in self.store.results():
                            self._trial(point, claim, worker)
                    except Stopped:
                        pass
                    finally:
                        claim.release()
                    break
            else:
                self.stop.wait(POLL)

    def _trial(self, point: Point, claim: Claim, worker: int) -> None:
        final = self.folder(point)
        # A folder of this attempt alone: nothing of one that was killed is taken for its result.
        folder = final.with_name(f".{final.name}.{uuid.uuid4().hex[:8]}")
        for old in (final, *final.parent.glob(f".{final.name}.*")):
            shutil.rmtree(old, ignore_errors=True)
        folder.mkdir(parents=True)
        log(f"sweep: {point.key}: begun, {folder / LOG}")
        began = datetime.datetime.now()
        metric = self.config.description.metric
        status = run_guarded(
            command(self.config, point, folder),
            folder / SAID,
            self.device(worker),
            lambda: self.stop.is_set() or claim.lost.is_set(),
        )
        try:
            ended = outcome(folder, status, metric)
        except TrialError as error:
            ended = str(error).replace(str(folder), str(final))
        if self.stop.is_set() or not claim.confirm():
            raise Stopped
        folder.rename(final)
        self.store.record(point, ended, began, {"host": socket.gethostname(), "folder": str(final.name)})
        results = self.store.results()
        count = sum(one in results for one in self._points)
        told = f"failed: {ended}" if isinstance(ended, str) else f"dev {metric} {ended.value:.2f}, epoch {ended.epoch}"
        log(f"sweep: {count} of {len(self._points)}: {point.key}: {told}")
        if self.config.keep == "best":
            self.drop_checkpoints()

    def drop_checkpoints(self) -> None:
        """Remove the checkpoints of settings that cannot be chosen any more: another has a better mean of all seeds."""
        config, results = self.config, self.store.results()
        for model in config.models:
            found = summaries(model.name, config.settings, config.seeds, results)
            best = choose(found)
            for summary in found:
                beaten = best is not None and summary.whole and summary.setting != best.setting
                if beaten or summary.failed:
                    for seed in config.seeds:
                        (self.folder(Point(model.name, summary.setting, seed)) / CHECKPOINT).unlink(missing_ok=True)
