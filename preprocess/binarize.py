"""`binarize`: text straight to fairseq's memory-mapped format, byte for byte what fairseq-preprocess would write."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.command import StageCommand
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.options import expand, recorded, setting
from fairseq_hebrew.stage.output import Outputs, scratch_folder
from fairseq_hebrew.stage.parallel import ordered_map
from fairseq_hebrew.stage.progress import Progress
from fairseq_hebrew.text.dictionary import EOS, SPECIALS, UNK
from fairseq_hebrew.text.lines import read_lines
from fairseq_hebrew.text.tokenizer import model_file
from fairseq_hebrew.text.vocabulary import Vocabulary

from .cut import short_enough
from .documents import WHITE
from .indexed import token_dtype, write_index

# Bytes of text handed to a worker at a time.
CHUNK = 1 << 20


@dataclass
class Settings:
    input: list[Path] = setting(help="text files or glob patterns, joined in this order", changes_result=False)
    tokenizer: Path = setting(help="folder written by train-bpe", changes_result=False)
    output: Path = setting(help="data folder for fairseq-train: SPLIT.bin, SPLIT.idx, dict.txt", changes_result=False)
    split: str = setting("train", "name of the files: train, valid, test, or train1, train2... for shards")
    dict: Path = setting(None, "another dict.txt than the tokenizer's", changes_result=False)
    max_document_tokens: int = setting(
        0, "cut longer documents at the end of a paragraph, then of a sentence; 0: never"
    )
    workers: int = setting(1, "processes; the output is the same for any number", changes_result=False, least=1)

    def __post_init__(self) -> None:
        if self.max_document_tokens < 0 or 0 < self.max_document_tokens < 8:
            raise UserError(f"--max-document-tokens {self.max_document_tokens}: 0 (never) or at least 8")
        if not re.fullmatch(r"[A-Za-z0-9_.-]+", self.split):
            raise UserError(f"--split {self.split!r}: a name of letters, digits, '_', '-' and '.'")


@dataclass
class Chunk:
    """Lines, the bytes of text they come from, and whether they go on with the document of the chunk before."""

    lines: list[str]
    size: int
    continues: bool


@dataclass
class Encoded:
    """A chunk as fairseq stores it: item sizes int32 (N,), their tokens back to back, and what was counted."""

    sizes: np.ndarray
    tokens: bytes
    unknown: int
    text: int  # bytes of text


_vocabulary: Vocabulary | None = None
_limit = 0


def _open(folder: Path, dictionary: Path | None, limit: int) -> None:
    global _vocabulary, _limit
    _vocabulary, _limit = Vocabulary(folder, dictionary), limit


def _encode(chunk: Chunk) -> Encoded:
    texts = short_enough(chunk.lines, _limit, _vocabulary) if _limit else chunk.lines
    sizes: list[int] = []
    tokens: list[np.ndarray] = []
    end = np.array([EOS], dtype=np.int32)
    # A document of several chunks is cut between them: what the ones before hold is not known here.
    document = _limit if chunk.continues else 0
    # A blank line is an empty text: it becomes a lone </s>, which ends a document.
    for ids in _vocabulary.encode_batch(texts):
        if _limit and document and len(ids) and document + len(ids) + 1 > _limit:
            tokens.append(end)
            sizes.append(1)
            document = 0
        document = document + len(ids) + 1 if len(ids) else 0
        tokens += [ids, end]
        sizes.append(len(ids) + 1)
    joined = np.concatenate(tokens)
    stored = joined.astype(token_dtype(len(_vocabulary) - 1)).tobytes()
    return Encoded(np.array(sizes, np.int32), stored, int((joined == UNK).sum()), chunk.size)


def read_chunks(inputs: list[Path]) -> Iterator[Chunk]:
    """Chunks of about CHUNK bytes that end after a blank line where there is one.

    Blank lines are empty strings; a run of them counts as one, also across files and at the start of a file. A file
    that has blank lines ends its last document, whether or not a blank line stands there.
    """
    lines: list[str] = []
    size, has_blank, after_blank, continues = 0, False, True, False
    for path in inputs:
        if has_blank and not after_blank:
            lines.append("")
            after_blank = True
        has_blank = False
        for line, length in read_lines(path):
            size += length
            blank = not line.strip(WHITE)
            has_blank |= blank
            if blank and after_blank:
                continue
            after_blank = blank
            lines.append("" if blank else line.rstrip("\r\n"))
            # Far past the size a chunk ends anywhere: a file of one-line documents has no blank lines.
            if size >= CHUNK and (blank or size >= 4 * CHUNK):
                yield Chunk(lines, size, continues)
                lines, size, continues = [], 0, not blank
    if lines:
        yield Chunk(lines, size, continues)


def binarize(settings: Settings, force: bool = False) -> dict:
    """Run the stage; the manifest.

    A line becomes its ids and `</s>`, a blank line a lone `</s>`. The output equals that of
    `fairseq-preprocess --only-source --srcdict dict.txt --workers 1` on the ids written as decimal strings.
    """
    inputs = expand(settings.input)
    vocabulary = Vocabulary(settings.tokenizer, settings.dict)
    # The dictionary in the data folder must be one for all its splits.
    copy = settings.output / "dict.txt"
    content = vocabulary.dictionary_path.read_bytes()
    if copy.exists() and copy.read_bytes() != content and _other_splits(settings):
        raise UserError(f"{copy}: another dictionary than {vocabulary.dictionary_path}; choose a new --output folder")

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        finals = [settings.output / f"{settings.split}{ending}" for ending in (".bin", ".idx")]
        counts = {"documents": 0, "lines": 0, "tokens": 0, "unknown": 0, "text_bytes": 0}
        total = sum(path.stat().st_size for path in inputs)
        dtype = token_dtype(len(vocabulary) - 1)
        with (
            scratch_folder(finals[0]) as scratch,
            outputs.open(finals[0]) as tokens,
            Progress(f"binarize {settings.split}", total) as progress,
        ):
            with open(scratch / "sizes", "wb") as sizes:
                arguments = (settings.tokenizer, settings.dict, settings.max_document_tokens)
                for part in ordered_map(_encode, read_chunks(inputs), settings.workers, _open, arguments):
                    tokens.write(part.tokens)
                    sizes.write(part.sizes.tobytes())
                    alone = int((part.sizes == 1).sum())
                    counts["documents"] += alone
                    counts["lines"] += len(part.sizes) - alone
                    counts["tokens"] += len(part.tokens) // dtype.itemsize
                    counts["unknown"] += part.unknown
                    counts["text_bytes"] += part.text
                    progress.add(part.text)
            with outputs.open(finals[1]) as index:
                write_index(index, scratch / "sizes", dtype)
            if not counts["lines"]:
                raise UserError(f"{inputs[0]}: holds blank lines only; give the file it should have been")
            if not copy.exists() or copy.read_bytes() != content:
                # Not through `outputs`: splits that are binarized at the same time share this file.
                (scratch / "dict.txt").write_bytes(content)
                os.replace(scratch / "dict.txt", copy)
        return [*finals, copy], {**counts, "dtype": dtype.name, "symbols": len(vocabulary) - 1}

    settings_recorded = {**recorded(settings), "dictionary": vocabulary.fingerprint, "specials": list(SPECIALS)}
    files = [*inputs, model_file(settings.tokenizer)]
    return run_stage("binarize", settings.output / settings.split, files, settings_recorded, work, force)


def _other_splits(settings: Settings) -> bool:
    return any(path.stem != settings.split for path in settings.output.glob("*.idx"))


COMMAND = StageCommand("binarize", "Write text as fairseq's .bin and .idx files.", Settings, binarize)

if __name__ == "__main__":
    raise SystemExit(COMMAND.main())
