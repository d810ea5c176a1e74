"""What the schedules share: a linear warm-up to one peak, counting in updates, a resume that tells of a jump."""

import logging
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from fairseq.dataclass import FairseqDataclass
from fairseq.optim.lr_scheduler import FairseqLRScheduler

from fairseq_hebrew.stage.errors import UserError

logger = logging.getLogger(__name__)


@dataclass
class ScheduleConfig(FairseqDataclass):
    """Options of every schedule here. fairseq reads the annotations at run time."""

    warmup_updates: int = field(
        default=0, metadata={"help": "updates in which the learning rate rises linearly from 0 to --lr"}
    )
    total_num_update: int = field(
        default=0, metadata={"help": "updates of the whole schedule, warm-up included; 0: as many as --max-update"}
    )
    lr: list[float] = "${optimization.lr}"
    max_update: int = "${optimization.max_update}"


class UpdateSchedule(FairseqLRScheduler, ABC):
    """A learning rate that is a function of the number of updates made, and of nothing else.

    After n updates it is `rate_after(n)`, which update n + 1 is made with and which the log shows beside update n, as
    with all of fairseq's schedules. So the first update of a warm-up has the rate 0, and a resumed run has the rates of
    one never stopped. Subclasses give `name`, what users call them, and `after_warm_up`.
    """

    name: str

    def __init__(self, cfg: ScheduleConfig, optimizer):
        """Raises UserError for settings that make no schedule."""
        super().__init__(cfg, optimizer)
        if len(cfg.lr) != 1 or not cfg.lr[0] > 0:
            given = ",".join(str(lr) for lr in cfg.lr)
            raise UserError(f"--lr {given}: {self.name} has one peak, above 0; give --lr one such number")
        self.peak = float(cfg.lr[0])
        self.warmup = cfg.warmup_updates
        if self.warmup < 0:
            raise UserError(f"--warmup-updates {self.warmup} is less than 0; give 0 for no warm-up")
        self.total = cfg.total_num_update or cfg.max_update or 0
        self.updates = 0

    @abstractmethod
    def after_warm_up(self, updates: int) -> float:
        """The learning rate after `updates` updates, at least `self.warmup` of them."""

    def rate_after(self, updates: int) -> float:
        """The learning rate after `updates` updates."""
        if updates < self.warmup:
            return self.peak * updates / self.warmup
        return self.after_warm_up(updates)

    def step_begin_epoch(self, epoch: int) -> float:
        """fairseq's hook: an epoch changes nothing."""
        return self.step_update(self.updates)

    def step_update(self, num_updates: int) -> float:
        """fairseq's hook: set the learning rate after `num_updates` updates, and return it."""
        self.updates = num_updates
        self.optimizer.set_lr(self.rate_after(num_updates))
        return self.optimizer.get_lr()

    def state_dict(self) -> dict:
        """fairseq's state, and the rate the run had when it was saved."""
        return {**super().state_dict(), "updates": self.updates, "lr": self.rate_after(self.updates)}

    def load_state_dict(self, state_dict: dict) -> None:
        """Warns where this schedule has another rate than the run had: its options have been changed."""
        super().load_state_dict(state_dict)
        updates = state_dict.get("updates")
        if updates is None:  # of another schedule
            return
        was, will_be = state_dict["lr"], self.rate_after(updates)
        if was != will_be:
            logger.warning(
                f"the learning rate jumps from {was:g} to {will_be:g} after update {updates:,}: the checkpoint was "
                f"saved under other settings of the schedule. {self.how_to_prolong()}"
            )

    def how_to_prolong(self) -> str:
        """What to do about a jump, as a sentence."""
        return "Give the --lr, --warmup-updates and --total-num-update of the first run to go on without one."


def share(value: float, option: str) -> float:
    """`value`, when it lies between 0 and 1; raises UserError naming the option."""
    if not 0 <= value <= 1:
        raise UserError(f"{option} {value:g} is not a share; give a number from 0 to 1")
    return value
