"""How well predicted labels agree with gold ones, of counts by label."""

from __future__ import annotations

import numpy as np


def matthews(right: np.ndarray, predicted: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Matthews' correlation for any number of labels (Gorodkin 2004), in percent (...), of counts (..., labels): how
    often each was right, predicted, gold. 0 where one side has a single label, as scikit-learn's.
    """
    right, predicted, gold = (np.asarray(counts, dtype=np.float64) for counts in (right, predicted, gold))
    texts = gold.sum(-1)
    together = right.sum(-1) * texts - (predicted * gold).sum(-1)
    alone = (texts**2 - (predicted**2).sum(-1)) * (texts**2 - (gold**2).sum(-1))
    return 100.0 * together / np.sqrt(np.where(alone > 0, alone, np.inf))
