"""The command: what is not trained yet is trained, then the setting chosen on dev is scored on test, then told."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError, parser, run_command
from fairseq_hebrew.stage.progress import log

from .claims import GRACE
from .configuration import Configuration, read_configuration


def sweep(config: Configuration, workers: int, devices: Sequence[str], again: bool, grace: float) -> dict:
    """Run the trials that are open, or wait for others to; the report. Raises UserError where a model has no result."""
    # Optuna and SQLAlchemy are asked for when there is something to store.
    from .claims import Claims
    from .report import gather, write_report
    from .selection import choose, summaries
    from .store import Store
    from .tables import summary
    from .testing import score_on_test
    from .work import Sweep

    store = Store(config)
    claims = Claims(store.engine, grace)
    try:
        if again:
            with claims.hold(f"{config.name}/settings"):
                log(f"sweep: {store.run_failed_again()} failed trials are run again")
        work = Sweep(config, store, claims, devices)
        done = store.results()
        points = config.points()
        log(
            f"sweep: {config.name}: {len(points)} trials, {sum(point in done for point in points)} done; "
            f"results in {store.shown}"
        )
        work.run(workers)
        work.stop.clear()
        results = store.results()
        without, untold = [], []
        for model in config.models:
            found = summaries(model.name, config.settings, config.seeds, results)
            chosen = choose(found)
            if chosen is None:
                without.append(model.name)
            elif config.test:
                try:
                    score_on_test(work, model.name, chosen)
                except UserError as error:  # the report is written all the same
                    untold.append(error)
        with claims.hold(f"{config.name}/report"):
            report = gather(config, store)
            write_report(config, report)
        print(summary(report), end="")
        log(f"sweep: {config.output / 'index.html'}")
        if without:
            ended = [results[point] for point in points if point in results and point.model in without]
            failed = next((one for one in ended if one.reason), None)
            why = f"; {failed.point.key} {failed.reason}" if failed else ""
            raise UserError(
                f"{', '.join(without)}: no setting has a result for each of its seeds{why}; "
                "mend that, then run again with --retry-failed"
            )
        if untold:
            raise untold[0]
        return report
    finally:
        claims.close()
        store.close()


def main(arguments: Sequence[str] | None = None) -> int:
    options = parser(
        "fairseq-hebrew sweep",
        "Fine-tune models over a grid of learning rates, batch sizes and seeds; choose on dev, score test once. The "
        "same command again, also on other machines, goes on where trials are open.",
    )
    options.add_argument("config", type=Path, help="YAML file with the task, the models and the grid (docs/sweep.md)")
    options.add_argument("--output", type=Path, help="folder for all that is made (overrides `output:`)")
    options.add_argument("--workers", type=int, default=1, help="trials at a time on this machine")
    options.add_argument("--devices", nargs="+", default=[], help="GPUs of the workers in turn, by number: 0 1 2 3")
    options.add_argument("--retry-failed", action="store_true", help="run trials that failed again")
    options.add_argument(
        "--grace",
        type=float,
        default=GRACE,
        help="seconds without a sign of life after which another machine's trial is run here; the same everywhere",
    )
    parsed = options.parse_args(arguments)
    if parsed.workers < 1:
        options.error("--workers: at least 1")
    if not parsed.grace > 0:
        options.error("--grace: more than 0")
    # What a scheduler sends ends the sweep as Ctrl-C does: trainings are ended, claims released.
    signal.signal(signal.SIGTERM, signal.default_int_handler)

    def work() -> None:
        config = read_configuration(parsed.config, parsed.output)
        sweep(config, parsed.workers, parsed.devices, parsed.retry_failed, parsed.grace)

    return run_command(work, parsed.debug)


if __name__ == "__main__":
    raise SystemExit(main())
