"""Training tokenizers: the four files agree, and the merges are those of Hugging Face's own trainers."""

import json
from collections import Counter

import pytest

from fairseq_hebrew.preprocess import train_bpe as module
from fairseq_hebrew.preprocess.train_bpe import Settings, train_bpe
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.text.dictionary import SPECIALS, dictionary_lines
from fairseq_hebrew.text.tokenizer import open_tokenizer

MODELS = ["bpe", "sentencepiece-bpe", "sentencepiece-unigram"]


@pytest.fixture(scope="module")
def text(tmp_path_factory, documents):
    """A text with trailing blanks, empty lines, lines of blanks, CRLF, niqqud, emoji, no last line end."""
    path = tmp_path_factory.mktemp("text") / "text.txt"
    content = ""
    for number, lines in enumerate(documents(500, seed=3)):
        end = ["\n", "  \n", "\r\n", " \r\n", "\t\n"][number % 5]
        content += end.join(lines) + end + ["\n", "\n\n", " \n", "\r\n", "   \n"][number % 5]
    content += "שָׁלוֹם 😀 <s> </s> " * 20 + "\nהסוף  "
    path.write_bytes(content.encode())
    return path


def merges(folder):
    saved = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    return [tuple(merge) for merge in saved["model"]["merges"]]


def test_the_four_files_agree(tmp_path, text):
    manifest = train_bpe(Settings(input=[text], output=tmp_path, vocab_size=600))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"tokenizer.json", "vocab.json", "merges.txt", "dict.txt", "tokenizer.manifest.json"}
    saved = json.loads((tmp_path / "tokenizer.json").read_text(encoding="utf-8"))
    vocabulary = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    assert vocabulary == saved["model"]["vocab"] and len(vocabulary) == 604
    assert sorted(vocabulary.values()) == list(range(604))
    assert [name for name, i in sorted(vocabulary.items(), key=lambda item: item[1])[:4]] == list(SPECIALS)
    first, *lines = (tmp_path / "merges.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
    assert first == "#version: 0.2" and [tuple(line.split(" ")) for line in lines] == merges(tmp_path)
    assert len(lines) == 600 - 256
    counts = manifest["counts"]
    assert counts["entries"] == 600 and counts["dictionary_lines"] == 604 and counts["embeddings_with_mask"] == 609


@pytest.mark.parametrize("workers", [1, 3])
def test_the_dictionary_holds_the_counts_of_the_training_text(tmp_path, text, workers):
    train_bpe(Settings(input=[text], output=tmp_path, vocab_size=600, workers=workers))
    tokenizer = open_tokenizer(tmp_path)
    counts = Counter()
    for line in text.read_bytes().decode().split("\n"):
        counts.update(tokenizer.encode_batch([line.strip()])[0])
    wanted = dictionary_lines([counts[i] for i in range(604)])
    assert (tmp_path / "dict.txt").read_text().splitlines() == wanted
    assert wanted[-4:] == [f"madeupword000{i} 0" for i in range(4)]


def test_stripped_lines_give_the_merges_of_train_from_iterator(tmp_path, text):
    from tokenizers import ByteLevelBPETokenizer

    train_bpe(Settings(input=[text], output=tmp_path, vocab_size=700))
    reference = ByteLevelBPETokenizer()
    lines = [line.strip() for line in text.read_bytes().decode().split("\n")]
    reference.train_from_iterator(lines, 704, 2, show_progress=False, special_tokens=list(SPECIALS))
    reference.save_model(str(tmp_path), "reference")
    assert (tmp_path / "merges.txt").read_text() == (tmp_path / "reference-merges.txt").read_text()
    assert json.loads((tmp_path / "vocab.json").read_text()) == reference.get_vocab()


def test_kept_line_ends_give_the_merges_of_training_from_files(tmp_path, text):
    from tokenizers import ByteLevelBPETokenizer

    train_bpe(Settings(input=[text], output=tmp_path, vocab_size=700, keep_line_ends=True))
    reference = ByteLevelBPETokenizer()
    reference.train([str(text)], 704, 2, show_progress=False, special_tokens=list(SPECIALS))
    reference.save_model(str(tmp_path), "reference")
    assert (tmp_path / "merges.txt").read_text() == (tmp_path / "reference-merges.txt").read_text()
    assert json.loads((tmp_path / "vocab.json").read_text()) == reference.get_vocab()
    assert any("Ċ" in left + right for left, right in merges(tmp_path)), "merges with line ends"


def test_other_libraries_read_the_same_tokenizer(tmp_path, text):
    from tokenizers import ByteLevelBPETokenizer, Tokenizer

    transformers = pytest.importorskip("transformers")
    train_bpe(Settings(input=[text], output=tmp_path, vocab_size=600))
    ours = open_tokenizer(tmp_path)
    others = [
        Tokenizer.from_file(str(tmp_path / "tokenizer.json")).encode,
        ByteLevelBPETokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt")).encode,
    ]
    fast = transformers.PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json"))
    for line in ["שלום עולם", "  רווחים  ", "שָׁלוֹם 😀 abc 123", "צה\"ל ג'ירפה", ""]:
        ids = list(ours.encode_batch([line])[0])
        assert [other(line).ids for other in others] == [ids, ids]
        assert fast.encode(line, add_special_tokens=False) == ids


@pytest.mark.parametrize("model", MODELS)
def test_the_same_bytes_for_any_number_of_workers(tmp_path, text, model):
    files = []
    for workers in (1, 2, 3):
        folder = tmp_path / str(workers)
        train_bpe(Settings(input=[text], output=folder, vocab_size=350, model=model, workers=workers))
        files.append({p.name: p.read_bytes() for p in folder.iterdir() if "manifest" not in p.name})
    assert files[0] == files[1] == files[2]
    assert len(files[0]) == (4 if model == "bpe" else 2)


def test_a_sample_is_smaller_seeded_and_whole_lines(tmp_path, text, monkeypatch):
    lines = {line.strip() for line in text.read_bytes().decode().split("\n")}
    settings = Settings(input=[text], output=tmp_path, vocab_size=300)
    monkeypatch.setattr(module, "MOST_BYTES", 1 << 60)

    class Quiet:
        def add(self, amount):
            pass

    def sample(seed, megabytes):
        settings.seed, settings.sample_megabytes = seed, megabytes
        return list(module.sampled_lines([text], settings, Quiet()))

    size = text.stat().st_size / 1e6
    whole, half, other = sample(1, 1), sample(1, size / 2), sample(2, size / 2)
    assert set(whole) == lines - {""}
    assert 0.4 < len(half) / len(whole) < 0.6 and half != other and set(half) <= lines


@pytest.mark.parametrize("model", MODELS)
def test_a_text_that_is_too_small_is_a_clear_line(tmp_path, model):
    source = tmp_path / "a.txt"
    source.write_text("שלום עולם\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"a\.txt") as error:
        train_bpe(Settings(input=[source], output=tmp_path / "out", vocab_size=5000, model=model))
    assert "smaller --vocab-size" in str(error.value) and "\n" not in str(error.value)
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("model", MODELS)
def test_invalid_utf8_names_the_line_whichever_trainer_reads(tmp_path, refused, model):
    source = tmp_path / "a.txt"
    source.write_bytes(b"abc def\n" * 100 + b"\xff\n")
    said = refused("train-bpe", "--input", source, "--output", tmp_path / "o", "--vocab-size", "300", "--model", model)
    assert "a.txt:101: invalid UTF-8 (byte 0xff)" in said


def test_more_than_the_trainer_can_count_is_refused(tmp_path, refused, text):
    def said(*options):
        return refused("train-bpe", "--input", text, "--output", tmp_path / "o", *options, status=2)

    assert "overflow" in said("--vocab-size", "300", "--sample-megabytes", "20001")
    assert "at least 256" in said("--vocab-size", "255")


def test_a_huge_file_of_one_line_documents_is_read_line_by_line(tmp_path, monkeypatch, documents):
    from fairseq_hebrew.preprocess import documents as reader

    monkeypatch.setattr(reader, "BLOCK", 1000)
    monkeypatch.setattr(reader, "LONGEST", 5000)
    source = tmp_path / "a.txt"
    source.write_text("\n".join(line for made in documents(500, seed=4) for line in made), encoding="utf-8")
    train_bpe(Settings(input=[source], output=tmp_path / "o", vocab_size=400))
