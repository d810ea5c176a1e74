"""Examples of what was removed: bounded, the same however the work is divided."""

import random

import numpy as np

from fairseq_hebrew.preprocess.cleaning.removed import EXCERPT, Example, Removed, excerpts, keys_of, merge_removed
from fairseq_hebrew.stage.output import Outputs


def examples(count):
    return [Example(f"r{n % 3}", f"{n % 4}.txt", n, n % 5, f"לפני {n}", None) for n in range(count)]


def written(removed, path):
    with Outputs() as outputs:
        removed.write(outputs, path)
    return path.read_bytes()


def test_the_same_for_any_division_and_order(tmp_path):
    whole = Removed(5)
    whole.add(examples(200))
    wanted = written(whole, tmp_path / "whole.jsonl")
    assert wanted.count(b"\n") == 15
    shuffled = examples(200)
    random.Random(1).shuffle(shuffled)
    parts = []
    for start in range(0, 200, 33):
        part = Removed(5)
        part.add(shuffled[start : start + 33])
        parts.append(tmp_path / f"{start}.jsonl")
        written(part, parts[-1])
    merge_removed(parts, tmp_path / "merged.jsonl", 5)
    assert (tmp_path / "merged.jsonl").read_bytes() == wanted


def test_candidates_are_those_that_can_still_be_kept():
    lines, paragraphs = np.arange(1000), np.arange(1000) % 7
    removed = Removed(10)
    chosen = []
    for start in range(0, 1000, 100):
        part = slice(start, start + 100)
        found = removed.candidates("a.txt", "r", lines[part], paragraphs[part])
        assert len(found) <= 10
        chosen += [int(lines[part][at]) for at in found]
        removed.add(Example("r", "a.txt", int(lines[part][at]), int(paragraphs[part][at]), "", None) for at in found)
    keys = keys_of("a.txt", "r", lines, paragraphs)
    kept = [example.line for _, example in removed._kept["r"]]
    assert kept == np.argsort(keys)[:10].tolist() and len(chosen) < 60
    assert len(set(keys.tolist())) == 1000 and abs(float(np.mean(keys / 2.0**64)) - 0.5) < 0.05
    assert len(Removed(0).candidates("a.txt", "r", lines, paragraphs)) == 0


def test_excerpts_show_the_change():
    before = "א" * 1000 + "״" + "ב" * 1000
    one, other = excerpts(before, before.replace("״", '"'))
    assert len(one) == EXCERPT and one.index("״") == other.index('"') == 40
    assert excerpts("אב ", "אב") == ("אב ", "אב") and excerpts("", "") == ("", "")
