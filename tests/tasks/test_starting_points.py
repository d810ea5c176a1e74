"""Each fine-tuning task begins from checkpoints of other origins: stock fairseq's RoBERTa, and what import-hf wrote."""

import shutil
from types import SimpleNamespace

import pytest
import torch

from fairseq_hebrew.models.state_dict import from_stock_roberta
from tests.conftest import HANDWRITTEN, ROOT, run
from tests.tasks import test_question_answering, test_retrieval, test_text_tasks
from tests.tasks.runs import state_of, train_in_turn
from tests.text.foreign import model_folder

SHAPE = ("--encoder-layers", 2, "--encoder-embed-dim", 128, "--encoder-ffn-embed-dim", 512)
TINY = {"num_hidden_layers": 2, "hidden_size": 128, "intermediate_size": 512, "num_attention_heads": 2}


def ran(name, *arguments):
    done = run(name, *arguments)
    assert done.returncode == 0, done.stderr[-3000:]


def stock(folder, tokenizer) -> SimpleNamespace:
    """Two updates of fairseq's own masked_lm on binaries of this tokenizer."""
    data, save = folder / "data", folder / "stock"
    text = sorted(HANDWRITTEN.glob("a0*.txt"))[0]
    ran("fairseq-hebrew", "binarize", "--input", text, "--tokenizer", tokenizer, "--output", data)
    shutil.copy(data / "train.bin", data / "valid.bin")
    shutil.copy(data / "train.idx", data / "valid.idx")
    ran(
        *("fairseq-train", data, "--task", "masked_lm", "--criterion", "masked_lm", "--arch", "roberta", *SHAPE),
        *("--encoder-attention-heads", 2, "--max-positions", 512, "--tokens-per-sample", 64, "--batch-size", 4),
        *("--optimizer", "adam", "--lr", 1e-3, "--max-update", 2, "--disable-validation", "--cpu", "--save-dir", save),
        *("--log-format", "none", "--num-workers", 0),
    )
    weights = {name: value.clone() for name, value in state_of(save / "checkpoint_last.pt")["model"].items()}
    from_stock_roberta(weights)
    return SimpleNamespace(checkpoint=save / "checkpoint_last.pt", tokenizer=tokenizer, weights=weights)


def imported(folder, _) -> SimpleNamespace:
    """transformers' RobertaForMaskedLM, by import-hf."""
    from transformers import AutoTokenizer, RobertaConfig, RobertaForMaskedLM

    model_folder(folder / "hf", "roberta")
    rows = len(AutoTokenizer.from_pretrained(folder / "hf"))
    torch.manual_seed(1)
    config = RobertaConfig(vocab_size=rows, max_position_embeddings=514, type_vocab_size=1, **TINY)
    RobertaForMaskedLM(config).save_pretrained(folder / "hf")
    out = folder / "imported"
    ran("fairseq-hebrew", "import-hf", folder / "hf", out)
    checkpoint = next(out.rglob("*.pt"))
    tokenizer = next(out.rglob("dict.txt")).parent
    return SimpleNamespace(checkpoint=checkpoint, tokenizer=tokenizer, weights=state_of(checkpoint)["model"])


def tasks(folder) -> dict[str, tuple]:
    """For each task the folder of its files, its description and its criterion."""
    made = {}
    for name, task in (("ner", "token_classification"), ("sentiment", "sequence_classification")):
        made[task] = (ROOT / "demo" / "corpus" / name, ROOT / "demo" / "tasks" / f"{name}.yaml", "classification")
    (folder / "likeness").mkdir()
    description = test_text_tasks.description(folder / "likeness", test_text_tasks.likeness)
    made["sequence_regression"] = (folder / "likeness", description, "squared_error")
    homes = test_question_answering.folder(folder / "homes")
    made["question_answering"] = (homes, homes / "task.yaml", "spans")
    pairs = test_retrieval.folder(folder / "pairs")
    made["retrieval"] = (pairs, pairs / "task.yaml", "contrastive")
    return made


@pytest.mark.parametrize("origin", [stock, imported])
def test_every_task_begins_with_its_weights(tmp_path, tokenizer_dir, origin):
    begun = origin(tmp_path, tokenizer_dir)
    its = tasks(tmp_path)
    commands = [
        [
            data, "--user-dir", ROOT / "fairseq_hebrew", "--task", task, "--description", description, "--criterion",
            criterion, "--tokenizer-dir", begun.tokenizer, "--arch", "hallelubert_tiny", "--max-tokens-per-sample", 128,
            "--finetune-from-model", begun.checkpoint, "--optimizer", "adam", "--lr", 0, "--batch-size", 4,
            "--max-update", 1, "--disable-validation", "--cpu", "--num-workers", 0, "--log-format", "none",
            "--save-dir", tmp_path / task,
        ]
        for task, (data, description, criterion) in its.items()
    ]  # fmt: skip
    train_in_turn([[str(part) for part in command] for command in commands])
    for task in its:
        trained = state_of(tmp_path / task / "checkpoint_last.pt")["model"]
        encoder = {name for name in trained if name.startswith("encoder.")}
        assert encoder == {name for name in begun.weights if name.startswith("encoder.")}
        for name in encoder:
            assert torch.equal(trained[name], begun.weights[name]), (task, name)
