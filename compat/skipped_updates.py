"""Updates that are skipped: the way out that fairseq's fp16 training has, for every precision and device."""

import functools


def skip_on_request(module) -> None:
    """Let an exception with a true `skips_update` end an update of fairseq's trainer, and not the run.

    All processes have to raise it together. The update's number is used up: learning rate, checkpoints and batches
    stay in step, and no update is validated or saved twice. Weights and the optimizer's state are not touched.
    """
    step = module.Trainer.train_step
    if getattr(step, "skips_on_request", False):
        return

    @functools.wraps(step)
    def train_step(self, *args, **options):
        try:
            return step(self, *args, **options)
        except Exception as error:
            if not getattr(error, "skips_update", False):
                raise
        self.zero_grad()
        self.set_num_updates(self.get_num_updates() + 1)
        return None  # as after an overflow: nothing is logged

    train_step.skips_on_request = True
    module.Trainer.train_step = train_step
