"""One shard of text to one .bin and .idx file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.output import scratch_folder
from fairseq_hebrew.stage.parallel import ordered_map
from fairseq_hebrew.text.lines import invalid_utf8, line_number
from fairseq_hebrew.text.tokenizer import Tokenizer, open_tokenizer
from fairseq_hebrew.text.vocabulary import Vocabulary

from .chunks import Chunk, Piece, read_chunks
from .encoder import LibraryEncoder, choose
from .indexed import token_dtype, write_index
from .items import ItemMaker, Items, Stream
from .shards import Shard


def binarize_part(
    shard: Shard,
    folder: Path,
    dictionary: Path | None,
    targets: tuple[Path, Path],
    limit: int = 0,
    workers: int = 1,
    encoder: str = "auto",
    progress: Callable[[int], object] = lambda _: None,
) -> dict:
    """Write the `targets` (.bin and .idx) of a shard with the tokenizer in `folder`; counts, and which encoder it was.

    `dictionary` is another dict.txt than the tokenizer's, `limit` the most tokens of a document (0: any number).
    The files are the same for any number of workers and any encoder. Raises UserError for text that is no UTF-8 or
    holds blank lines only.
    """
    vocabulary = Vocabulary(folder, dictionary)
    dtype = token_dtype(len(vocabulary) - 1)
    with scratch_folder(targets[1]) as scratch:
        with open(targets[0], "wb") as tokens, open(scratch / "sizes", "wb") as sizes:
            stream = Stream(shard.pieces, (tokens, sizes), shard.after_blank, shard.file_follows, limit)
            maker = item_maker(vocabulary.tokenizer, folder, vocabulary.table, dtype, limit, shard.pieces, encoder)
            for items in made_items(maker, shard.pieces, folder, workers):
                stream.add(items)
                progress(items.text)
            stream.end(dtype)
        with open(targets[1], "wb") as index:
            write_index(index, scratch / "sizes", dtype)
    if not stream.counts["lines"]:
        raise UserError(f"{shard.pieces[0].path}: holds blank lines only; give the file it should have been")
    return {**stream.counts, "encoder": "huggingface" if maker.slow else "fast"}


def item_maker(
    tokenizer: Tokenizer,
    folder: Path,
    table: np.ndarray,
    dtype: np.dtype,
    limit: int,
    pieces: Sequence[Piece],
    encoder: str,
) -> ItemMaker:
    """What makes items of these pieces' chunks, with the encoder that is wanted and can be used on them."""
    library = LibraryEncoder(tokenizer, table)
    return ItemMaker(choose(folder, library, table, pieces, encoder), library, dtype, limit)


def made_items(maker: ItemMaker, pieces: Sequence[Piece], folder: Path, workers: int) -> Iterator[Items]:
    """The items of the pieces' chunks in order: made in threads, or in processes if the library is what encodes.

    Raises UserError naming file and line for text that is no UTF-8.
    """
    chunks = read_chunks(pieces)
    if workers == 1 or not maker.slow:
        made = ordered_map(maker, chunks, workers, threads=True)
    else:
        arguments = (folder, maker.library.table, maker.dtype, maker.limit)
        made = ordered_map(_make, chunks, workers, _open, arguments)
    for items in made:
        if items.invalid is not None:
            raise _not_utf8(pieces[items.piece].path, items.invalid)
        yield items


def _not_utf8(path: Path, place: int) -> UserError:
    """The error of a file that is no UTF-8 from this byte on."""
    with open(path, "rb") as file:
        file.seek(place)
        return invalid_utf8(path, line_number(path, place), file.read(1)[0])


_maker: ItemMaker | None = None


def _open(folder: Path, table: np.ndarray, dtype: np.dtype, limit: int) -> None:
    global _maker
    library = LibraryEncoder(open_tokenizer(folder), table)
    _maker = ItemMaker(library, library, dtype, limit)


def _make(chunk: Chunk) -> Items:
    return _maker(chunk)
