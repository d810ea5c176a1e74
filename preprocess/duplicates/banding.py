"""How near-duplicates are looked for: the settings of MinHash with banding, and what it finds in theory."""

from __future__ import annotations

from dataclasses import dataclass

from fairseq_hebrew.stage.errors import UsageError

# Values of a MinHash signature (`BINS` of gram_kernels.py, which is not imported here: numba takes its time).
VALUES = 128
# Words of a gram at most: of longer ones hardly a document has two.
LONGEST_GRAM = 1000
# The banding that is chosen finds this share of the pairs that are just at the threshold.
WANTED_RECALL = 0.99
# Jaccard values the theoretical recall is recorded for.
SHOWN = (0.5, 0.6, 0.7, 0.8, 0.9)


@dataclass(frozen=True)
class Banding:
    """Two documents are candidates when all `rows` values of any of `bands` bands of their signatures are equal."""

    threshold: float  # the least Jaccard of a near-duplicate
    ngram: int  # words in a gram
    bands: int
    rows: int

    def recall(self, jaccard: float) -> float:
        """The chance that a pair of this Jaccard becomes a candidate: 1 - (1 - J^rows)^bands."""
        return 1 - (1 - jaccard**self.rows) ** self.bands

    def told(self) -> dict[str, float]:
        """Theoretical recall at the threshold and at some other values, for the manifest."""
        values = sorted({self.threshold, *SHOWN})
        return {f"{value:g}": round(self.recall(value), 4) for value in values}


def choose_banding(threshold: float, ngram: int, bands: int = 0, rows: int = 0) -> Banding:
    """The banding of a threshold: the longest bands that still find WANTED_RECALL of the pairs that just reach it.

    Longer bands make fewer candidates that must be verified in vain. `bands` and `rows` override it, 0 chooses.
    """
    if not 0 < threshold <= 1:
        raise UsageError(f"--near-threshold {threshold}: a Jaccard above 0 and up to 1 is needed")
    if not 1 <= ngram <= LONGEST_GRAM:
        raise UsageError(f"--near-ngram {ngram}: 1 to {LONGEST_GRAM} words")
    if not rows:
        made = [Banding(threshold, ngram, min(bands or VALUES, VALUES // n), n) for n in range(VALUES, 0, -1)]
        found = next((one for one in made if one.recall(threshold) >= WANTED_RECALL), made[-1])
        rows = found.rows
    bands = bands or VALUES // rows
    if bands * rows > VALUES or not bands:
        raise UsageError(f"--bands {bands} of --rows {rows}: a signature has {VALUES} values")
    return Banding(threshold, ngram, bands, rows)
