"""--lr-scheduler cosine_floor: linear warm-up, half a cosine down to a floor, then the floor (NeoBERT)."""

import math
from dataclasses import dataclass, field

from fairseq.optim.lr_scheduler import register_lr_scheduler

from fairseq_hebrew.optim.schedule import ScheduleConfig, UpdateSchedule, share
from fairseq_hebrew.stage.errors import UserError


@dataclass
class CosineFloorConfig(ScheduleConfig):
    """fairseq reads the annotations at run time."""

    floor_ratio: float = field(
        default=0.1, metadata={"help": "the learning rate the cosine ends at, as a share of --lr; 0: it ends at 0"}
    )
    decay_ratio: float = field(
        default=0.9,
        metadata={
            "help": "share of all updates, warm-up included, after which the cosine has reached its floor; the rest is "
            "made at the floor. 1: the cosine takes the whole run"
        },
    )


@register_lr_scheduler("cosine_floor", dataclass=CosineFloorConfig)
class CosineFloorSchedule(UpdateSchedule):
    """The schedule of NeoBERT (arXiv 2502.19587, section on pre-training; GPT-3's is of the same shape).

    With peak p, floor f, warm-up w and end e = decay_ratio * total, after n updates: p n / w up to w, then
    f + (p - f) (1 + cos(pi (n - w) / (e - w))) / 2 up to e, then f.

    NeoBERT's own code stretches the cosine over e updates from w on and cuts it at e, so that the rate jumps to the
    floor from a little above it; the paper has no such jump, and neither has this.
    """

    name = "cosine_floor"

    def __init__(self, cfg: CosineFloorConfig, optimizer):
        """Raises UserError for settings that make no schedule."""
        super().__init__(cfg, optimizer)
        if self.total <= 0:
            raise UserError("cosine_floor has to know how long it is; give --max-update or --total-num-update")
        self.floor = self.peak * share(cfg.floor_ratio, "--floor-ratio")
        self.end = round(self.total * share(cfg.decay_ratio, "--decay-ratio"))
        if self.warmup > self.end:
            raise UserError(
                f"--warmup-updates {self.warmup} is longer than the {self.end} of {self.total} updates after which the "
                "floor is reached; warm up for less, or give a larger --decay-ratio or --max-update"
            )
        self.step_update(0)

    def after_warm_up(self, updates: int) -> float:
        """The learning rate after `updates` updates, at least `self.warmup` of them."""
        if updates >= self.end:
            return self.floor
        done = (updates - self.warmup) / (self.end - self.warmup)
        return self.floor + (self.peak - self.floor) * (1 + math.cos(math.pi * done)) / 2
