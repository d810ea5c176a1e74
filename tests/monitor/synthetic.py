"""Logs as fairseq writes them, of runs whose noise, spikes and plateaus are known."""

import json
from pathlib import Path

import numpy as np


def updates_of(total: int, interval: int) -> np.ndarray:
    return np.arange(interval, total + 1, interval)


def power_law(updates: np.ndarray, start: float = 10.0, power: float = 0.25, floor: float = 1.6) -> np.ndarray:
    """Losses in bits that fall as language models' do."""
    return floor + (start - floor) * (1 + updates / 200) ** -power


def plateau_then_descent(updates: np.ndarray, begin: int, end: int) -> np.ndarray:
    """A fall to `begin`, nothing until `end`, and the same fall from there on."""
    spent = np.where(updates < begin, updates, np.where(updates < end, begin, begin * (updates / end)))
    return power_law(spent)


def saturating(updates: np.ndarray, time: float, start: float = 10.0, floor: float = 2.0) -> np.ndarray:
    """A fall that comes to an end."""
    return floor + (start - floor) * np.exp(-updates / time)


def noisy(losses: np.ndarray, noise: float, seed: int, tails: float | None = None) -> np.ndarray:
    """Noise of this standard deviation in the logarithm; `tails` are Student's degrees of freedom."""
    rng = np.random.default_rng(seed)
    draw = rng.standard_normal(len(losses)) if tails is None else rng.standard_t(tails, len(losses))
    if tails is not None:
        draw /= np.sqrt(tails / (tails - 2))
    return losses * np.exp(noise * draw)


def linear_schedule(updates: np.ndarray, peak: float, warm: int, total: int) -> np.ndarray:
    return peak * np.minimum(updates / warm, np.maximum((total - updates) / (total - warm), 0))


def cosine_schedule(updates: np.ndarray, peak: float, warm: int, total: int, floor: float = 0.1) -> np.ndarray:
    """Cosine to `floor` of the peak over 90 % of the updates, then constant."""
    along = np.clip((updates - warm) / (0.9 * total - warm), 0, 1)
    return peak * np.where(updates < warm, updates / warm, floor + (1 - floor) * (1 + np.cos(np.pi * along)) / 2)


def train_line(update: int, loss: float, epoch: int = 1, **more: float) -> str:
    """A record as fairseq's json progress bar writes it: numbers as text of six digits, losses of three places."""
    values = {"loss": round(float(loss), 3), "ppl": round(2 ** min(float(loss), 99), 2), "num_updates": int(update)}
    told = {name: f"{value:g}" for name, value in {**values, **more}.items()}
    return json.dumps({"epoch": epoch, "update": round(epoch - 1 + 0.5, 3), **told})


def valid_line(update: int, loss: float, epoch: int = 1, subset: str = "valid") -> str:
    told = {f"{subset}_loss": f"{loss:.3f}", f"{subset}_ppl": f"{2**loss:g}", f"{subset}_num_updates": f"{update:g}"}
    return json.dumps({"epoch": epoch, **told})


def write_log(path: Path, updates, losses, rates=None, gnorms=None, valid: dict | None = None) -> Path:
    """A log file; `valid` is {update: loss}."""
    lines = []
    for i, (update, loss) in enumerate(zip(updates, losses)):
        more = {} if rates is None else {"lr": rates[i]}
        more |= {} if gnorms is None else {"gnorm": round(float(gnorms[i]), 3)}
        lines.append(train_line(update, loss, **more))
        if valid and int(update) in valid:
            lines.append(valid_line(int(update), valid[int(update)]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
