"""fairseq's dict.txt: writing it in the published order and mapping tokenizer ids to dictionary ids.

A dictionary has 4 specials that are not in the file (`<s>` 0, `<pad>` 1, `</s>` 2, `<unk>` 3), then line i (from 0)
with id 4 + i; the masked-LM task adds `<mask>` last. A published vocabulary of 52,000 therefore has 52,004 lines
(padded to a multiple of 8 with the specials) and 52,009 embeddings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..stage.errors import UserError, at

SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
BOS, PAD, EOS, UNK = range(4)
MASK = "<mask>"
FILLER = "madeupword"


@dataclass(frozen=True)
class Specials:
    """The tokenizer's ids of `<s> <pad> </s> <unk> <mask>`, whatever it calls them.

    `mask` is None where the tokenizer has no such entry. `rows` counts the embeddings of the model a tokenizer came
    with, which may be more than it has entries; None: it came with none.
    """

    bos: int = BOS
    pad: int = PAD
    eos: int = EOS
    unk: int = UNK
    mask: int | None = None
    rows: int | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """Those there are, in fairseq's order."""
        found = (self.bos, self.pad, self.eos, self.unk)
        return found if self.mask is None else (*found, self.mask)


# Those of a tokenizer that train-bpe wrote.
OWN = Specials()


def dictionary_lines(counts: Sequence[int], specials: Specials = OWN) -> list[str]:
    """The lines of dict.txt for a tokenizer whose id i occurred `counts[i]` times.

    Frequency order, ties by the id's decimal string (as fairseq's Dictionary.finalize), then the ids that never
    occurred in ascending order, then `madeupwordNNNN` until lines + 4 is a multiple of 8.
    """
    special = set(specials.ids)
    ids = [i for i in range(len(counts)) if i not in special]
    seen = sorted((i for i in ids if counts[i] > 0), key=lambda i: (-counts[i], str(i)))
    never = [i for i in ids if counts[i] == 0]
    lines = [f"{i} {int(counts[i])}" for i in seen + never]
    filler = -(len(lines) + len(SPECIALS)) % 8
    return lines + [f"{FILLER}{i:04d} 0" for i in range(filler)]


def read_symbols(path: Path) -> list[str]:
    """The symbols of a dict.txt in order, without the 4 specials."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file; write it with `fairseq-hebrew train-bpe`") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: not UTF-8 text; write it again with `fairseq-hebrew train-bpe`") from None
    symbols, seen = [], set()
    for number, line in enumerate(lines, start=1):
        symbol, blank, count = line.rpartition(" ")
        if not blank or not count.isdigit():
            raise at(path, number, f"expected `symbol count`, found {line[:60]!r}", "write it again with train-bpe")
        if symbol in seen:
            raise at(path, number, f"symbol {symbol!r} stands twice", "write it again with train-bpe")
        seen.add(symbol)
        symbols.append(symbol)
    if not symbols:
        raise UserError(f"{path}: the dictionary is empty; write it again with `fairseq-hebrew train-bpe`")
    return symbols


def to_dictionary(symbols: Sequence[str], size: int, path: Path, specials: Specials = OWN) -> np.ndarray:
    """An int32 table from tokenizer id (`size` of them) to dictionary id; a missing id maps to `<unk>`.

    Raises UserError when the dictionary names ids the tokenizer does not have: it belongs to another tokenizer. Those
    past its entries, up to the rows of the model it came with, are rows that no text reaches.
    """
    table = np.full(size, UNK, dtype=np.int32)
    table[[specials.bos, specials.pad, specials.eos, specials.unk]] = range(len(SPECIALS))
    if specials.mask is not None:
        table[specials.mask] = len(SPECIALS) + len(symbols)
    special, most = set(specials.ids), max(size, specials.rows or 0)
    for line, symbol in enumerate(symbols, start=1):
        if symbol.startswith(FILLER):
            continue
        number = int(symbol) if symbol.isdecimal() and str(int(symbol)) == symbol else None
        if number is None or number >= most or number in special:
            raise at(
                path, line, f"{symbol!r} is no id of this tokenizer ({most} entries)", "use the dict.txt made with it"
            )
        if number < size:
            table[number] = len(SPECIALS) + line - 1
    return table
