"""A checkpoint of another dictionary is refused by name, and why it is this one that is read."""

from types import SimpleNamespace

import pytest

from fairseq_hebrew.stage.errors import UserError
from fairseq_hebrew.tasks import dictionary_state


class Symbols:
    """A dictionary as far as its fingerprint goes."""

    def __init__(self, symbols):
        self.symbols = symbols

    def __len__(self):
        return len(self.symbols)


class Task(dictionary_state.DictionaryState):
    """A task as far as its dictionary goes."""

    dictionary_path = "data/dict.txt"

    def __init__(self, symbols):
        self.dictionary = Symbols(symbols)


@pytest.fixture
def refusal(monkeypatch):
    """A function that gives what is said of a checkpoint a trainer reads: refusal(path, finetune_from_model)."""
    from fairseq import checkpoint_utils
    from fairseq.trainer import Trainer

    state = {"task_state": {dictionary_state.KEY: dictionary_state.fingerprint(Task(["a", "b"]).dictionary)}}
    monkeypatch.setattr(checkpoint_utils, "load_checkpoint_to_cpu", lambda path, load_on_all_ranks: state)
    monkeypatch.setattr(
        Trainer,
        "load_checkpoint",
        lambda self, path: checkpoint_utils.load_checkpoint_to_cpu(path, load_on_all_ranks=False),
    )
    dictionary_state.give_task_state_on_resume()

    def refused(path, finetune_from_model=None):
        checkpoint = SimpleNamespace(save_dir="save/", finetune_from_model=finetune_from_model)
        trainer = SimpleNamespace(task=Task(["b", "a"]), cfg=SimpleNamespace(checkpoint=checkpoint))
        with pytest.raises(UserError) as caught:
            Trainer.load_checkpoint(trainer, path)
        return str(caught.value)

    return refused


def test_the_checkpoint_is_named(refusal):
    for line in (refusal("save/checkpoint_last.pt"), refusal("save/checkpoint_last.pt", "save/checkpoint_last.pt")):
        assert line.startswith("data/dict.txt: another dictionary (sha256 ")
        assert "2 entries) than the checkpoint save/checkpoint_last.pt has (sha256 " in line
        assert line.endswith("; use the tokenizer and dict.txt the checkpoint was trained with")
    assert "--save-dir" not in refusal("other/pretrained.pt", "other/pretrained.pt")


def test_who_wanted_another_checkpoint_is_told_why_it_is_this_one(refusal):
    line = refusal("save/checkpoint_last.pt", "other/pretrained.pt")
    assert "than the checkpoint save/checkpoint_last.pt has" in line
    assert "; --save-dir holds this checkpoint, which goes before --finetune-from-model: choose another --save" in line
    assert line.endswith("or use the tokenizer and dict.txt the checkpoint was trained with")


def test_without_a_path_the_line_stands_alone():
    state = {dictionary_state.KEY: dictionary_state.fingerprint(Task(["a", "b"]).dictionary)}
    with pytest.raises(UserError, match=r"^data/dict\.txt: another dictionary .* than the checkpoint's \(sha256 "):
        Task(["b", "a"]).load_state_dict(state)
