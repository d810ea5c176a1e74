"""`--dict from-corpus`: dict.txt in the order of the corpus, as fairseq-preprocess makes it without --srcdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.manifest import run_stage
from fairseq_hebrew.stage.output import Outputs
from fairseq_hebrew.stage.progress import Progress
from fairseq_hebrew.text.dictionary import dictionary_lines
from fairseq_hebrew.text.tokenizer import model_files, open_tokenizer

from .part import item_maker, made_items
from .shards import Shard, one_shard

FROM_CORPUS = "from-corpus"


def count_part(
    shard: Shard,
    folder: Path,
    limit: int = 0,
    workers: int = 1,
    encoder: str = "auto",
    progress: Callable[[int], object] = lambda _: None,
) -> np.ndarray:
    """int64 (entries,): how often each id of the tokenizer in `folder` occurs in the items of a shard.

    The counts of several shards add up to those of the whole. The arguments are those of `binarize_part`.
    """
    tokenizer = open_tokenizer(folder)
    table = np.arange(tokenizer.size, dtype=np.int32)
    maker = item_maker(tokenizer, folder, table, np.dtype(np.int32), limit, shard.pieces, encoder)
    counts = np.zeros(tokenizer.size, np.int64)
    for items in made_items(maker, shard.pieces, folder, workers):
        counts += np.bincount(items.tokens, minlength=len(counts))
        progress(items.text)
    counts[list(tokenizer.specials.ids)] = 0
    return counts


def dictionary_from_corpus(
    inputs: Sequence[Path],
    folder: Path,
    target: Path,
    shared: bool,
    limit: int,
    workers: int,
    encoder: str,
    force: bool,
) -> Path:
    """Run the stage that counts the inputs and writes dict.txt to `target`, which it returns.

    Raises UserError when another dict.txt stands there and is `shared` by other splits.
    """

    def work(outputs: Outputs) -> tuple[list[Path], dict]:
        with Progress("binarize: dict.txt", sum(path.stat().st_size for path in inputs)) as progress:
            counts = count_part(one_shard(inputs)[0], folder, limit, workers, encoder, progress.add)
        lines = dictionary_lines(counts, open_tokenizer(folder).specials)
        content = ("\n".join(lines) + "\n").encode("utf-8")
        if shared and target.exists() and target.read_bytes() != content:
            raise UserError(
                f"{target}: other splits have this dictionary, and this text would give another; "
                f"choose a new --output folder, or give --dict {target}"
            )
        with outputs.open(target) as file:
            file.write(content)
        return [target], {"dictionary_lines": len(lines), "tokens": int(counts.sum())}

    files = [*inputs, *model_files(folder)]
    run_stage("count", target.with_suffix(""), files, {"max_document_tokens": limit}, work, force)
    return target
