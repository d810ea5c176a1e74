"""A pretrained checkpoint of one update, for what begins with one."""

from pathlib import Path

from fairseq_hebrew.preprocess import binarize
from tests.conftest import HANDWRITTEN, run


def pretrain(folder: Path, tokenizer_dir: Path, arch: str) -> Path:
    """The checkpoint, in a folder that is made."""
    for split in ("train", "valid"):
        given = ["--input", HANDWRITTEN / "a01_news.txt", "--tokenizer", tokenizer_dir, "--output", folder / "bin"]
        assert binarize.COMMAND.main([str(part) for part in (*given, "--split", split)]) == 0
    done = run(
        *("fairseq-train", folder / "bin", "--user-dir", "fairseq_hebrew", "--task", "hebrew_masked_lm", "--cpu"),
        *("--criterion", "hebrew_masked_lm", "--arch", arch, "--tokens-per-sample", 64, "--max-update", 1),
        *("--batch-size", 8, "--optimizer", "adam", "--lr", "1e-3", "--save-dir", folder, "--num-workers", 0),
        *("--disable-validation", "--no-epoch-checkpoints"),
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder / "checkpoint_last.pt"
