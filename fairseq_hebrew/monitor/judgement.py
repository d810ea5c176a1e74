"""What the curves of a run show: spikes, plateaus, whether perplexity has converged; as data and as lines to read."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from fairseq_hebrew.stage.options import setting

from .convergence import Improvement, improvement
from .curves import Curve, Log
from .learning_rate import WARM_UP, Phase, phases
from .plateaus import Plateau, find_plateaus
from .spikes import DIGITS, JUDGED, LEAST, Spike, find_spikes, noise, rolling_median

# The verdicts on convergence.
EARLY, WARMING, UNSETTLED, FEW = "too early", "warm-up", "in a spike", "too few records"
CONVERGED, FALLING, UNDECIDED = "converged", "not converged", "undecided"


@dataclass(frozen=True)
class Rules:
    """The numbers behind the verdicts."""

    threshold: float = setting(6.0, "robust z-score of a spike", least=1)
    flat: float = setting(
        0.02,
        "a plateau: the loss falls by less than this share of itself while the updates grow by a factor of e (2.72)",
        least=0,
    )
    plateau_share: float = setting(0.2, "a plateau lasts at least this share of the updates before it", least=0.01)
    plateau_updates: int = setting(500, "and at least so many updates", least=1)
    last_percent: float = setting(20.0, "convergence is judged on this last part of the updates, in percent", least=1)
    improvement: float = setting(
        1.0,
        "converged: perplexity fell by less than this many percent over that part, with 95 percent confidence",
        least=0,
    )
    min_updates: int = setting(
        40_000,
        "no verdict of convergence before this update: the published curves settle after 20,000 to 40,000",
        least=1,
    )


@dataclass(frozen=True)
class NonFinite:
    """Records from update `begin` to `end` whose loss or gradient norm (`signal`) is not finite."""

    signal: str
    begin: int
    end: int


@dataclass(frozen=True)
class Judgement:
    """All verdicts on a run, as of update `last`."""

    last: int
    records: int
    phases: list[Phase]
    spikes: list[Spike]
    non_finite: list[NonFinite]
    plateaus: list[Plateau]
    convergence: str
    improvement: dict[str, Improvement]
    peak_rate: float | None
    last_rate: float | None


def judge(log: Log, rules: Rules) -> Judgement:
    """The verdicts on what the log holds; it has at least one record of training."""
    train = log.train
    updates = train.updates
    spikes, non_finite = [], []
    for signal in JUDGED:
        if signal in train:
            places, values, broken = _sound(train, signal)
            non_finite += broken
            found = find_spikes(signal, updates[places], values, rules.threshold, levels=signal == "loss")
            spikes += found
    places, losses, _ = _sound(train, "loss")
    calm = np.ones(len(places), dtype=bool)
    passing = [one for one in spikes if one.signal == "loss" and not _for_good(one, rules)]
    for spike in passing:
        calm[spike.first : spike.last + 1] = False
    rates = train.column("lr")
    found_phases = phases(updates, rates)
    told = rates[np.isfinite(rates)]
    last = max(log.last, 0)
    judged, percents = _convergence(log, updates[places][calm], losses[calm], found_phases, passing, last, rules)
    return Judgement(
        last=last,
        records=len(train),
        phases=found_phases,
        spikes=sorted(spikes, key=lambda one: (one.begin, one.signal)),
        non_finite=non_finite,
        plateaus=_plateaus(updates[places], losses, calm, rules),
        convergence=judged,
        improvement=percents,
        peak_rate=float(told.max()) if len(told) else None,
        last_rate=float(told[-1]) if len(told) else None,
    )


def _for_good(spike: Spike, rules: Rules) -> bool:
    """Whether a loss that rose has stood there for so long that it would be a plateau: it is the new level."""
    return spike.back is None and spike.end - spike.begin >= max(
        rules.plateau_share * spike.begin, rules.plateau_updates
    )


def _sound(curve: Curve, signal: str) -> tuple[np.ndarray, np.ndarray, list[NonFinite]]:
    """(places of values finite and above 0, the values, the stretches of records that are not finite)."""
    values = curve.column(signal)
    sound = np.isfinite(values) & (values > 0)
    updates, broken = curve.updates, np.flatnonzero(~np.isfinite(values))
    starts = np.flatnonzero(np.diff(broken, prepend=-2) > 1)
    ends = np.append(starts[1:], len(broken))[: len(starts)] - 1
    stretches = [NonFinite(signal, int(updates[broken[a]]), int(updates[broken[b]])) for a, b in zip(starts, ends)]
    return np.flatnonzero(sound), values[sound], stretches


def _plateaus(updates: np.ndarray, losses: np.ndarray, calm: np.ndarray, rules: Rules) -> list[Plateau]:
    kept = calm & (updates > 0)
    if kept.sum() < LEAST:
        return []
    updates, losses = updates[kept], losses[kept]
    logs = np.log(losses)
    scale = noise(logs, rolling_median(logs), DIGITS / 2 / losses)
    return find_plateaus(updates, losses, scale, rules.flat, rules.plateau_share, rules.plateau_updates)


def _convergence(
    log: Log,
    updates: np.ndarray,
    losses: np.ndarray,
    found: list[Phase],
    spikes: list[Spike],
    last: int,
    rules: Rules,
) -> tuple[str, dict[str, Improvement]]:
    """(verdict, the improvement of training and of each validation set over the last part of the updates)."""
    begin = int(last * (1 - rules.last_percent / 100))
    curves = {"train": (updates, losses)}
    for name, curve in log.valid.items():
        places, values, _ = _sound(curve, "loss")
        curves[name] = (curve.updates[places], values)
    fits = {name: improvement(*curve, begin, last) for name, curve in curves.items()}
    percents = {name: fit for name, fit in fits.items() if fit is not None}
    warm = max((phase.end for phase in found if phase.kind == WARM_UP), default=0)
    if last < rules.min_updates:
        return EARLY, percents
    if begin < warm:
        return WARMING, percents
    if any(spike.back is None for spike in spikes):
        return UNSETTLED, percents
    if "train" not in percents:
        return FEW, percents
    if any(fit.falling(rules.improvement) for fit in percents.values()):
        return FALLING, percents
    return (CONVERGED if percents["train"].converged(rules.improvement) else UNDECIDED), percents


def as_data(judgement: Judgement, log: Log, rules: Rules) -> dict:
    """The verdicts as summary.json holds them."""
    data = asdict(judgement)
    for spike, one in zip(data["spikes"], judgement.spikes):
        spike["rise"] = one.rise
    latest = {"train": _latest(log.train), **{name: _latest(curve) for name, curve in log.valid.items()}}
    return {"rules": asdict(rules), **data, "resumed": log.resumed, "latest": latest}


def _latest(curve: Curve) -> dict[str, float | int | None]:
    row = {name: _or_none(curve.column(name)[-1]) for name in curve.names if name != "num_updates"}
    return {"num_updates": curve.last, **row}


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None  # JSON knows no nan
