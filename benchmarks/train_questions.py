"""What `make bench-train` asks: which contenders train on which batch, and how much better ours should be."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass

from . import train_equal
from .contenders import CONTENDERS, MODELS, Setting, as_modernbert, padded
from .train_batch import document_lengths, make_batch
from .train_equal import Same
from .train_process import Job, Result, run

PUBLISHED_DROPOUT = 0.1
# How many times as many tokens a second ours should train in whole steps, and the share of a peer's memory it may take.
SPEED = {"fairseq": 1.6, "roberta": 1.6, "padded": 1.5, "modernbert": 1.0}
MEMORY = {"fairseq": 0.7}
VARIANTS = {
    "compiled": {"compiled": True},
    "recomputed": {"options": {"checkpoint_activations": True}},
    "bf16": {"autocast": True},
}


@dataclass(frozen=True)
class Faced:
    """Ours and a peer on the same batch. Goals: the whole step's ratio at least, the memory's share at most."""

    work: str
    peer: str
    ours: Result
    theirs: Result
    goal: float
    memory_goal: float | None

    @property
    def first_ratio(self) -> float:
        """Of forward and backward."""
        return self.theirs.forward_backward / self.ours.forward_backward

    @property
    def ratio(self) -> float:
        return self.theirs.step / self.ours.step

    @property
    def memory(self) -> float:
        return self.ours.peak / self.theirs.peak


@dataclass(frozen=True)
class Varied:
    """Our model run in another way, and as it is run without."""

    model: str
    variant: str
    plain: Result
    found: Result


def interleaved(jobs: dict[str, Job], rounds: int) -> dict[str, Result]:
    """The best of several rounds in each of which every contender runs once: noise hits all alike."""
    best: dict[str, Result] = {}
    for _ in range(rounds):
        for name, job in jobs.items():
            found = run(job)
            best[name] = best[name].merged(found) if name in best else found
    return best


def setting(asked: argparse.Namespace, family: str, dropout: float = 0.0) -> Setting:
    """The family's base model, or of the layers and width that were asked for."""
    layers, width = MODELS[family].family.sizes["base"]
    return Setting(family, asked.layers or layers, asked.width or width, asked.vocab_size, asked.length, dropout)


def job(asked: argparse.Namespace, contender: str, of: Setting, lengths: str = "full") -> Job:
    documents = asked.rows if lengths == "full" else asked.documents
    return Job(contender, of, lengths, documents, asked.length, asked.steps, asked.warm_up, asked.threads)


def against_roberta(asked: argparse.Namespace) -> Iterator[Faced]:
    for dropout in (PUBLISHED_DROPOUT, 0.0):
        of = setting(asked, "hallelubert", dropout)
        found = interleaved({name: job(asked, name, of) for name in ("ours", "fairseq", "roberta")}, asked.rounds)
        for peer in ("fairseq", "roberta"):
            yield _faced(f"HalleluBERT, dropout {dropout:g}", peer, found["ours"], found[peer])


def against_padded(asked: argparse.Namespace) -> Iterator[Faced]:
    for dropout in (PUBLISHED_DROPOUT, 0.0):
        of = setting(asked, "hallelubert", dropout)
        for lengths in ("uniform", "short"):
            jobs = {"ours": job(asked, "ours", of, lengths), "padded": job(asked, "ours", padded(of), lengths)}
            found = interleaved(jobs, asked.rounds)
            work = f"HalleluBERT, {lengths} lengths of documents, dropout {dropout:g}"
            yield _faced(work, "padded", found["ours"], found["padded"])


def against_modernbert(asked: argparse.Namespace) -> Iterator[Faced]:
    of = setting(asked, "neodictabert")
    jobs = {
        "ours": job(asked, "ours", of),
        "same": job(asked, "ours", as_modernbert(of)),
        "modernbert": job(asked, "modernbert", of),
    }
    found = interleaved(jobs, asked.rounds)
    yield _faced("NeoDictaBERT", "modernbert", found["ours"], found["modernbert"])
    yield _faced("our encoder with ModernBERT's norms and head", "modernbert", found["same"], found["modernbert"])


def variants(asked: argparse.Namespace) -> Iterator[Varied]:
    for family, dropout in (("hallelubert", PUBLISHED_DROPOUT), ("neodictabert", 0.0)):
        of = setting(asked, family, dropout)
        jobs = {"plain": job(asked, "ours", of)}
        for name in asked.variants:
            jobs[name] = job(asked, "ours", dataclasses.replace(of, **VARIANTS[name]))
        found = interleaved(jobs, asked.rounds)
        for name in asked.variants:
            yield Varied(f"{family}, dropout {dropout:g}", name, found["plain"], found[name])


def same_work(asked: argparse.Namespace) -> list[Same]:
    """The proof that contenders do the same work, on two documents of which one is padded."""
    lengths = sorted(document_lengths("uniform", 2, asked.length), reverse=True)
    batch = make_batch(lengths, asked.vocab_size)
    proofs = {
        "roberta": (train_equal.equal_to_roberta, "hallelubert"),
        "documents": (train_equal.equal_to_padded, "hallelubert"),
        "modernbert": (train_equal.equal_to_modernbert, "neodictabert"),
    }
    return [
        same
        for question, (proof, family) in proofs.items()
        if question in asked.questions
        for same in proof(setting(asked, family), batch)
    ]


def _faced(work: str, peer: str, ours: Result, theirs: Result) -> Faced:
    label = CONTENDERS[peer].label if peer in CONTENDERS else "itself, padded (sdpa)"
    return Faced(work, label, ours, theirs, SPEED[peer], MEMORY.get(peer))


FACED = {"roberta": against_roberta, "documents": against_padded, "modernbert": against_modernbert}
