"""The dictionary of a task: read from its data, and tied to the checkpoints trained with it."""

import functools
import os

import torch
from fairseq.data import Dictionary

from fairseq_hebrew.stage.errors import UserError, at
from fairseq_hebrew.text.vocabulary import symbols_fingerprint

KEY = "hebrew_dictionary"  # in a checkpoint's task_state
MASK = "<mask>"
REMEDY = "use the tokenizer and dict.txt the checkpoint was trained with"
RESUMED = "--save-dir holds this checkpoint, which goes before --finetune-from-model: choose another --save-dir, or "


def read_dictionary(folder: str) -> Dictionary:
    """`folder/dict.txt` with `<mask>` added at its end; raises UserError when it is missing or malformed."""
    path = os.path.join(folder, "dict.txt")
    if not os.path.isfile(path):
        raise at(path, None, "no dictionary here", "name the folder that binarize (or fairseq-preprocess) made")
    try:
        dictionary = Dictionary.load(path)
    except Exception as error:  # fairseq raises a plain Exception for a wrong encoding
        problem = str(error).split(". ")[0].strip()
        raise at(path, None, problem, "copy it again from the run that made it") from error
    dictionary.add_symbol(MASK)
    return dictionary


def fingerprint(dictionary: Dictionary) -> dict:
    """{"sha256": of the symbols in order, "entries": how many}; counts do not matter, ids do."""
    return {"sha256": symbols_fingerprint(dictionary.symbols), "entries": len(dictionary)}


class DictionaryState:
    """Mixin for tasks with a `dictionary`: checkpoints carry its fingerprint, and refuse another one.

    Two dictionaries of one size make models of one shape, so nothing else would notice that every id has changed its
    meaning. Checkpoints of stock fairseq carry none, and load. Stands before FairseqTask among the bases.
    """

    def build_model(self, cfg, from_checkpoint=False):
        """FairseqTask's; from then on the trainer of this task checks the checkpoints it reads."""
        give_task_state_on_resume()
        return super().build_model(cfg, from_checkpoint)

    @property
    def source_dictionary(self):
        return self.dictionary

    @property
    def target_dictionary(self):
        return self.dictionary

    @property
    def dictionary_path(self) -> str:
        """Where the task's dictionary was read, for messages."""
        return os.path.join(self.cfg.data.split(os.pathsep)[0], "dict.txt")

    def state_dict(self) -> dict:
        return {**super().state_dict(), KEY: fingerprint(self.dictionary)}

    def load_state_dict(self, state_dict: dict) -> None:
        """Raises UserError, naming both dictionaries, when the checkpoint was trained with another one."""
        self.check_dictionary(state_dict)
        super().load_state_dict({name: value for name, value in state_dict.items() if name != KEY})

    def check_dictionary(self, state_dict: dict, checkpoint: str | None = None, remedy: str = REMEDY) -> None:
        """Raises load_state_dict's UserError; it names the checkpoint too where the caller knows the path."""
        theirs, ours = state_dict.get(KEY), fingerprint(self.dictionary)
        if theirs is not None and theirs["sha256"] != ours["sha256"]:
            whose = f"the checkpoint {checkpoint} has" if checkpoint else "the checkpoint's"
            raise UserError(
                f"{self.dictionary_path}: another dictionary "
                f"(sha256 {ours['sha256'][:12]}, {ours['entries']:,} entries) than {whose} "
                f"(sha256 {theirs['sha256'][:12]}, {theirs['entries']:,} entries); {remedy}"
            )


def give_task_state_on_resume() -> None:
    """Make fairseq's trainer give these tasks the state it has saved for them; once, harmless when repeated.

    Stock 0.12.2 saves `task_state` and gives it back in load_model_ensemble_and_task alone: not on resume, and not
    with --finetune-from-model, where another dictionary does the most harm. Other tasks are left as they are.
    """
    from fairseq import checkpoint_utils
    from fairseq.trainer import Trainer

    stock = Trainer.load_checkpoint
    if getattr(stock, "gives_task_state", False):
        return

    @functools.wraps(stock)
    def load_checkpoint(self, *args, **kwargs):
        if not isinstance(self.task, DictionaryState):
            return stock(self, *args, **kwargs)
        read, given = checkpoint_utils.load_checkpoint_to_cpu, []

        def read_and_give(path, *read_args, **read_kwargs):
            state = read(path, *read_args, **read_kwargs)
            task_state = state.get("task_state") or {}
            self.task.check_dictionary(task_state, path, _remedy(self.cfg.checkpoint, path))
            if path != self.cfg.checkpoint.finetune_from_model:  # what another task has learned about its data
                self.task.load_state_dict(task_state)
                given.append(task_state)
            return state

        checkpoint_utils.load_checkpoint_to_cpu = read_and_give
        try:
            found = stock(self, *args, **kwargs)
        finally:
            checkpoint_utils.load_checkpoint_to_cpu = read
        _give_to_others(self, given)
        return found

    load_checkpoint.gives_task_state = True
    Trainer.load_checkpoint = load_checkpoint


def _give_to_others(trainer, given: list[dict]) -> None:
    """What the first process has read, to the tasks of those that did not read a file themselves: stock fairseq sends
    them weights and optimizer alone."""
    from fairseq.distributed import utils

    if trainer.data_parallel_world_size == 1 or not torch.distributed.is_initialized():
        return
    group = trainer.data_parallel_process_group
    first = utils.broadcast_object(given[-1:], src_rank=0, group=group, dist_device=trainer.device)
    if first and not given:
        trainer.task.load_state_dict(first[0])


def _remedy(cfg, path: str) -> str:
    """What to do about a checkpoint of another dictionary; who wanted another checkpoint is told why it is this one."""
    saved = os.path.normpath(os.path.dirname(path)) == os.path.normpath(cfg.save_dir)
    return RESUMED + REMEDY if saved and cfg.finetune_from_model not in (None, path) else REMEDY
