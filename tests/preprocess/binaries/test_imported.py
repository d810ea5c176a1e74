"""Binarizing with tokenizers of another origin: the same bytes for any number of workers, and text comes back."""

import pytest

from fairseq_hebrew.hub.import_vocabulary import import_vocabulary
from fairseq_hebrew.preprocess.binarize import Settings, binarize
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.output import Outputs
from fairseq_hebrew.text.vocabulary import Vocabulary
from tests.preprocess.test_binarize import items_of, plain_lines
from tests.text.foreign import KINDS, TEXTS, demo_lines, model_folder

FILES = ("train.bin", "train.idx", "dict.txt")
# Which of them are nothing but a byte-level BPE.
FAST = ("roberta", "roberta-files")


@pytest.fixture(scope="module", params=KINDS)
def vocabulary(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("imported")
    model_folder(folder / "model", request.param)
    with Outputs() as outputs:
        import_vocabulary(folder / "model", 1000).write(outputs, folder / request.param)
    return Vocabulary(folder / request.param)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    """More than one chunk of text, with what is hostile among it."""
    path = tmp_path_factory.mktemp("text") / "a.txt"
    hostile = [line.replace("\u2028", " ") for line in TEXTS]
    path.write_text("\n".join([*demo_lines(), *hostile] * 5) + "\n\nסוף", encoding="utf-8")
    return path


def made(output, **settings):
    counts = binarize(Settings(output=output, **settings), force=True)["counts"]
    return counts, tuple((output / name).read_bytes() for name in FILES)


def test_one_worker_and_several_make_the_same_bytes(vocabulary, text, tmp_path, command, monkeypatch):
    given = {"input": [text], "tokenizer": vocabulary.folder}
    counts, first = made(tmp_path / "o", **given)
    assert counts["encoder"] == ("fast" if vocabulary.folder.name in FAST else "huggingface")
    assert counts["symbols"] == 999 and counts["dtype"] == "uint16"
    assert made(tmp_path / "o", **given, encoder="huggingface", workers=2)[1] == first
    monkeypatch.setattr("fairseq_hebrew.preprocess.binaries.chunks.CHUNK", 30_000)
    assert made(tmp_path / "o", **given)[1] == first
    done = command(
        "binarize", "--input", text, "--tokenizer", vocabulary.folder, "--output", tmp_path / "c", "--workers", 3
    )
    assert done.returncode == 0, done.stderr
    assert tuple((tmp_path / "c" / name).read_bytes() for name in FILES) == first


def test_items_are_the_ids_of_the_lines(vocabulary, text, tmp_path):
    counts, _ = made(tmp_path / "o", input=[text], tokenizer=vocabulary.folder)
    lines = plain_lines(text.read_text(encoding="utf-8"))
    encoded = [ids.tolist() for ids in vocabulary.encode_batch(lines)]
    assert items_of(tmp_path / "o") == [[*ids, 2] for ids in encoded]
    assert counts["unknown"] == sum(ids.count(3) for ids in encoded)
    assert not {0, 1, 2, vocabulary.mask} & {i for ids in encoded for i in ids}


@pytest.mark.parametrize("limit", [8, 100])
def test_long_documents_are_cut(vocabulary, text, tmp_path, limit):
    made(tmp_path / "o", input=[text], tokenizer=vocabulary.folder, max_document_tokens=limit)
    items, lengths = items_of(tmp_path / "o"), [0]
    for item in items:
        lengths.append(0 if len(item) == 1 else lengths[-1] + len(item))
    assert max(lengths) <= limit


def test_a_dictionary_counted_from_the_corpus(vocabulary, text, tmp_path):
    given = {"input": [text], "tokenizer": vocabulary.folder, "dict": "from-corpus"}
    _, first = made(tmp_path / "o", **given)
    assert made(tmp_path / "p", **given, workers=2)[1] == first
    own = Vocabulary(vocabulary.folder, tmp_path / "o" / "dict.txt")
    special = vocabulary.tokenizer.specials.ids
    assert not {str(i) for i in special} & set(own.symbols) and len(own) % 8 == 1
    lines = demo_lines()
    for ours, theirs in zip(own.encode_batch(lines), vocabulary.encode_batch(lines), strict=True):
        assert own.decode(ours) == vocabulary.decode(theirs)


def test_a_changed_map_of_specials_is_another_tokenizer(tmp_path, text):
    model_folder(tmp_path / "model", "wordpiece")
    with Outputs() as outputs:
        import_vocabulary(tmp_path / "model", 799).write(outputs, tmp_path / "t")
    settings = Settings(input=[text], tokenizer=tmp_path / "t", output=tmp_path / "o")
    inputs = binarize(settings)["inputs"]
    assert {"tokenizer.json", "specials.json"} <= {record["path"].rpartition("/")[2] for record in inputs}
    (tmp_path / "t" / "specials.json").write_text("{}")
    with pytest.raises(UserError, match=r"specials\.json: has "):
        binarize(settings)


def test_the_fast_encoder_is_refused_where_it_cannot_be(vocabulary, text, tmp_path):
    settings = Settings(input=[text], tokenizer=vocabulary.folder, output=tmp_path / "o", encoder="fast")
    if vocabulary.folder.name in FAST:
        assert binarize(settings)["counts"]["encoder"] == "fast"
        return
    with pytest.raises(UserError, match=r"tokenizer\.json: --encoder fast cannot be used: it"):
        binarize(settings)
