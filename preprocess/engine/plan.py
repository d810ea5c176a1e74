"""The plan of a corpus: the phases from its input files to binaries, each a list of tasks over shards.

Texts come one an input file up to `dedup`, and `shards` of them from `shuffle` on. The texts of a stage one after the
other are what the command of the stage writes into one file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fairseq_hebrew.text.tokenizer import SentencePiece

from ..bpe.tokenizer_files import NAMES
from ..clean import clean_part, drop_lines_part
from ..cleaning.boilerplate import repeated_lines_part
from ..cleaning.removed import merge_removed
from ..configuration import Configuration, Entry
from ..duplicates.contamination import grams_part
from . import parts
from .backends import Backend
from .plan_documents import Corpus
from .planner import Planner, names
from .tasks import FACTS, WORK, Folder, Phase, Source

DATA = "data"
# Where each training text starts in the whole, in bytes.
STARTS = f"{FACTS}starts.json"


def corpus_plan(configuration: Configuration, sources: Mapping[str, Source], backend: Backend) -> list[Phase]:
    """The phases of a configuration over its sources, by their addresses."""
    whole = _Whole(configuration, sources, backend)
    train = whole.documents(whole.clean())
    whole.binarize(train, whole.train_bpe(train))
    return whole.planner.phases()


class _Whole:
    """The stages before the documents of a corpus are looked at together, and after they are mixed."""

    def __init__(self, configuration: Configuration, sources: Mapping[str, Source], backend: Backend) -> None:
        self.configuration, self.sources = configuration, sources
        self.planner = Planner(backend)

    def clean(self) -> list[list[str]]:
        """The texts of each entry."""
        ways = {False: self._clean_once, True: self._clean_twice}
        return [
            ways[entry.settings.boilerplate_repeats > 0](number, entry)
            for number, entry in enumerate(self.configuration.entries)
        ]

    def _clean_once(self, number: int, entry: Entry) -> list[str]:
        tags = [f"{number:03d}-{name}" for name in names(len(entry.files))]
        texts, removed = [f"text/clean/{tag}.txt" for tag in tags], [f"{WORK}removed/{tag}.jsonl" for tag in tags]
        self._clean_into(entry, texts, removed)
        self._merge_examples(number, entry, removed)
        return texts

    def _clean_twice(self, number: int, entry: Entry) -> list[str]:
        """Lines that repeat over the files of an entry are known when all of them are clean."""
        tags = [f"{number:03d}-{name}" for name in names(len(entry.files))]
        cleaned, keys = ([f"{WORK}{kind}/{tag}" for tag in tags] for kind in ("cleaned", "lines"))
        removed, dropped = ([f"{WORK}{kind}/{tag}.jsonl" for tag in tags] for kind in ("removed", "boilerplate"))
        texts = [f"text/clean/{tag}.txt" for tag in tags]
        repeated = f"{WORK}repeated-lines/{number:03d}"
        self._clean_into(entry, cleaned, removed, keys)
        more_than = entry.settings.boilerplate_repeats
        self.planner.add(
            "repeated-lines",
            repeated_lines_part,
            {"keys": keys},
            {"repeated": repeated},
            ["memory"],
            more_than=more_than,
        )
        for file, text, output, examples in zip(entry.files, cleaned, texts, dropped):
            self.planner.add(
                "boilerplate",
                drop_lines_part,
                {"text": text, "repeated": repeated},
                {"output": output, "removed": examples},
                name=file.name,
                settings=entry.settings,
            )
        self._merge_examples(number, entry, [*removed, *dropped])
        return texts

    def _clean_into(
        self, entry: Entry, texts: Sequence[str], removed: Sequence[str], keys: Sequence[str] | None = None
    ) -> None:
        for number, file in enumerate(entry.files):
            outputs = {"text": texts[number], "removed": removed[number]}
            outputs |= {"keys": keys[number]} if keys else {}
            self.planner.add("clean", clean_part, {"source": self.sources[file]}, outputs, settings=entry.settings)

    def _merge_examples(self, number: int, entry: Entry, removed: Sequence[str]) -> None:
        if most := entry.settings.examples:
            output = f"text/clean-{number:03d}.removed.jsonl"
            self.planner.add("sign", merge_removed, {"parts": removed}, {"output": output}, most=most)

    def documents(self, cleaned: Sequence[Sequence[str]]) -> list[str]:
        """The texts for training, those of a mixture mixed."""
        configuration, evaluations, grams = self.configuration, [], None
        if configuration.against:
            evaluations, grams = [self.sources[file] for file in configuration.against], f"{WORK}grams"
            self.planner.add("clean", grams_part, {"evaluations": evaluations}, {"output": grams})
        corpora, train = [], []
        for name, (entries, splitting) in configuration.corpora().items():
            corpus = Corpus(self.planner, configuration, name, splitting, evaluations, grams)
            texts = [text for number in entries for text in cleaned[number]]
            train.append(corpus.split(*corpus.shuffle(corpus.dedup(texts))))
            corpora.append(corpus)
        texts, sizes = train[0], corpora[0].train_bytes
        if configuration.mix is not None:
            texts, sizes = self._mix(corpora, train)
        # Validation and test are one text each: fairseq reads no shards of them.
        apart = [name for name in configuration.splits if name != "train"]
        pieces = [[piece for corpus in corpora for piece in corpus.apart[name]] for name in apart]
        outputs = {"starts": STARTS, "joined": [_joined(name) for name in apart]}
        self.planner.add("join", parts.join_splits, {"sizes": sizes, "parts": pieces}, outputs)
        return texts

    def _mix(self, corpora: Sequence[Corpus], train: Sequence[Sequence[str]]) -> tuple[list[str], list[str]]:
        """(the mixed texts, the files of their bytes)."""
        settings, shards = self.configuration.mix, self.configuration.shards
        measures = [corpus.facts("measures", shards) for corpus in corpora]
        for texts, files in zip(train, measures):
            for text, output in zip(texts, files):
                self.planner.add("measure", parts.measure_text, {"text": text}, {"output": output}, unit=settings.unit)
        runs, called = f"{FACTS}runs.json", [corpus.name for corpus in corpora]
        inputs = {"texts": train, "sizes": measures}
        # The weights are of dicts in any order; the corpora come in that of the inputs.
        self.planner.add("weigh", parts.weigh_corpora, inputs, {"runs": runs}, names=called, settings=settings)
        mixed = [f"text/mixed/{name}.txt" for name in names(shards)]
        sizes = [f"{FACTS}mixed-bytes/{name}" for name in names(shards)]
        for number, (output, size) in enumerate(zip(mixed, sizes)):
            outputs = {"output": output, "size": size}
            self.planner.add("mix", parts.mix_texts, {**inputs, "runs": runs}, outputs, number=number, of=shards)
        return mixed, sizes

    def train_bpe(self, texts: Sequence[str]) -> Folder:
        settings = self.configuration.train_bpe
        if settings.model != "bpe":
            tokenizer = Folder("tokenizer", (SentencePiece.FILE, "dict.txt"))
            self.planner.add(
                "learn", parts.learn_pieces, {"texts": texts}, {"folder": tokenizer}, ["workers"], settings=settings
            )
            return tokenizer
        tokenizer = Folder("tokenizer", (*NAMES, "dict.txt"))
        words = [f"{WORK}words/{name}" for name in names(len(texts))]
        for number, (text, output) in enumerate(zip(texts, words)):
            inputs, uses = {"text": text, "starts": STARTS}, ["memory", "workers"]
            self.planner.add(
                "count", parts.count_words, inputs, {"counts": output}, uses, number=number, settings=settings
            )
        self.planner.add(
            "learn", parts.learn_merges, {"sources": words}, {"folder": tokenizer}, ["memory"], settings=settings
        )
        return tokenizer

    def binarize(self, texts: Sequence[str], tokenizer: Folder) -> None:
        """`train.bin`, `train1.bin`, ... and one file each of validation and test; dict.txt beside them."""
        settings = self.configuration.binarize
        named = [*((text, "train", number) for number, text in enumerate(texts))]
        named += [(_joined(split), split, 0) for split in self.configuration.splits if split != "train"]
        in_folders = settings.shard_layout == "folders"
        for text, split, number in named:
            name = f"{DATA}/shard{number}/{split}" if in_folders else f"{DATA}/{split}{number or ''}"
            self.planner.add(
                "binarize",
                parts.binarize_text,
                {"text": text, "tokenizer": tokenizer},
                {"tokens": f"{name}.bin", "index": f"{name}.idx"},
                ["workers"],
                limit=settings.max_document_tokens,
                encoder=settings.encoder,
            )
        folders = [f"{DATA}/shard{number}" for number in range(len(texts))] if in_folders else [DATA]
        copies = [f"{folder}/dict.txt" for folder in folders]
        self.planner.add("binarize", parts.copy_dictionary, {"tokenizer": tokenizer}, {"copies": copies})


def _joined(split: str) -> str:
    return f"text/split/{split}.txt"
