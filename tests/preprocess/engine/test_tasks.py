"""Keys: what the outputs of a task depend on, known before it is run."""

from dataclasses import dataclass, replace

import pytest

from fairseq_hebrew.preprocess.engine.tasks import Folder, Phase, Source, Task, files_of, keys_of, plain
from fairseq_hebrew.stage.options import setting
from tests.preprocess.engine.small_parts import gather, phases_of, scatter


def source(name, identity="1 a"):
    return Source(name, identity, 1, "2")


def keys(*names, **changes):
    return keys_of(phases_of([source(name, f"1 {name}") for name in names or ("a", "b")], **changes))


def test_a_key_tells_all_that_the_output_depends_on():
    first = keys()
    assert first == keys() and len(set(first.values())) == len(first)
    changed = {name for name, key in keys(upper=True).items() if key != first[name]}
    assert changed == {"gather/0", "gather/1", "gather/2", "total", "copy"}
    changed = {name for name, key in keys("a", "c").items() if key != first[name]}
    assert changed == {"scatter/1", "gather/0", "gather/1", "gather/2", "total", "copy"}
    assert keys("b", "a")["gather/0"] != first["gather/0"], "order counts"


def test_a_key_does_not_tell_resources_nor_where_sources_stand():
    assert keys(memory=7) == keys()
    moved = keys_of(phases_of([source("x/a", "1 a"), source("x/b", "1 b")]))
    assert moved == keys()


def test_grouping_of_the_same_files_counts():
    def key(inputs):
        return keys_of([Phase("p", [Task("t", scatter, inputs, {"buckets": ["o"]})])])["t"]

    a, b, c = (source(name, f"1 {name}") for name in "abc")
    assert key({"text": [a, b], "more": [c]}) != key({"text": [a], "more": [b, c]})


@pytest.mark.parametrize(
    "tasks, said",
    [
        ([Task("t", scatter, {"text": "nowhere.txt"}, {"buckets": ["o"]})], "nothing makes nowhere.txt"),
        ([Task("t", scatter, {}, {"buckets": ["o"]}), Task("t", scatter, {}, {"buckets": ["p"]})], "two tasks"),
        ([Task("t", scatter, {}, {"buckets": ["o"]}), Task("u", scatter, {}, {"buckets": ["o"]})], "another task"),
        # What the same phase makes is not there when the task begins.
        ([Task("t", scatter, {}, {"buckets": ["o"]}), Task("u", gather, {"text": "o"}, {"s": "p"})], "nothing makes o"),
    ],
)
def test_a_plan_that_cannot_be_run(tasks, said):
    with pytest.raises(ValueError, match=said):
        keys_of([Phase("p", tasks)])


def test_files_of_a_folder_and_of_lists():
    named = [Folder("f", ("a", "b")), "c", ["d", source("e")]]
    assert list(files_of(named)) == ["f/a", "f/b", "c", "d", source("e")]


def test_settings_as_json():
    @dataclass
    class Stage:
        seed: int = setting(1, "counts")
        workers: int = setting(1, "does not count", changes_result=False)

    @dataclass(frozen=True)
    class Value:
        bands: int

    assert plain({"a": Stage(), "b": Value(3), "c": (1, None, True, "x", 0.5)}) == {
        "a": {"seed": 1},
        "b": {"bands": 3},
        "c": [1, None, True, "x", 0.5],
    }
    assert plain(replace(Stage(), workers=7)) == plain(Stage())
    with pytest.raises(TypeError):
        plain(object())
