"""What a sweep tries: settings, and points, a setting with a seed of a model."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Setting:
    """What is chosen on dev: the peak learning rate, and the examples of a batch."""

    learning_rate: float
    batch_size: int

    @property
    def name(self) -> str:
        """All digits of the learning rate: no two settings share a name."""
        return f"lr{self.learning_rate!r}-batch{self.batch_size}"


@dataclass(frozen=True)
class Point:
    """One training."""

    model: str
    setting: Setting
    seed: int

    @property
    def name(self) -> str:
        return f"{self.setting.name}-seed{self.seed}"

    @property
    def key(self) -> str:
        return f"{self.model}/{self.name}"
