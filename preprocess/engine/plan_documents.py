"""The phases of the documents of one corpus: which are kept, in what order, and what is set apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .. import split
from ..configuration import Configuration
from ..duplicates.banding import Banding
from ..duplicates.bands import band_part
from ..duplicates.cluster import cluster_part
from ..duplicates.contamination import overlap_part, report_part
from ..duplicates.exact import exact_part
from ..duplicates.paragraphs import paragraph_part, repeated_part
from ..duplicates.signatures import signature_part
from . import parts
from .planner import Planner, names
from .tasks import FACTS, WORK, Source


@dataclass
class Corpus:
    """A corpus of a mixture, or (without a name) the only one. Its methods return the names of the texts they make.

    After `split`, `train_bytes` names the files that hold the bytes of each training text, `apart` the texts of
    validation and test, each in as many pieces.
    """

    planner: Planner
    configuration: Configuration
    name: str | None
    splitting: split.Settings
    evaluations: Sequence[Source] = ()
    grams: str | None = None
    train_bytes: list[str] = field(default_factory=list)
    apart: dict[str, list[str]] = field(default_factory=dict)

    def work(self, kind: str, number: int) -> list[str]:
        """Names of files for later phases."""
        return [self._below(WORK, f"{kind}/{name}") for name in names(number)]

    def facts(self, kind: str, number: int) -> list[str]:
        """Names of small files that stay."""
        return [self.fact(f"{kind}/{name}") for name in names(number)]

    def fact(self, kind: str) -> str:
        return self._below(FACTS, kind)

    def _below(self, folder: str, kind: str) -> str:
        return f"{folder}{self.name}/{kind}" if self.name else f"{folder}{kind}"

    def texts(self, stage: str, number: int, prefix: str = "") -> list[str]:
        """Names of texts that last."""
        folder = f"text/{stage}/{self.name}" if self.name else f"text/{stage}"
        return [f"{folder}/{prefix}{name}.txt" for name in names(number)]

    def dedup(self, texts: Sequence[str]) -> list[str]:
        settings, banding = self.configuration.dedup, self.configuration.banding
        signatures = self.work("signatures", len(texts))
        for text, signed in zip(texts, signatures):
            self.planner.add("sign", signature_part, {"text": text}, {"output": signed}, ["workers"], banding=banding)
        dropped = self._contaminated(texts) if self.grams else []
        alive = self._below(WORK, "alive")
        inputs = {"signatures": signatures, "dropped": dropped}
        self.planner.add("exact", exact_part, inputs, {"output": alive}, ["bytes"])
        kept = self.work("kept", len(texts))
        inputs = {"signatures": signatures, "alive": alive, "pairs": self._pairs(signatures, alive, banding)}
        # Near-duplicates are compared by their texts.
        inputs |= {"texts": texts if banding else []}
        self.planner.add("cluster", cluster_part, inputs, {"outputs": kept}, ["bytes", "workers"], banding=banding)
        keep = parts.filter_text
        if settings.unit == "paragraphs":
            texts, signatures, kept = self._paragraphs(texts, signatures, kept)
            keep = parts.filter_lines
        outputs = self.texts("dedup", len(texts))
        for *files, output, count in zip(texts, signatures, kept, outputs, self.facts("counts", len(texts))):
            inputs = dict(zip(("text", "signatures", "kept"), files))
            self.planner.add("filter", keep, inputs, {"output": output, "count": count})
        return outputs

    def _contaminated(self, texts: Sequence[str]) -> list[str]:
        """Flags of the documents of each text that overlap evaluation data."""
        shared = self.configuration.dedup.against_ngrams
        overlaps, dropped = (self.work(kind, len(texts)) for kind in ("overlaps", "dropped"))
        for text, found, out in zip(texts, overlaps, dropped):
            outputs = {"overlaps": found, "dropped": out}
            self.planner.add(
                "sign", overlap_part, {"text": text, "grams": self.grams}, outputs, ["workers"], shared=shared
            )
        inputs = {"grams": self.grams, "overlaps": overlaps}
        # By their addresses: what is at one may be worked on under another name.
        named = {
            "evaluations": [source.address for source in self.evaluations],
            "names": [Path(text) for text in texts],
        }
        output = {"output": f"text/dedup{f'-{self.name}' if self.name else ''}.txt.against.json"}
        self.planner.add("exact", report_part, inputs, output, **named, shared=shared)
        return dropped

    def _pairs(self, signatures: Sequence[str], alive: str, banding: Banding | None) -> list[str]:
        # A band a partition: each reads one column of the signatures.
        pairs = self.work("pairs", banding.bands if banding else 0)
        for number, output in enumerate(pairs):
            inputs = {"signatures": signatures, "alive": alive}
            division = {"partition": number, "partitions": len(pairs)}
            self.planner.add("bands", band_part, inputs, {"output": output}, ["bytes"], banding=banding, **division)
        return pairs

    def _paragraphs(
        self, texts: Sequence[str], signatures: Sequence[str], kept: Sequence[str]
    ) -> tuple[list[str], list[str], list[str]]:
        """What `filter` is to go on with: texts of the documents that are kept, their lines, those to keep."""
        held, keys, lines = (self.work(kind, len(texts)) for kind in ("held", "paragraphs", "kept-lines"))
        characters = self.configuration.dedup.paragraph_characters
        for *files, output in zip(texts, signatures, kept, held):
            inputs = dict(zip(("text", "signatures", "kept"), files))
            self.planner.add("keep", parts.keep_documents, inputs, {"output": output})
        for text, output in zip(held, keys):
            self.planner.add(
                "paragraphs", paragraph_part, {"text": text}, {"output": output}, ["workers"], characters=characters
            )
        self.planner.add("repeated-paragraphs", repeated_part, {"keys": keys}, {"outputs": lines}, ["bytes"])
        return held, keys, lines

    def shuffle(self, texts: Sequence[str]) -> tuple[list[str], list[str]]:
        """(the shuffled texts, the sizes of their documents)."""
        shards, seed = self.configuration.shards, self.configuration.shuffle.seed
        counts, firsts = self.facts("counts", len(texts)), self.fact("firsts.json")
        self.planner.add("places", parts.place_texts, {"counts": counts}, {"firsts": firsts})
        buckets = [self.work(f"buckets/{source}", shards) for source in names(len(texts))]
        for number, (text, made) in enumerate(zip(texts, buckets)):
            inputs = {"text": text, "firsts": firsts}
            self.planner.add("scatter", parts.scatter_text, inputs, {"buckets": made}, number=number, seed=seed)
        outputs, sizes = self.texts("shuffled", shards), self.facts("sizes", shards)
        for number, (output, size) in enumerate(zip(outputs, sizes)):
            inputs = {"buckets": [made[number] for made in buckets]}
            made = {"output": output, "sizes": size}
            self.planner.add("gather", parts.gather_text, inputs, made, ["memory"], number=number, of=shards)
        return outputs, sizes

    def split(self, texts: Sequence[str], sizes: Sequence[str]) -> list[str]:
        """The texts for training."""
        settings, choice = self.splitting, self.fact("choice.json")
        wanted = {"valid_bytes": settings.valid_bytes, "test_bytes": settings.test_bytes, "seed": settings.seed}
        self.planner.add("choose", parts.choose_documents, {"sizes": sizes}, {"choice": choice}, **wanted)
        train, self.train_bytes = self.texts("split", len(texts), "train-"), self.facts("train-bytes", len(texts))
        self.apart = {name: self.work(name, len(texts)) for name in self.configuration.splits if name != "train"}
        for number, (text, output, size) in enumerate(zip(texts, train, self.train_bytes)):
            outputs = {"size": size, "train": output, **{name: made[number] for name, made in self.apart.items()}}
            self.planner.add("assign", parts.assign_text, {"text": text, "choice": choice}, outputs, number=number)
        return train
