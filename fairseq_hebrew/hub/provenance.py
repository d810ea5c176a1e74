"""What a model was made of and how it was judged, from the manifests that the stages leave and the files of `score`."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from fairseq_hebrew.stage.errors import UserError

from .checkpoint import Checkpoint

ENDING = ".manifest.json"


@dataclass(frozen=True)
class Manifest:
    """One manifest: what a stage made of what. `inputs` and `outputs` are (name, bytes, sha256 or None)."""

    path: str
    stage: str
    inputs: list[tuple[str, int, str | None]]
    outputs: list[tuple[str, int, str | None]]
    settings: dict = field(default_factory=dict)
    counts: dict = field(default_factory=dict)
    licence: str | None = None  # of a downloaded corpus, and the page that says so
    page: str | None = None


def read_manifests(checkpoint: Checkpoint, tokenizer: Path) -> list[Manifest]:
    """Those of the checkpoint's data and tokenizer, and of all that these were made of, where they still stand.

    A file's own manifest is the one in its folder that names its content. The first stages come first.
    """
    data = str(checkpoint.setting("task", "data", "")) if not checkpoint.imported else ""
    folders = [Path(name) for name in data.split(":") if name] + [tokenizer]
    # An imported checkpoint was not trained on anything its tokenizer's folder tells of.
    found: dict[str, Manifest] = {}
    for folder in folders:
        for manifest in _in(folder):
            if manifest.stage in ("binarize", "train-bpe"):
                _follow(manifest, found)
    return list(found.values())


def _follow(manifest: Manifest, found: dict[str, Manifest]) -> None:
    if manifest.path in found:
        return
    for name, _, digest in manifest.inputs:
        for above in _in(Path(name).parent) if digest else []:
            if digest in {made for _, _, made in above.outputs} and above.path != manifest.path:
                _follow(above, found)
    found[manifest.path] = manifest


def _in(folder: Path) -> list[Manifest]:
    """The manifests in a folder that can be read; others say nothing."""
    return [made for path in sorted(folder.glob(f"*{ENDING}")) if (made := _read(path)) is not None]


def _read(path: Path) -> Manifest | None:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        records = [
            [(str(one["path"]), int(one.get("bytes") or 0), one.get("sha256")) for one in raw.get(key, [])]
            for key in ("inputs", "outputs")
        ]
        return Manifest(
            str(path),
            str(raw["stage"]),
            *records,
            dict(raw.get("settings") or {}),
            dict(raw.get("counts") or {}),
            raw.get("licence"),
            raw.get("page"),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def read_scores(path: Path) -> dict:
    """What `fairseq-hebrew score --output` wrote; raises UserError for any other file."""
    remedy = "give a file that `fairseq-hebrew score --output` wrote"
    try:
        scores = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}; {remedy}") from None
    except ValueError:
        raise UserError(f"{path}: no JSON; {remedy}") from None
    if not isinstance(scores, dict) or not {"task", "scorer"} <= scores.keys():
        raise UserError(f"{path}: holds no scores; {remedy}")
    return scores
