"""SIGTERM and SIGUSR1 end training in order: the update is finished, a checkpoint written, the status says which.

Schedulers send one of them some time before they kill a job. The end itself is asked for through `stop_status`, which
the compat package's hook in fairseq's loop looks at.
"""

import logging
import multiprocessing.util
import os
import signal
import threading

logger = logging.getLogger(__name__)

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
ASKED = "_stop"  # in logging outputs, which the trainer sums over all processes: how many were told to stop

_received: list[int] = []  # signals, in the order they came
_prepared = {"children": False, "handlers": False}


class StopsOnSignal:
    """Mixin for tasks: all processes stop after the same update when one of them was sent a signal.

    That one tells the others in the statistics they share after each batch: no message is sent for it. Stands before
    FairseqTask among the bases.
    """

    stop_status: int | None = None  # 128 + the signal's number, as shells have it, once all processes know

    def get_batch_iterator(self, *args, **kwargs):
        shield_children()
        return super().get_batch_iterator(*args, **kwargs)

    def begin_epoch(self, epoch, model):
        """From the first epoch on signals are kept for the update's end; before it they end the process at once."""
        listen()
        super().begin_epoch(epoch, model)

    def train_step(self, *args, **kwargs):
        return _telling(*super().train_step(*args, **kwargs))

    def valid_step(self, *args, **kwargs):
        return _telling(*super().valid_step(*args, **kwargs))

    def stop(self) -> None:
        """Ask for the end after this update."""
        if self.stop_status is None:
            number = signal.Signals((_received or [signal.SIGTERM])[0])
            logger.info(f"{number.name}: writing a checkpoint, then ending with status {128 + number}")
            self.stop_status = 128 + number

    def reduce_metrics(self, logging_outputs, criterion) -> None:
        if sum(int(log.get(ASKED, 0)) for log in logging_outputs):
            self.stop()
        rest = [{name: value for name, value in log.items() if name != ASKED} for log in logging_outputs]
        super().reduce_metrics(rest, criterion)


def _telling(loss, sample_size, logging_output) -> tuple:
    return loss, sample_size, {**logging_output, ASKED: int(bool(_received))}


def listen() -> None:
    """Note the signals instead of dying of them, in the main thread (no other may); once, harmless when repeated."""
    if not _prepared["handlers"] and threading.current_thread() is threading.main_thread():
        _prepared["handlers"] = True
        for number in SIGNALS:
            signal.signal(number, lambda got, frame: _received.append(got))


def shield_children() -> None:
    """Let the data workers forked from now on miss the signals, which a scheduler sends to every process of a job.

    A worker that dies takes the unfinished update with it. They end with their epoch (`data_workers.py`), or with the
    process that forked them, which kills those that are left: it would wait for them in vain when it ends them with
    SIGTERM.
    """
    if not _prepared["children"]:
        _prepared["children"] = True
        os.register_at_fork(after_in_child=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS))
        # not by atexit: processes that fairseq starts by itself do not come to that
        multiprocessing.util.Finalize(None, _kill_children, exitpriority=50)


def _kill_children() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # torch's handler takes a killed worker for an error
    for child in multiprocessing.active_children():
        child.kill()
