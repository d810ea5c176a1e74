"""What is told of a compile: the step, the shapes that were new, or that none was."""

import pytest
import torch

from fairseq_hebrew.xla import compiles


@pytest.fixture
def watch(monkeypatch):
    """(CompileWatch that warns, a function that lets XLA compile)."""
    state = {"count": 0}
    monkeypatch.setattr(compiles, "compiled", lambda: (state["count"], 1.5 * state["count"]))
    return compiles.CompileWatch(warn=True), lambda n=1: state.update(count=state["count"] + n)


def shapes(*shape: int) -> compiles.Signature:
    return compiles.signature(
        {"net_input": {"src_tokens": torch.zeros(shape), "lengths": [1]}, "target": None, "id": 3}
    )


def test_a_signature_names_the_tensors_of_the_graph():
    assert shapes(8, 64) == (("src_tokens", (8, 64)),)
    assert compiles.described(shapes(8, 64)) == "src_tokens 8 x 64"


def test_the_first_of_a_kind_is_no_warning(watch):
    looking, compile_ = watch
    compile_(3)
    assert looking.look("update 1", [shapes(8, 64)]) is None
    assert looking.look("update 2", [shapes(8, 64)]) is None
    compile_()
    assert looking.look("validation", [shapes(8, 64)]) is None


def test_new_shapes_are_named(watch):
    looking, compile_ = watch
    looking.look("update 1", [shapes(8, 64)])
    compile_(2)
    told = looking.look("update 7", [shapes(8, 64), shapes(8, 96)])
    assert told == "update 7: XLA compiled 2 graphs in 3.0 s, 2 in all; new shapes: src_tokens 8 x 96"
    compile_()
    assert "not 3 batches of them in one update" in looking.look("update 8", [shapes(8, 64)] * 3)
    compile_()
    assert "something else changed" in looking.look("update 9", [shapes(8, 64)] * 3)


def test_without_the_option_nothing_is_a_warning(watch, caplog):
    _, compile_ = watch
    quiet = compiles.CompileWatch()
    quiet.look("update 1", [shapes(8, 64)])
    compile_()
    with caplog.at_level("INFO"):
        assert quiet.look("update 2", [shapes(8, 96)]) is None
    assert [record.levelname for record in caplog.records] == ["INFO"]
