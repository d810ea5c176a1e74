"""Training tokenizers: the four files agree, and the merges are those of Hugging Face's own trainers."""

import json
import random
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from fairseq_hebrew.preprocess.bpe.presets import PRESETS
from fairseq_hebrew.preprocess.train_bpe import Settings, train_bpe
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.options import from_mapping
from fairseq_hebrew.text.dictionary import SPECIALS, dictionary_lines
from fairseq_hebrew.text.pretokenize import KINDS
from fairseq_hebrew.text.tokenizer import ByteLevelBPE, SentencePiece, open_tokenizer
from tests.preprocess.bpe.samples import REAL, hostile, train_huggingface

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


def test_the_tokenizer_of_another_model_takes_the_place_of_the_first(tmp_path, text):
    """A folder with both would be opened as the one that is looked for first, whatever its dict.txt is of."""
    kinds = {"bpe": ByteLevelBPE, "sentencepiece-unigram": SentencePiece}
    for model in ("bpe", "sentencepiece-unigram", "bpe"):
        manifest = train_bpe(Settings(input=[text], output=tmp_path, vocab_size=350, model=model))
        assert isinstance(open_tokenizer(tmp_path), kinds[model])
        made = {record["path"] for record in manifest["outputs"]}
        assert {path.name for path in tmp_path.iterdir()} == {*made, "tokenizer.manifest.json"}


@pytest.fixture(scope="module")
def sources(tmp_path_factory, text):
    """Several files: the text, one with line and paragraph separators inside lines, one of empty lines, one line."""
    folder = tmp_path_factory.mktemp("sources")
    for name, content in (("b", hostile(11, 800)), ("c", "\n\r\n\n"), ("d", "שורה אחת\u2028 ועוד\u0085 סוף ")):
        (folder / f"{name}.txt").write_bytes(content.encode())
    return [text, *sorted(folder.iterdir())]


def test_stripped_lines_give_the_merges_of_train_from_iterator(tmp_path, sources):
    from tokenizers import ByteLevelBPETokenizer

    train_bpe(Settings(input=sources, output=tmp_path, vocab_size=1200))
    reference = ByteLevelBPETokenizer()
    lines = [line.strip() for path in sources for line in path.read_bytes().decode().split("\n")]
    reference.train_from_iterator(lines, 1204, 2, show_progress=False, special_tokens=list(SPECIALS))
    reference.save_model(str(tmp_path), "reference")
    assert (tmp_path / "merges.txt").read_text() == (tmp_path / "reference-merges.txt").read_text()
    assert json.loads((tmp_path / "vocab.json").read_text()) == reference.get_vocab()


def test_kept_line_ends_give_the_merges_of_training_from_files(tmp_path, sources):
    from tokenizers import ByteLevelBPETokenizer

    train_bpe(Settings(input=sources, output=tmp_path, vocab_size=1200, keep_line_ends=True))
    reference = ByteLevelBPETokenizer()
    reference.train([str(path) for path in sources], 1204, 2, show_progress=False, special_tokens=list(SPECIALS))
    reference.save_model(str(tmp_path), "reference")
    assert (tmp_path / "merges.txt").read_text() == (tmp_path / "reference-merges.txt").read_text()
    assert json.loads((tmp_path / "vocab.json").read_text()) == reference.get_vocab()
    assert any("Ċ" in left + right for left, right in merges(tmp_path)), "merges with line ends"


@pytest.mark.parametrize("kind", KINDS)
def test_other_libraries_read_the_same_tokenizer(tmp_path, text, kind):
    from tokenizers import ByteLevelBPETokenizer, Tokenizer

    transformers = pytest.importorskip("transformers")
    train_bpe(Settings(input=[text], output=tmp_path, vocab_size=600, pre_tokenizer=kind))
    ours = open_tokenizer(tmp_path)
    others = [Tokenizer.from_file(str(tmp_path / "tokenizer.json"))]
    if kind == "gpt2":
        # The older two files say nothing of a pre-tokenizer.
        others.append(ByteLevelBPETokenizer(str(tmp_path / "vocab.json"), str(tmp_path / "merges.txt")))
    (tmp_path / "tokenizer_config.json").write_text('{"tokenizer_class": "PreTrainedTokenizerFast"}')
    fast = [
        transformers.PreTrainedTokenizerFast(tokenizer_file=str(tmp_path / "tokenizer.json")),
        transformers.AutoTokenizer.from_pretrained(tmp_path),
    ]
    lines = ["שלום עולם", "  רווחים  ", "שָׁלוֹם 😀 abc 123", "צה\"ל ג'ירפה", "מנכ״לית רח' א", "", "<a> </s"]
    for line in lines:
        ids = list(ours.encode_batch([line])[0])
        assert [other.encode(line).ids for other in others] == [ids] * len(others)
        assert [other.encode(line, add_special_tokens=False) for other in fast] == [ids, ids]
        assert others[0].decode(ids) == line


def test_the_hebrew_pre_tokenizer_keeps_acronyms_and_pointed_words_whole(tmp_path):
    from tokenizers import Tokenizer

    source = tmp_path / "a.txt"
    source.write_text("דובר צה\"ל אמר שָׁלוֹם לג'ירפה\n" * 50, encoding="utf-8")
    for kind in KINDS:
        # As many entries as there are to learn.
        size = train_huggingface(source.read_text(encoding="utf-8").splitlines(), 1000, kind).get_vocab_size() - 4
        train_bpe(Settings(input=[source], output=tmp_path / kind, vocab_size=size, pre_tokenizer=kind))
        tokenizer = Tokenizer.from_file(str(tmp_path / kind / "tokenizer.json"))
        for word in (' צה"ל', " שָׁלוֹם", " לג'ירפה"):
            assert (len(tokenizer.encode(word).ids) == 1) == (kind == "hebrew")


@pytest.mark.parametrize("model", MODELS)
def test_the_same_bytes_for_any_number_of_workers(tmp_path, text, model):
    files = []
    for workers in (1, 2, 3):
        folder = tmp_path / str(workers)
        train_bpe(Settings(input=[text], output=folder, vocab_size=350, model=model, workers=workers))
        files.append({p.name: p.read_bytes() for p in folder.iterdir() if "manifest" not in p.name})
    assert files[0] == files[1] == files[2]
    assert len(files[0]) == (4 if model == "bpe" else 2)


@pytest.mark.parametrize("model", MODELS)
def test_a_sample_is_smaller_and_seeded(tmp_path, text, model):
    source = tmp_path / "a.txt"
    source.write_bytes((text.read_bytes() + b"\n") * (3_000_000 // text.stat().st_size))

    def tokens(**options):
        made = Settings(input=[source], output=tmp_path / "o", vocab_size=350, model=model, **options)
        return train_bpe(made)["counts"]["tokens"]

    whole, third, other = tokens(), tokens(sample_megabytes=1), tokens(sample_megabytes=1, seed=2)
    assert 0.25 < third / whole < 0.42 and third != other


@pytest.mark.parametrize("model", MODELS)
def test_a_text_that_is_too_small_is_a_clear_line(tmp_path, model):
    source = tmp_path / "a.txt"
    source.write_text("שלום עולם\n", encoding="utf-8")
    with pytest.raises(UserError, match=r"a\.txt") as error:
        train_bpe(Settings(input=[source], output=tmp_path / "out", vocab_size=5000, model=model))
    assert "smaller --vocab-size" in str(error.value) and "\n" not in str(error.value)
    assert "--prune-below" not in str(error.value)
    if model == "bpe":
        with pytest.raises(UserError, match="give more text, a smaller --prune-below, a smaller --vocab-size"):
            train_bpe(Settings(input=[source], output=tmp_path / "out", vocab_size=257, prune_below=9))
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("model", MODELS)
def test_invalid_utf8_names_the_line_whichever_trainer_reads(tmp_path, refused, model):
    source = tmp_path / "a.txt"
    source.write_bytes(b"abc def\n" * 100 + b"\xff\n")
    said = refused("train-bpe", "--input", source, "--output", tmp_path / "o", "--vocab-size", "300", "--model", model)
    assert "a.txt:101: invalid UTF-8 (byte 0xff)" in said


def test_settings_that_make_no_sense(tmp_path, refused, text):
    def said(*options):
        return refused("train-bpe", "--input", text, "--output", tmp_path / "o", *options, status=2)

    assert "no vocabulary size; give --vocab-size or --preset (hallelubert, neo" in said()
    assert "at least 256" in said("--vocab-size", "255")
    assert "at least 256" in said("--vocab-size", "-1")
    assert "--vocab-size 9,999,999,999: at most 16,777,216 entries" in said("--vocab-size", "9999999999")
    other = ["--vocab-size", "300", "--model", "sentencepiece-bpe"]
    assert "--pre-tokenizer: goes with --model bpe" in said(*other, "--pre-tokenizer", "hebrew")
    assert "--prune-below: goes with --model bpe" in said(*other, "--prune-below", "2")
    assert "--min-frequency: goes with --model bpe" in said(*other, "--min-frequency", "3")


def test_presets(text, tmp_path):
    sizes = {name: Settings(input=[text], output=tmp_path, preset=name).vocab_size for name in PRESETS}
    assert sizes == {"hallelubert": 52_000, "neodictabert": 90_000, "neodictabert-bilingual": 128_000}
    assert Settings(input=[text], output=tmp_path, preset="neodictabert", vocab_size=500).vocab_size == 500


@pytest.mark.parametrize(
    "name, lines, embeddings",
    [
        ("hallelubert", 52_004, 52_009),
        ("neodictabert", 90_004, 90_009),
        ("neodictabert-bilingual", 128_004, 128_009),
    ],
)
def test_a_preset_makes_the_embeddings_it_says(tmp_path, name, lines, embeddings):
    choice = random.Random(1)
    words = ("".join(choice.choices("abcdefghijklmnopqrstuvwxyz", k=9)) for _ in range(50_000))
    (tmp_path / "a.txt").write_text("\n".join(words))
    settings = Settings(input=[tmp_path / "a.txt"], output=tmp_path / "o", preset=name, min_frequency=1)
    counts = train_bpe(settings)["counts"]
    assert counts["dictionary_lines"] == lines == len((tmp_path / "o" / "dict.txt").read_text().splitlines())
    assert counts["embeddings_with_mask"] == embeddings and (lines + 4) % 8 == 0


def test_a_preset_in_a_configuration(tmp_path, text):
    made = from_mapping(Settings, {"preset": "hallelubert"}, "c", input=[text], output=tmp_path)
    assert made.vocab_size == 52_000
    with pytest.raises(UserError, match=r"c\.preset: 'gpt2' is none of hallelubert, neodictabert"):
        from_mapping(Settings, {"preset": "gpt2"}, "c", input=[text], output=tmp_path)


def test_pruned_words_are_in_the_manifest(tmp_path, text):
    made = train_bpe(Settings(input=[text], output=tmp_path, vocab_size=400, prune_below=3))["counts"]
    assert 0 < made["pruned_words"] < made["distinct_words"]
    assert made["pruned_words"] <= made["pruned_occurrences"] <= 2 * made["pruned_words"]


def test_a_killed_run_leaves_nothing_final_and_the_next_is_whole(tmp_path, text):
    source = tmp_path / "a.txt"
    source.write_bytes((text.read_bytes() + b"\n") * (20_000_000 // text.stat().st_size))
    options = ["--input", source, "--vocab-size", "1500", "--memory", "1", "--workers", "2", "--output"]
    command = [sys.executable, "-m", "fairseq_hebrew.cli", "train-bpe", *map(str, options)]
    subprocess.run([*command, str(tmp_path / "whole")], check=True, capture_output=True)
    wanted = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir() if "manifest" not in path.name}
    killed = tmp_path / "killed"
    for delay in (0.0, 0.05, 0.1, 0.2, 0.4):
        process = subprocess.Popen([*command, str(killed)], stderr=subprocess.DEVNULL)
        while process.poll() is None and not list(killed.rglob("*.words.scratch")):
            time.sleep(0.002)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert all((killed / name).read_bytes() == made for name, made in wanted.items() if (killed / name).exists())
        if not delay:
            assert not {path.name for path in killed.iterdir()} & wanted.keys(), "killed in the middle"
    subprocess.run([*command, str(killed)], check=True, capture_output=True)
    assert {path.name: path.read_bytes() for path in killed.iterdir() if "manifest" not in path.name} == wanted


def test_52000_entries_on_real_hebrew(tmp_path):
    """As the papers train it: all the merges of Hugging Face's trainer, on more than 100 MB."""
    if not REAL.exists():
        pytest.skip(f"no real Hebrew text at {REAL}")
    sources = sorted(REAL.glob("*.txt"))
    assert sum(path.stat().st_size for path in sources) > 100_000_000
    train_bpe(Settings(input=sources, output=tmp_path, preset="hallelubert", workers=2, memory=30))
    lines = [line.strip() for path in sources for line in path.read_bytes().decode().split("\n")]
    reference = train_huggingface(lines, 52_000)
    assert (tmp_path / "tokenizer.json").read_text(encoding="utf-8") == reference.to_str(pretty=True)


def test_a_huge_file_of_one_line_documents_is_read_line_by_line(tmp_path, monkeypatch, documents):
    from fairseq_hebrew.preprocess import documents as reader

    monkeypatch.setattr(reader, "BLOCK", 1000)
    monkeypatch.setattr(reader, "LONGEST", 5000)
    source = tmp_path / "a.txt"
    source.write_text("\n".join(line for made in documents(500, seed=4) for line in made), encoding="utf-8")
    train_bpe(Settings(input=[source], output=tmp_path / "o", vocab_size=400))


def test_sizes_past_what_a_text_or_a_model_can_have(tmp_path, refused):
    source = tmp_path / "a.txt"
    source.write_text("שלום עולם שלום עולם\n")
    options = ["train-bpe", "--input", source, "--output", tmp_path / "t", "--vocab-size"]
    assert "entries can be learned from this text" in refused(*options, "1000000")
    assert "at most 16,777,216 entries" in refused(*options, str(10**22), status=2)
