"""Checkpoints of real trainings: one pretrained, one fine-tuned of each kind, and the folders exported from them."""

from types import SimpleNamespace

import pytest

from fairseq_hebrew.hub import export
from tests.hub.commands import DEMO, questions, run, stir, train


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> SimpleNamespace:
    """`tokenizer`, `data`, and by kind: `checkpoints`, `exports`."""
    folder = tmp_path_factory.mktemp("hub")
    (folder / "corpus.yaml").write_text(
        f"{{input: ['{DEMO}/handwritten/*.txt'], train-bpe: {{vocab-size: 400}}, "
        "split: {valid-bytes: 2000, test-bytes: 0}}",
        encoding="utf-8",
    )
    (folder / "tags.yaml").write_text(
        "{name: names, kind: token_classification, metric: f1, max_tokens: 64, labels: [PER, ORG, GPE, LOC, FAC, WOA, "
        "EVE, DUC, ANG], files: {train: train.bmes, valid: dev.bmes, test: test.bmes}}",
        encoding="utf-8",
    )
    (folder / "texts.yaml").write_text(
        "{name: opinions, kind: sequence_classification, metric: macro_f1, max_tokens: 64, text_column: comment, "
        "labels: {'0': positive, '1': negative, '2': off-topic}, "
        "files: {train: train.tsv, valid: dev.tsv, test: test.tsv}}",
        encoding="utf-8",
    )
    run("fairseq-hebrew", "corpus", folder / "corpus.yaml", "--output", folder)
    tokenizer, data = folder / "tokenizer", folder / "data"
    pretrained = train(
        data, folder / "pretrained", "hebrew_masked_lm", "--tokens-per-sample", 32, "--criterion", "hebrew_masked_lm"
    )
    checkpoints = {"pretrained": pretrained}
    for kind, task, labelled in (
        ("tags", "token_classification", "ner"),
        ("texts", "sequence_classification", "sentiment"),
    ):
        checkpoints[kind] = train(
            DEMO / labelled, folder / kind, task, "--description", folder / f"{kind}.yaml",
            "--tokenizer-dir", tokenizer, "--criterion", "classification", "--finetune-from-model", pretrained,
        )  # fmt: skip
    checkpoints["neo"] = train(
        data, folder / "neo", "hebrew_masked_lm", "--tokens-per-sample", 32, "--criterion", "hebrew_masked_lm",
        arch="neodictabert_tiny",
    )  # fmt: skip
    for path in checkpoints.values():
        stir(path)
    checkpoints["questions"] = questions(pretrained, folder / "questions.pt", tokenizer)
    exports = {kind: folder / "exports" / kind for kind in checkpoints}
    for kind, path in checkpoints.items():
        if kind == "pretrained":
            run("fairseq-hebrew", "export-hf", path, exports[kind], "--license", "mit")
        else:
            assert export.main([str(path), str(exports[kind])]) == 0
    return SimpleNamespace(folder=folder, tokenizer=tokenizer, data=data, checkpoints=checkpoints, exports=exports)
