"""Learning-rate schedules and optimizers of pretraining; importing this package registers them with fairseq."""

from . import adamw, cosine_floor, stable_adamw, trapezoidal

__all__ = ["adamw", "cosine_floor", "stable_adamw", "trapezoidal"]
