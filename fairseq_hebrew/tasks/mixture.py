"""The samples of --mixture: the corpora its file names, read and put together."""

from __future__ import annotations

from collections.abc import Callable

from fairseq_hebrew.data.joined import Joined
from fairseq_hebrew.data.mixture import Mixture
from fairseq_hebrew.data.mixture_file import Corpus, MixtureFile
from fairseq_hebrew.data.samples import Samples
from fairseq_hebrew.stage.errors import at

# (folder of binaries, least tokens of a document) -> its samples of some split; None where no document is as long
Read = Callable[[str, int], Samples | None]


def load_mixture(file: MixtureFile, read: Read, seed: int) -> Mixture:
    """The mixture; raises UserError for a corpus without samples, or too short an epoch."""
    corpora = {corpus.name: load_corpus(file, corpus, read) for corpus in file.corpora}
    shares = file.shares({name: int(samples.sizes.sum()) for name, samples in corpora.items()})
    try:
        return Mixture(corpora, shares, seed, file.epoch_tokens)
    except ValueError as error:
        raise at(file.path, file.epoch_line, str(error), "give a larger epoch_tokens, or leave it out") from error


def load_corpus(file: MixtureFile, corpus: Corpus, read: Read) -> Joined:
    """All folders of a corpus as one; raises UserError when no sample is left."""
    parts = [read(folder, corpus.min_document_tokens) for folder in corpus.folders]
    if all(part is None for part in parts):
        problem = f"{corpus.name} has no document of at least {corpus.min_document_tokens:,} tokens"
        raise at(file.path, corpus.line, problem, "lower min_document_tokens, or leave the corpus out")
    return Joined([part for part in parts if part is not None])
