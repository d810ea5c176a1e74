"""A small dictionary with words of several pieces, and rows of it."""

import numpy as np

from fairseq_hebrew.data.draws import sample_keys
from fairseq_hebrew.data.masking import Masking, mask_rows
from fairseq_hebrew.text.pieces import pieces_of

BOS, PAD, EOS, UNK = range(4)
STARTS, CONTINUES, SIGNS, FILLERS, MASK = range(4, 44), range(44, 84), range(84, 90), range(90, 100), 100
REPLACEMENTS = np.arange(4, 90)
PIECES = pieces_of(
    [b"", b"", b"", "\ufffd".encode()]
    + [" א".encode() for _ in STARTS]
    + ["ב".encode() for _ in CONTINUES]
    + [b"!" for _ in SIGNS]
    + ["\ufffd".encode() for _ in FILLERS]
    + [b""]
)


def masking(**changes) -> Masking:
    """RoBERTa's, unless something is said."""
    usual = {"specials": (BOS, EOS, PAD), "pad_id": PAD, "mask_id": MASK, "replacements": REPLACEMENTS}
    return Masking(**usual | {"pieces": PIECES} | changes)


def words(rng: np.random.Generator, sizes) -> np.ndarray:
    """A row: `<s>` and words of these many pieces, int64."""
    made = [BOS]
    for size in sizes:
        made += [rng.choice(STARTS), *rng.choice(CONTINUES, size - 1)]
    return np.array(made, dtype=np.int64)


def mixed(rng: np.random.Generator, length: int) -> np.ndarray:
    """A row of `length` tokens: words of 1 to 6 pieces, signs, a special here and there."""
    if length == 0:
        return np.zeros(0, dtype=np.int64)
    kinds = rng.choice(4, length, p=[0.5, 0.35, 0.1, 0.05])
    pools = (STARTS, CONTINUES, SIGNS, (EOS, BOS, UNK))
    return np.array([rng.choice(pools[kind]) for kind in kinds], dtype=np.int64)


def mask(rows, made: Masking, seed=1, epoch=1, indices=None, most=None, documents=None):
    """The masked rows (inputs, targets) of a batch, as two lists of arrays."""
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    keys = sample_keys(seed, epoch, np.arange(len(rows)) if indices is None else indices)
    most = made.most(max(lengths, default=0)) if most is None else most
    flat = np.concatenate(rows) if len(rows) else np.zeros(0, np.int64)
    ends = np.cumsum(lengths)[:-1]
    return [np.split(part, ends) for part in mask_rows(flat, lengths, keys, made, most, documents)]


def masked_rows(row, made: Masking, samples: int, **key) -> tuple[np.ndarray, np.ndarray]:
    """The same row masked as so many samples: inputs and targets, (samples, T)."""
    return tuple(np.stack(part) for part in mask([row] * samples, made, **key))


def near(count, trials, probability, deviations=5) -> bool:
    """Whether a binomial count is within so many standard deviations."""
    return abs(count - trials * probability) < deviations * np.sqrt(trials * probability * (1 - probability))


def even(counts, deviations=5) -> bool:
    """Whether counts are those of an even draw, by the chi-square statistic against its mean and deviation."""
    counts = np.asarray(counts, dtype=float)
    expected, free = counts.mean(), len(counts) - 1
    return abs(((counts - expected) ** 2 / expected).sum() - free) < deviations * np.sqrt(2 * free)
