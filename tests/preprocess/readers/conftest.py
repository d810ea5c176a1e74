"""What the tests of the readers share."""

import pytest

from fairseq_hebrew.preprocess.readers import Source, open_documents


@pytest.fixture
def read():
    """A function that reads a source to its end: read(address, **options) gives (documents, source)."""

    def run(address, **options):
        source = Source(address, **options)
        return list(open_documents(source)), source

    return run


@pytest.fixture
def texts(read):
    """A function that gives the texts of a source's documents."""

    def run(address, **options):
        return [document.text.decode() for document in read(address, **options)[0]]

    return run
