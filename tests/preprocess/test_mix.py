"""Mixtures by weight: shares, totals, rounds, what cannot be had, and the command."""

import json

import numpy as np
import pytest

from fairseq_hebrew.preprocess.documents import read_documents
from fairseq_hebrew.preprocess.mix import Measured, Settings, choose_part, mix, mix_part
from fairseq_hebrew.preprocess.ordering import blocks
from fairseq_hebrew.preprocess.ordering.measure import measure_part
from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.stage.options import from_mapping
from fairseq_hebrew.text.tokenizer import open_tokenizer


@pytest.fixture
def sources(tmp_path, documents, written):
    """Hebrew-like text of about 27 kB in two files, and twice as much of another corpus whose lines begin with `en`."""
    he = documents(200, seed=1)
    written(tmp_path / "he1.txt", he[:120])
    written(tmp_path / "he2.txt", he[120:])
    written(tmp_path / "en.txt", [["en " + line for line in lines] for lines in documents(400, seed=2)])
    return tmp_path


def settings(folder, **changes):
    given = {
        "input": [f"he={folder}/he*.txt", f"en={folder}/en.txt"],
        "output": folder / "mixed.txt",
        "weights": {"he": 0.4, "en": 0.6},
    }
    return Settings(**{**given, **changes})


def split_up(path):
    """The documents of a mixture by corpus."""
    found = {"he": [], "en": []}
    for document in read_documents(path):
        found["en" if document.text.startswith(b"en ") else "he"].append(document.text)
    return found


def bytes_of(texts):
    return sum(len(text) + 1 for text in texts)


@pytest.mark.parametrize("he", [0.05, 0.4, 0.5, 0.9])
def test_shares_by_bytes_the_smaller_side_decides(sources, he):
    counts = mix(settings(sources, weights={"he": he, "en": 1 - he}))["counts"]
    found = split_up(sources / "mixed.txt")
    total = (sources / "mixed.txt").stat().st_size
    assert counts["bytes"] == total == bytes_of(found["he"]) + bytes_of(found["en"])
    for name, share in (("he", he), ("en", 1 - he)):
        assert bytes_of(found[name]) == counts[f"{name}_bytes"]
        assert len(found[name]) == counts[f"{name}_documents"]
        assert abs(bytes_of(found[name]) / total - share) < 300 / total
        assert counts[f"{name}_share"] == round(bytes_of(found[name]) / total, 6)
    assert max(counts["he_rounds"], counts["en_rounds"]) == 1, "one of them is used up"


def test_no_document_is_taken_twice_and_their_order_is_kept(sources):
    mix(settings(sources))
    found = split_up(sources / "mixed.txt")
    for name, files in (("he", ["he1.txt", "he2.txt"]), ("en", ["en.txt"])):
        everything = [document.text for file in files for document in read_documents(sources / file)]
        places = [everything.index(text) for text in found[name]]
        assert places == sorted(set(places))


def test_any_prefix_has_about_the_weights(sources):
    mix(settings(sources))
    held = {"he": 0, "en": 0}
    for document in read_documents(sources / "mixed.txt"):
        held["en" if document.text.startswith(b"en ") else "he"] += len(document.text) + 1
        assert abs(held["he"] - 0.4 * sum(held.values())) < 500


def test_words_and_tokens(sources, tokenizer):
    counts = mix(settings(sources, unit="words", output=sources / "words"))["counts"]
    found = split_up(sources / "words")
    words = {name: sum(len(text.split()) for text in texts) for name, texts in found.items()}
    assert words == {name: counts[f"{name}_words"] for name in words}
    assert abs(words["he"] / sum(words.values()) - 0.4) < 0.01
    for workers in (1, 2):
        output = sources / f"tokens{workers}"
        counts = mix(settings(sources, unit="tokens", tokenizer=tokenizer, output=output, workers=workers))["counts"]
    assert (sources / "tokens1").read_bytes() == (sources / "tokens2").read_bytes()
    plain = open_tokenizer(tokenizer)
    lines = {name: b"".join(texts).decode().split("\n") for name, texts in split_up(sources / "tokens1").items()}
    tokens = {name: sum(map(len, plain.encode_batch(lines))) for name, lines in lines.items()}
    assert tokens == {name: counts[f"{name}_tokens"] for name in tokens}
    assert abs(tokens["he"] / sum(tokens.values()) - 0.4) < 0.01


def test_weights_of_any_sum_and_a_total(sources):
    counts = mix(settings(sources, weights={"he": 2, "en": 3}, total=20_000))["counts"]
    assert abs(counts["bytes"] - 20_000) < 300 and abs(counts["he_bytes"] - 8000) < 150


def test_repeat_takes_whole_rounds_of_the_smaller_side(sources):
    counts = mix(settings(sources, weights={"he": 0.6, "en": 0.4}, repeat=9))["counts"]
    assert counts["en_rounds"] == 1 and 2 < counts["he_rounds"] < 4
    assert abs(counts["he_share"] - 0.6) < 0.01
    found = split_up(sources / "mixed.txt")["he"]
    everything = [document.text for file in ("he1.txt", "he2.txt") for document in read_documents(sources / file)]
    times = [found.count(text) for text in everything]
    assert set(times) == {int(counts["he_rounds"]), int(counts["he_rounds"]) + 1}
    whole = int(counts["he_rounds"]) * len(everything)
    assert found[:whole] == everything * int(counts["he_rounds"]), "one round after the other"
    # No more rounds than are allowed.
    counts = mix(settings(sources, weights={"he": 0.6, "en": 0.4}, repeat=2))["counts"]
    assert counts["he_rounds"] == 2 and counts["en_rounds"] < 1


def test_seeds_and_other_corpora(sources, documents, written):
    made = {}
    for seed in (1, 1, 2):
        mix(settings(sources, total=20_000, seed=seed), force=True)
        made.setdefault(seed, []).append((sources / "mixed.txt").read_bytes())
    assert made[1][0] == made[1][1] != made[2][0]
    # What is taken of a corpus depends on its own name and files.
    taken = split_up(sources / "mixed.txt")
    written(sources / "more.txt", [["ru " + line for line in lines] for lines in documents(400, seed=3)])
    inputs = [f"ru={sources}/more.txt", f"he={sources}/he*.txt", f"en={sources}/en.txt"]
    mix(settings(sources, input=inputs, weights={"he": 0.4, "en": 0.6, "ru": 1}, total=40_000, seed=2))
    again = split_up(sources / "mixed.txt")
    assert again["en"] == taken["en"]
    assert [text for text in again["he"] if not text.startswith(b"ru ")] == taken["he"]


def test_what_was_done_is_skipped_and_a_file_moved_to_another_corpus_is_not(sources, capsys):
    mix(settings(sources))
    mix(settings(sources, workers=2))
    assert "up to date" in capsys.readouterr().err
    inputs = [f"he={sources}/he1.txt", f"en={sources}/he2.txt", f"en={sources}/en.txt"]
    mix(settings(sources, input=inputs))
    assert "up to date" not in capsys.readouterr().err


@pytest.mark.parametrize("shards, parts", [(1, 3), (4, 1), (4, 5)])
def test_parts_of_any_number_make_the_same_mixture(sources, documents, written, monkeypatch, shards, parts):
    monkeypatch.setattr(blocks, "BLOCK", 2000)
    weights = {"he": 0.7, "en": 0.3}
    mix(settings(sources, weights=weights, repeat=3))
    measured = {}
    for name, files in (("he", ["he1.txt", "he2.txt"]), ("en", ["en.txt"])):
        texts = [document.text for file in files for document in read_documents(sources / file)]
        cuts = np.linspace(0, len(texts), shards + 1).astype(int)
        paths, sizes, total = [], [], 0
        for number in range(shards):
            paths.append(sources / f"{name}-{number}")
            paths[-1].write_bytes(b"".join(text + b"\n" for text in texts[cuts[number] : cuts[number + 1]]))
            sizes.append(sources / f"{name}-{number}.sizes")
            total += measure_part(paths[-1], "blank", "bytes", None, sizes[-1])[1]
        measured[name] = Measured(paths, sizes, total)
    runs = choose_part(measured, weights, "blank", seed=1, repeat=3)
    outputs = [sources / f"part{number}" for number in range(parts)]
    counts = [mix_part(runs, number, parts, outputs[number]) for number in reversed(range(parts))]
    assert b"".join(output.read_bytes() for output in outputs) == (sources / "mixed.txt").read_bytes()
    manifest = json.loads((sources / "mixed.txt.manifest.json").read_text())
    for name in weights:
        assert sum(count[name] for count in counts) == manifest["counts"][f"{name}_documents"]


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"total": 90_000}, "--total 90,000: he has "),
        ({"total": 90_000, "repeat": 2, "weights": {"he": 9, "en": 1}}, r"he has [\d,]+ \(2 times\) of the 81,000"),
        ({"total": 60_000, "weights": {"he": 1, "en": 1}}, "or --repeat 2 to take documents again"),
        (
            {"total": 1000, "weights": {"he": 1, "en": 9999}},
            "the share of he, 0 of 1,000, is less than half a document",
        ),
    ],
)
def test_what_cannot_be_had_is_one_clear_line(sources, changes, said):
    with pytest.raises(UserError, match=said) as error:
        mix(settings(sources, **changes))
    assert "\n" not in str(error.value)
    assert not (sources / "mixed.txt").exists()
    assert [path for path in sources.iterdir() if path.name.startswith(".")] == []


def test_what_the_line_says_can_be_had(sources):
    with pytest.raises(UserError) as error:
        mix(settings(sources, total=90_000))
    most = int(str(error.value).partition("at most ")[2].partition(" ")[0].replace(",", ""))
    assert mix(settings(sources, total=most))["counts"]["he_rounds"] == 1


@pytest.mark.parametrize(
    "changes, said",
    [
        (["--weights", "he=1"], "--weights: none for the corpus 'en'; give en=SHARE"),
        (["--weights", "he=1", "en=1", "ru=1"], "--weights ru: no input of this name"),
        (["--weights", "he=1", "en=0"], "--weights en=0.0: more than 0 is needed"),
        (["--weights", "he=1", "en=nan"], "--weights en=nan: more than 0 is needed"),
        (["--weights", "he=1", "he=1"], "--weights: a name is given twice"),
        (["--weights", "he=1", "en=1", "--unit", "tokens"], "--unit tokens needs one"),
        (["--weights", "he=1", "en=1", "--tokenizer", "x"], "--tokenizer: goes with --unit tokens"),
        (["--weights", "he=1", "en=1", "--repeat", "0"], "at least 1 is needed"),
        (["--weights", "he=1", "en=1", "--input", "a.txt"], "NAME=FILE is needed"),
    ],
)
def test_wrong_usage(sources, refused, changes, said):
    inputs = [f"he={sources}/he1.txt", f"en={sources}/en.txt"]
    assert said in refused("mix", "--input", *inputs, "--output", sources / "o", *changes, status=2)


def test_bad_files(sources, refused):
    def run(he, *more):
        inputs = [f"he={he}", f"en={sources}/en.txt"]
        return refused("mix", "--input", *inputs, "--output", sources / "o", "--weights", "he=1", "en=1", *more)

    assert "no such file" in run(sources / "missing.txt")
    assert "no file matches" in run(sources / "missing*.txt")
    (sources / "bad.txt").write_bytes("שורה\n\nשורה ".encode() + b"\xd7\n")
    assert "bad.txt:3: invalid UTF-8 (byte 0xd7)" in run(sources / "bad.txt")
    (sources / "blank.txt").write_bytes(b"\n \n\n")
    assert "blank.txt: holds blank lines only" in run(sources / "blank.txt")
    assert "is also an input" in run(sources / "he1.txt", "--output", sources / "en.txt")
    assert "no tokenizer.json" in run(sources / "he1.txt", "--unit", "tokens", "--tokenizer", sources)


def test_a_section_of_a_configuration(sources):
    section = {"unit": "words", "weights": {"he": 40, "en": 0.6e2}, "total": 3000}
    fixed = {"input": settings(sources).input, "output": sources / "mixed.txt", "documents": "blank"}
    made = from_mapping(Settings, section, "config.yaml: mix", **fixed)
    assert made == settings(sources, documents="blank", unit="words", weights={"he": 40.0, "en": 60.0}, total=3000)
    for wrong, said in (({"weights": {"he": "much"}}, "mix.weights.he: 'much' is not a number"), ({}, "'weights' is")):
        with pytest.raises(UserError, match=said):
            from_mapping(Settings, wrong, "config.yaml: mix", **fixed)


def test_the_command(sources, command):
    inputs = [f"he={sources}/he1.txt", f"he={sources}/he2.txt", f"en={sources}/en.txt"]
    options = ["--weights", "he=40", "en=60"]
    done = command("mix", "--input", *inputs, "--output", sources / "out.txt", *options)
    assert done.returncode == 0 and "he_share 0.4" in done.stderr and "en_share 0.59" in done.stderr, done.stderr
    mix(settings(sources))
    assert (sources / "out.txt").read_bytes() == (sources / "mixed.txt").read_bytes()
