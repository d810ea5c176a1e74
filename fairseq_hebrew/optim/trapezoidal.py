"""--lr-scheduler trapezoidal: warm-up, a stable phase at the peak, decay; also known as WSD."""

import math
from dataclasses import dataclass, field

from fairseq.dataclass import ChoiceEnum
from fairseq.optim.lr_scheduler import register_lr_scheduler

from fairseq_hebrew.optim.schedule import ScheduleConfig, UpdateSchedule, share
from fairseq_hebrew.stage.errors import UserError

# Share of the way from the floor to the peak that is left after the share x of the decay.
SHAPES = {"linear": lambda x: 1 - x, "1-sqrt": lambda x: 1 - math.sqrt(x)}


@dataclass
class TrapezoidalConfig(ScheduleConfig):
    """fairseq reads the annotations at run time."""

    decay_updates: int = field(
        default=0,
        metadata={
            "help": "updates of the decay, the last ones of the run; 0: the learning rate stays at its peak, for a run "
            "whose end is not yet known"
        },
    )
    decay_shape: ChoiceEnum(list(SHAPES)) = field(
        default="linear",
        metadata={"help": "linear: straight down; 1-sqrt: steep at first, with the square root of the decay's updates"},
    )
    floor_ratio: float = field(
        default=0.0, metadata={"help": "the learning rate the decay ends at, as a share of --lr"}
    )


@register_lr_scheduler("trapezoidal", dataclass=TrapezoidalConfig)
class TrapezoidalSchedule(UpdateSchedule):
    """Constant learning rate with a cooldown (arXiv 2405.18392, section 3 and its equation 1; there "1-sqrt" as well).

    With peak p, floor f, warm-up w, decay d of T updates, after n updates: p n / w up to w, p up to T - d, then
    f + (p - f) g((n - T + d) / d) with g(x) = 1 - x or 1 - sqrt(x), and f after T.

    Where the decay begins follows from --max-update (or --total-num-update), so a run is prolonged by going on from a
    checkpoint of its stable phase with a larger one, and gives what a run planned that long gives.
    """

    name = "trapezoidal"

    def __init__(self, cfg: TrapezoidalConfig, optimizer):
        """Raises UserError for settings that make no schedule."""
        super().__init__(cfg, optimizer)
        self.decay = cfg.decay_updates
        self.shape = SHAPES[str(cfg.decay_shape)]
        self.floor = self.peak * share(cfg.floor_ratio, "--floor-ratio")
        if self.decay < 0:
            raise UserError(f"--decay-updates {self.decay} is less than 0; give 0 for a run without a decay")
        if self.decay and self.total <= 0:
            raise UserError("trapezoidal has to know when to decay; give --max-update or --total-num-update")
        if self.total and self.warmup + self.decay > self.total:
            raise UserError(
                f"--warmup-updates {self.warmup} and --decay-updates {self.decay} are more than the {self.total} "
                "updates of the run; shorten one of them, or give a larger --max-update"
            )
        self.step_update(0)

    def after_warm_up(self, updates: int) -> float:
        """The learning rate after `updates` updates, at least `self.warmup` of them."""
        into = updates - (self.total - self.decay)
        if not self.decay or into <= 0:
            return self.peak
        if into >= self.decay:
            return self.floor
        return self.floor + (self.peak - self.floor) * self.shape(into / self.decay)

    def how_to_prolong(self) -> str:
        """What to do about a jump, as a sentence."""
        return "A stable phase is prolonged from a checkpoint that was saved before the decay began."
