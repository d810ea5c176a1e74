"""The verdicts on a run as lines to read."""

from __future__ import annotations

from .curves import Curve, Log
from .judgement import (
    CONVERGED,
    EARLY,
    FALLING,
    FEW,
    UNSETTLED,
    WARMING,
    Judgement,
    Rules,
)
from .learning_rate import Phase
from .plateaus import Plateau
from .spikes import Spike

SHOWN = 20  # spikes that are told; summary.json has all
NAMES = {"loss": "loss", "gnorm": "gradient norm"}
LATE = "plateaus end late in such runs: no reason to stop"


def lines(judgement: Judgement, log: Log, rules: Rules) -> list[str]:
    """What the run shows, a fact a line."""
    train = log.train
    told = [
        f"records: {judgement.records:,}, updates {int(train.updates[0]):,} to {train.last:,}",
        state("train", train),
        *(state(name, curve) for name, curve in log.valid.items()),
    ]
    told += [f"resumed: went back from update {before:,} to {after:,}" for before, after in log.resumed]
    told.append(f"learning rate: {rate_words(judgement)}")
    told += [f"not finite: {NAMES[one.signal]} {_span(one.begin, one.end)}" for one in judgement.non_finite]
    told += spike_words(judgement.spikes)
    told += [plateau_words(one) for one in judgement.plateaus] or ["plateaus: none"]
    return [*told, "convergence: " + convergence_words(judgement, rules)]


def state(name: str, curve: Curve) -> str:
    loss = float(curve.column("loss")[-1])
    words = f"{name}: loss {loss:.3f}, perplexity {perplexity(loss):.2f}"
    if "masked_accuracy" in curve:
        words += f", masked accuracy {float(curve.column('masked_accuracy')[-1]):.2f} %"
    if "gnorm" in curve:
        words += f", gradient norm {float(curve.column('gnorm')[-1]):.3g}"
    return f"{words} at update {curve.last:,}"


def perplexity(loss: float) -> float:
    """2 to the loss, as fairseq's losses are base 2; infinite beyond what a float holds."""
    return float("inf") if loss > 1000 else 2.0**loss


def _span(begin: int, end: int) -> str:
    return f"at update {begin:,}" if begin == end else f"from update {begin:,} to {end:,}"


def rate_words(judgement: Judgement) -> str:
    if judgement.last_rate is None:
        return "not in the log"
    told = [", ".join(_phase(phase) for phase in judgement.phases), f"now {judgement.last_rate:.3g}"]
    if judgement.peak_rate:
        told[1] += f", {100 * judgement.last_rate / judgement.peak_rate:.0f} % of the peak"
    return "; ".join(filter(None, told))


def _phase(phase: Phase) -> str:
    return f"{phase.kind} {phase.begin:,} to {phase.end:,}"


def spike_words(spikes: list[Spike]) -> list[str]:
    """A line for each spike, the highest SHOWN of them."""
    if not spikes:
        return ["spikes: none"]
    shown = sorted(sorted(spikes, key=lambda one: -one.z)[:SHOWN], key=lambda one: one.begin)
    told = [spike_line(one) for one in shown]
    if len(spikes) > SHOWN:
        told.append(f"spikes: {len(spikes) - SHOWN} lower ones besides")
    return told


def events(judgement: Judgement) -> dict[tuple, str]:
    """The spikes and plateaus as lines, under keys that stay the same while more records make their numbers finer."""
    told: dict[tuple, str] = {
        ("spike", one.signal, one.peak, one.back is None): spike_line(one) for one in judgement.spikes
    }
    return told | {("plateau", i, one.over): plateau_words(one) for i, one in enumerate(judgement.plateaus)}


def spike_line(spike: Spike) -> str:
    back = f"back at update {spike.back:,}" if spike.back is not None else "not come back so far"
    return (
        f"spike: {NAMES[spike.signal]} {_span(spike.begin, spike.end)}, {spike.before:.3g} to {spike.value:.3g} "
        f"({100 * spike.rise:+.1f} %, z {spike.z:.1f}), {back}"
    )


def plateau_words(plateau: Plateau) -> str:
    way = "rising" if plateau.slope - 2 * plateau.error > 0 else "flat"
    where = f"loss {way} around {plateau.level:.3f}"
    if plateau.over:
        return f"plateau: from update {plateau.begin:,} to {plateau.end:,}, {where}; then the loss fell again"
    return f"plateau: since update {plateau.begin:,}, {where}; {LATE}"


def convergence_words(judgement: Judgement, rules: Rules) -> str:
    """The verdict and its numbers."""
    measured = "; ".join(
        f"{name} perplexity fell by {one.percent:.2f} ± {one.error:.2f} % over updates {one.begin:,} to {one.end:,}"
        for name, one in judgement.improvement.items()
    )
    measured = f" ({measured})" if measured else ""
    verdict = judgement.convergence
    if verdict == EARLY:
        return f"too early to say before update {rules.min_updates:,}{measured}"
    if verdict == WARMING:
        return f"no verdict while the last {rules.last_percent:g} % of the updates reach into the warm-up{measured}"
    if verdict == UNSETTLED:
        return f"no verdict while a spike of the loss is not over{measured}"
    if verdict == FEW:
        return f"too few records in the last {rules.last_percent:g} % of the updates"
    if verdict == FALLING:
        return f"not converged{measured}"
    if verdict != CONVERGED:
        return f"undecided: the noise leaves open whether it is less than {rules.improvement:g} %{measured}"
    return f"converged: less than {rules.improvement:g} %{measured}; {_rate_note(judgement)}"


def _rate_note(judgement: Judgement) -> str:
    """What the learning rate has to say to a curve that has become flat."""
    if judgement.last_rate is None or not judgement.peak_rate:
        return "the log tells no learning rate"
    share = judgement.last_rate / judgement.peak_rate
    words = f"the learning rate is at {100 * share:.3g} % of its peak"
    if share < 0.05:
        return f"{words}, which by itself ends the fall"
    return f"{words}, and a plateau looks the same: {LATE}" if share > 0.5 else words
