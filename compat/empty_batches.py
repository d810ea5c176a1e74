"""The last update of an epoch, where the batches do not go round: what a process has read of it counts."""

import functools


def leave_out_empty_batches(module) -> None:
    """Let fairseq's trainer leave the empty batches of an update out where there are others beside them.

    Stock fills up with a batch whose gradient it drops, and when that is an update's last one it drops the sample
    size and the statistics of all the others as well, but not their gradient.
    """
    step = module.Trainer.train_step
    if getattr(step, "leaves_out_empty_batches", False):
        return

    @functools.wraps(step)
    def train_step(self, samples, *args, **options):
        if not (self.is_fsdp or self.tpu):  # where every process has to run the model as often as the others
            samples = [sample for sample in samples if sample is not None and len(sample)] or samples
        return step(self, samples, *args, **options)

    train_step.leaves_out_empty_batches = True
    module.Trainer.train_step = train_step
