"""The model card, README.md: what the model is and how it was trained, from its checkpoint alone. No scores: a
checkpoint has none that were measured on a test set."""

from __future__ import annotations

from pathlib import Path

import yaml

from fairseq_hebrew import __version__
from fairseq_hebrew.text.dictionary import FILLER, MASK, SPECIALS
from fairseq_hebrew.text.vocabulary import Vocabulary

from .checkpoint import Checkpoint

Rows = list[tuple[str, object]]

NORMALIZED = (
    "niqqud, cantillation marks and bidirectional control characters removed, presentation forms mapped to letters, "
    "typographic gershayim and geresh between letters written as `\"` and `'`, white space as single blanks"
)


def model_card(title: str, checkpoint: Checkpoint, vocabulary: Vocabulary, parameters: int, license: str) -> str:
    """The text of README.md, with the front matter a hub reads."""
    head = {
        "language": "he",
        "license": license,
        "library_name": "transformers",
        "pipeline_tag": checkpoint.kind.pipeline,
        "tags": ["hebrew", "roberta", "hallelubert", "fairseq"],
    }
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---",
        f"# {title}",
        "A Hebrew encoder of the architecture HalleluBERT (arXiv 2510.21372), which is RoBERTa's, "
        f"{_what(checkpoint)}. Trained with fairseq, exported by fairseq_hebrew {__version__} as "
        f"`{checkpoint.kind.architecture}`.",
        _use(checkpoint),
        "## Model",
        _table(_model(checkpoint, parameters)),
        "## Vocabulary",
        _vocabulary(vocabulary),
        _text_form(checkpoint),
        "## Training",
        "Read from the checkpoint. It does not record what texts the model was trained on.",
        _table(_training(checkpoint)),
    ]
    if checkpoint.description:
        parts[-3:-3] = ["## Labels", _labels(checkpoint)]
    parts += ["## Results", "None are stated here: this file is written from the checkpoint, before any judging."]
    return "\n\n".join(parts) + "\n"


def _what(checkpoint: Checkpoint) -> str:
    if not checkpoint.description:
        return "pretrained to predict masked tokens"
    kinds = {"token_classification": "tag words", "sequence_classification": "label texts"}
    return f"fine-tuned to {kinds[checkpoint.task]} (task `{checkpoint.description.name}`)"


def _use(checkpoint: Checkpoint) -> str:
    text = {"fill-mask": "בירת ישראל היא <mask>."}.get(checkpoint.kind.pipeline, "שלום עולם")
    options = ', aggregation_strategy="first"' if checkpoint.task == "token_classification" else ""
    return "\n".join(
        [
            "```python",
            "from transformers import pipeline",
            "",
            f'model = pipeline("{checkpoint.kind.pipeline}", "path/of/this/folder"{options})',
            f'model("{text}")',
            "```",
        ]
    )


def _model(checkpoint: Checkpoint, parameters: int) -> Rows:
    config = checkpoint.config
    return [
        ("architecture of the checkpoint", f"`{checkpoint.architecture}`"),
        ("parameters, the embedding counted once", f"{parameters:,}"),
        ("layers x width", f"{config.layers} x {config.width}"),
        ("attention heads", config.heads),
        ("feed-forward width", f"{config.feed_forward_width:,}"),
        ("longest input in tokens, `<s>` and `</s>` included", f"{config.max_positions:,}"),
        (
            "dropout: hidden, attention, activation",
            _join(config.dropout, config.attention_dropout, config.activation_dropout),
        ),
        ("numbers", "float32"),
    ]


def _vocabulary(vocabulary: Vocabulary) -> str:
    fillers = sum(symbol.startswith(FILLER) for symbol in vocabulary.symbols)
    entries = len(vocabulary.symbols) - fillers
    filler = (
        f", {fillers} `{FILLER}` entries that only fill fairseq's dictionary up to a multiple of 8" if fillers else ""
    )
    return (
        f"Byte-level BPE. The embedding has {len(vocabulary):,} rows: {len(SPECIALS)} specials "
        f"({' '.join(f'`{name}`' for name in SPECIALS)}), {entries:,} entries of the BPE{filler}, and `{MASK}`. "
        "Ids follow fairseq's dict.txt. A special that is written in a text is read as one; training took it for "
        "ordinary text, as `split_special_tokens=True` does."
    )


def _labels(checkpoint: Checkpoint) -> str:
    description = checkpoint.description
    if checkpoint.task == "token_classification":
        types = ", ".join(
            f"`{key}`" + (f" ({name})" if name != key else "") for key, name in description.labels.items()
        )
        return (
            f"{len(checkpoint.labels)} tags: `O` and the tags of the scheme {description.scheme} for {types}. "
            "The tag of a word stands at its first token; what is predicted at its others means nothing."
        )
    rows = [(i, label, f"`{name}`") for i, (label, name) in enumerate(zip(checkpoint.labels, description.classes))]
    return "\n".join(["| id | label | in the task's files |", "|---|---|---|", *map(_row, rows)])


def _text_form(checkpoint: Checkpoint) -> str:
    if checkpoint.description:
        if checkpoint.description.normalize:
            return (
                f"The tokenizer takes text as it is; the texts of training were normalized: {NORMALIZED}. Do the same."
            )
        return "The tokenizer takes text as it is, and the texts of training were not normalized."
    return (
        "The tokenizer takes text as it is. Where the texts of training went through `fairseq-hebrew clean`, which the "
        f"checkpoint does not record, they were normalized ({NORMALIZED}); do the same with yours."
    )


def _training(checkpoint: Checkpoint) -> Rows:
    get = checkpoint.setting
    planned = get("optimization", "max_update", 0)
    schedule = ("warmup_updates", "total_num_update", "power", "end_learning_rate")
    rows: Rows = [
        ("updates", f"{checkpoint.updates:,}" + (f" of {planned:,} planned" if planned > checkpoint.updates else "")),
        ("batch", _batch(checkpoint)),
    ]
    if checkpoint.description:
        started = get("checkpoint", "finetune_from_model")
        longest = get("task", "max_tokens_per_sample", checkpoint.description.max_tokens)
        rows += [
            ("task", checkpoint.description.name),
            ("started from the checkpoint", f"`{Path(started).name}`" if started else "none, fresh weights"),
            ("metric the best checkpoint is chosen by", get("checkpoint", "best_checkpoint_metric")),
            ("longest sample in tokens", longest),
            ("dropout of the head", get("task", "head_dropout")),
        ]
    else:
        rows += [
            ("tokens per sample", get("task", "tokens_per_sample")),
            ("samples are made of", f"`--sample-break-mode {get('task', 'sample_break_mode')}`"),
            ("masking", _masking(checkpoint)),
        ]
    return [
        *rows,
        ("peak learning rate", _join(*_list(get("optimization", "lr")))),
        ("schedule", _named(checkpoint, "lr_scheduler", schedule)),
        ("optimizer", _named(checkpoint, "optimizer", ("adam_betas", "adam_eps", "weight_decay"))),
        ("gradients clipped at a norm of", get("optimization", "clip_norm") or "never"),
        ("precision", next((name for name in ("fp16", "bf16", "amp") if get("common", name)), "fp32")),
        ("seed", get("common", "seed")),
    ]


def _batch(checkpoint: Checkpoint) -> str:
    get = checkpoint.setting
    size, tokens = get("dataset", "batch_size"), get("dataset", "max_tokens")
    limits = [f"{size:,} samples"] if size else []
    limits += [f"at most {tokens:,} tokens"] if tokens else []
    devices = get("distributed_training", "distributed_world_size", 1)
    steps = _list(get("optimization", "update_freq", [1]))
    total = f" = {size * steps[0] * devices:,} samples" if size and not tokens and len(steps) == 1 else ""
    return f"{', '.join(limits) or 'not set'}, x {_join(*steps)} (update-freq) x {devices} (devices){total}"


def _masking(checkpoint: Checkpoint) -> str:
    kept, random = (checkpoint.setting("task", f"{name}_prob", 0.0) for name in ("leave_unmasked", "random_token"))
    return (
        f"{checkpoint.setting('task', 'mask_prob', 0.0):.4g} of the tokens: {1 - kept - random:.4g} of these by "
        f"`{MASK}`, {random:.4g} by a random token, {kept:.4g} left as they are"
    )


def _named(checkpoint: Checkpoint, group: str, names: tuple[str, ...]) -> str:
    found = [(name, checkpoint.setting(group, name)) for name in names]
    return ", ".join(
        [f"`{checkpoint.setting(group, '_name')}`", *(f"{name} {value}" for name, value in found if value is not None)]
    )


def _list(value: object) -> list:
    return list(value) if isinstance(value, list | tuple) else [value]


def _join(*values: object) -> str:
    return ", ".join(str(value) for value in values)


def _row(cells: tuple) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _table(rows: Rows) -> str:
    return "\n".join(["| | |", "|---|---|", *(_row(row) for row in rows if row[1] is not None)])
