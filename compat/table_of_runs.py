"""The part of the table that long runs need: checkpoints, going on from them, several processes, the end of a run."""

from . import (
    cpu_processes,
    damaged_checkpoints,
    empty_batches,
    master_weights,
    position,
    skipped_updates,
    stopping,
    stopwatch,
    whole_files,
)
from .cure import Cure

CURES_OF_RUNS = (
    Cure(
        name="whole checkpoints",
        begins="fairseq 0.12",
        why="checkpoint_last.pt is copied over the one before, so that a run killed meanwhile, or a full disk, leaves "
        "half a file; nothing waits for the disk before a name is given; and where it is the only checkpoint kept, "
        "there is no other to go back to",
        until="a fairseq release that renames its copies after fsync, and keeps two",
        modules=("fairseq.checkpoint_utils",),
        function=whole_files.write_whole,
    ),
    Cure(
        name="damaged checkpoints",
        begins="fairseq 0.12",
        why="a checkpoint_last.pt that is cut short ends every attempt to go on, with whole checkpoints beside it; one "
        "with flipped bits is read as if it were whole, for torch's reader looks at no checksum",
        until="a fairseq release that checks what it reads, and goes back to the checkpoint before",
        modules=("fairseq.trainer",),
        function=damaged_checkpoints.fall_back,
    ),
    Cure(
        name="position in the epoch",
        begins="fairseq 0.12",
        why="a run that goes on with other processes or another --update-freq reads batches twice or leaves some out, "
        "and with --skip-remainder-batch the epoch it was in ends early",
        until="a fairseq release that saves how many batches of the epoch were read by all processes together",
        modules=("fairseq.data.iterators",),
        function=position.keep_position,
    ),
    Cure(
        name="master weights",
        begins="fairseq 0.12",
        why="--fp16 and --bf16 save the rounded weights alone, so that every resume rounds the fp32 weights that the "
        "optimizer steps, and forgets when the loss scale was last changed",
        until="a fairseq release that saves the fp32 weights",
        modules=("fairseq.optim.fp16_optimizer",),
        function=master_weights.keep_master_weights,
    ),
    Cure(
        name="clock after a resume",
        begins="fairseq 0.12",
        why="after a resume within an epoch the logs' `wall` stays at 0: the meter that was read is not started, and "
        "what is logged outside of training goes on into the one it replaced",
        until="a fairseq release that starts it",
        modules=("fairseq.logging.metrics",),
        function=stopwatch.start_again,
    ),
    Cure(
        name="empty batches",
        begins="fairseq 0.12",
        why="with --update-freq and several processes, a process that lacks an epoch's last batch drops the sample "
        "size of the others it has read for that update, but not their gradient",
        until="a fairseq release that counts the batches that are there",
        modules=("fairseq.trainer",),
        function=empty_batches.leave_out_empty_batches,
    ),
    Cure(
        name="skipped updates",
        begins="fairseq 0.12",
        why="a gradient that is not finite ends an fp32 or bf16 run, after it was computed a second time; the way out "
        "that fp16 takes needs CUDA, and validates and saves again when the update before was one to be saved",
        until="a fairseq release that lets a task skip an update",
        modules=("fairseq.trainer",),
        function=skipped_updates.skip_on_request,
    ),
    Cure(
        name="stopping",
        begins="fairseq 0.12",
        why="no hook of a task can end training with a checkpoint: a scheduler's SIGTERM ends it in the middle of an "
        "update, and all since the last checkpoint is lost; a run that has come to its end trains one more update "
        "whenever it is started again",
        until="a fairseq release whose loop asks the task whether to go on",
        modules=("fairseq_cli.train",),
        function=stopping.stop_when_asked,
    ),
    Cure(
        name="stopping within a validation",
        begins="fairseq 0.12",
        why="the same: a validation can take longer than a scheduler waits before it kills a job",
        until="a fairseq release whose loop asks the task whether to go on",
        modules=("fairseq.trainer",),
        function=stopping.leave_validation_when_asked,
    ),
    Cure(
        name="processes on the CPU",
        begins="fairseq 0.12",
        why="--ddp-backend pytorch_ddp, the default, names a device to torch's wrapper, which refuses one for a model "
        "on the CPU",
        until="a fairseq release that names none",
        modules=("fairseq.models.distributed_fairseq_model",),
        function=cpu_processes.name_no_devices,
    ),
    Cure(
        name="stopping, by the command",
        begins="fairseq 0.12",
        why="the same, where fairseq_cli.train is what imports torch: its code is running before any cure can begin",
        until="a fairseq release whose loop asks the task whether to go on",
        modules=("fairseq.distributed.utils",),
        function=stopping.stop_when_asked_by_command,
    ),
)
