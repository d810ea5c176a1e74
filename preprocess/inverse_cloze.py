"""`inverse-cloze`: pairs for retrieval out of plain text, where nobody has asked a question: a sentence is the query,
what stands around it the passage that answers (Lee, Chang and Toutanova 2019, arXiv 1906.00300, section 4).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import recorded, setting
from fairseq_hebrew.stage.output import Outputs
from fairseq_hebrew.stage.progress import Progress

from .binaries.cut import split_sentences
from .documents import LAYOUT_HELP, LAYOUTS, Document, layout_of, read_documents
from .ordering.blocks import nothing_in
from .ordering.order import random_key
from .text_files import text_files

_KEYS = 1 << 64  # that random_key draws from


@dataclass
class Settings:
    input: list[Path] = setting(help="text files or glob patterns", changes_result=False)
    output: Path = setting(help="the pairs, a JSON record a line (.jsonl)", changes_result=False)
    documents: str = setting("auto", LAYOUT_HELP, LAYOUTS)
    passage_words: int = setting(
        150,
        "words of a passage, which ends with a sentence, in its document; the paper took 288 pieces",
        least=2,
    )
    least_query_words: int = setting(4, "words that a sentence needs to be a query", least=1)
    removed: float = setting(0.9, "share of the pairs whose passage lacks the sentence (the paper's: 0.9)", least=0)
    seed: int = setting(1, "the same seed gives the same pairs")

    def __post_init__(self) -> None:
        if self.removed > 1:
            raise UserError(f"removed {self.removed}: a share is from 0 to 1")


def passages(document: Document, words: int) -> Iterator[list[str]]:
    """The sentences of a document, in runs of at most so many words; a longer sentence is a run of its own."""
    held: list[str] = []
    count = 0
    for paragraph in document.paragraphs:
        for sentence in split_sentences(paragraph.decode("utf-8")):
            size = len(sentence.split())
            if held and count + size > words:
                yield held
                held, count = [], 0
            held.append(sentence)
            count += size
    if held:
        yield held


def pair(run: list[str], number: int, settings: Settings) -> dict[str, str] | None:
    """The pair of a passage, its number deciding on the sentence and whether it is removed; None where no sentence can
    be the query, or nothing would be left."""
    able = [i for i, sentence in enumerate(run) if len(sentence.split()) >= settings.least_query_words]
    if not able or len(run) < 2:
        return None
    chosen = able[random_key(settings.seed, 2 * number) % len(able)]
    removed = random_key(settings.seed, 2 * number + 1) < settings.removed * _KEYS
    rest = [sentence for i, sentence in enumerate(run) if i != chosen or not removed]
    return {"query": run[chosen], "positive": " ".join(rest)}


def inverse_cloze(settings: Settings, force: bool = False) -> dict:
    """Run the stage; the manifest. A document is in memory at a time. Raises UserError where no pair can be made."""
    inputs = text_files(settings.input)

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        counts = Counter(documents=0, passages=0, pairs=0, without_a_query=0)
        total = sum(path.stat().st_size for path in inputs)
        with outputs.open(settings.output) as file, Progress("inverse-cloze", total) as progress:
            for path in inputs:
                for document in read_documents(path, layout_of(path, settings.documents)):
                    counts["documents"] += 1
                    for run in passages(document, settings.passage_words):
                        made = pair(run, counts["passages"], settings)
                        counts["passages"] += 1
                        counts["without_a_query" if made is None else "pairs"] += 1
                        if made is not None:
                            file.write((json.dumps(made, ensure_ascii=False) + "\n").encode("utf-8"))
                    progress.add(len(document.text))
        if not counts["documents"]:
            raise nothing_in(inputs)
        if not counts["pairs"]:
            raise UserError(
                f"{inputs[0]}: no passage of it has two sentences, one of them of {settings.least_query_words} words; "
                "give running text, or a lower --least-query-words"
            )
        return [settings.output], dict(counts)

    return run_stage("inverse-cloze", settings.output, inputs, recorded(settings), work, force)


COMMAND = StageCommand(
    "inverse-cloze",
    "Make pairs for retrieval out of plain text: a sentence, and what it stood in.",
    Settings,
    inverse_cloze,
)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
