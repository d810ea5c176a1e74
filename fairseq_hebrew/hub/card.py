"""The model card, README.md: what the model is, how it was trained, on what, and how it was judged: each from the
checkpoint, the manifests of the stages and the files of `score`, and said to be unknown where none of them tells."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from fairseq_hebrew import __version__
from fairseq_hebrew.text.dictionary import FILLER, MASK, SPECIALS
from fairseq_hebrew.text.huggingface import HuggingFace
from fairseq_hebrew.text.vocabulary import Vocabulary

from .card_data import data_section, results_section
from .card_tables import Rows, join, row, table
from .checkpoint import Checkpoint
from .formats import Format
from .keys import Kind
from .provenance import Manifest

NORMALIZED = (
    "niqqud, cantillation marks and bidirectional control characters removed, presentation forms mapped to letters, "
    "typographic gershayim and geresh between letters written as `\"` and `'`, white space as single blanks"
)
# family: its name, its paper, what it is
FAMILIES = {
    "hallelubert": ("HalleluBERT", "arXiv 2510.21372", "RoBERTa's"),
    "neodictabert": ("NeoDictaBERT", "arXiv 2510.20386", "NeoBERT's (arXiv 2502.19587)"),
}


@dataclass(frozen=True)
class Card:
    """All that a card is written from."""

    title: str
    checkpoint: Checkpoint
    kind: Kind
    form: Format
    vocabulary: Vocabulary
    parameters: int
    license: str
    manifests: list[Manifest]
    scores: list[dict]


# What is masked together, where that is not each token for itself.
MASK_UNITS = {"token": "", "word": ", in whole words", "span": ", in spans of whole words"}


def model_card(card: Card) -> str:
    """The text of README.md, with the front matter a hub reads."""
    checkpoint = card.checkpoint
    head = {
        "language": "he",
        "license": card.license,
        "library_name": "transformers",
        "pipeline_tag": card.kind.pipeline,
        "tags": ["hebrew", card.form.model_type, checkpoint.family, "fairseq"],
    }
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---",
        f"# {card.title}",
        _intro(card),
        _use(card),
        "## Model",
        table(_model(card)),
        "## Vocabulary",
        _vocabulary(card.vocabulary),
        _text_form(card),
        *(["## Labels", _labels(checkpoint)] if checkpoint.labels else []),
        "## Training",
        *_training(checkpoint),
        "## Data",
        data_section(checkpoint, card.manifests),
        "## Results",
        results_section(card.scores),
        "## Licence",
        _licence(card.license),
    ]
    return "\n\n".join(parts) + "\n"


def _intro(card: Card) -> str:
    name, paper, whose = FAMILIES[card.checkpoint.family]
    return (
        f"A Hebrew encoder of the architecture {name} ({paper}), which is {whose}, {_what(card.checkpoint)}. "
        f"{'Imported into' if card.checkpoint.imported else 'Trained with'} fairseq, exported by fairseq_hebrew "
        f"{__version__} as `{card.kind.architecture}`."
    )


def _what(checkpoint: Checkpoint) -> str:
    if checkpoint.task == "hebrew_masked_lm":
        return "pretrained to predict masked tokens"
    kinds = {
        "token_classification": "tag words",
        "sequence_classification": "label texts",
        "question_answering": "find answers in a text",
    }
    named = f" (task `{checkpoint.description.name}`)" if checkpoint.description else ""
    return f"fine-tuned to {kinds[checkpoint.task]}{named}"


def _use(card: Card) -> str:
    mask = "<mask>"
    if isinstance(card.vocabulary.tokenizer, HuggingFace):
        mask = "{model.tokenizer.mask_token}"
    code = ", trust_remote_code=True" if card.form.files() else ""
    if card.kind.pipeline == "question-answering":  # a pipeline that transformers 5 has no more
        lines = [
            "from transformers import AutoModelForQuestionAnswering",
            "",
            f'model = AutoModelForQuestionAnswering.from_pretrained("path/of/this/folder"{code})',
        ]
    else:
        text = f'{"f" * (mask != "<mask>")}"בירת ישראל היא {mask}."'
        options = ', aggregation_strategy="first"' if card.kind.pipeline == "token-classification" else ""
        lines = [
            "from transformers import pipeline",
            "",
            f'model = pipeline("{card.kind.pipeline}", "path/of/this/folder"{options}{code})',
            f"model({text})" if card.kind.pipeline == "fill-mask" else 'model("שלום עולם")',
        ]
    return "\n".join(["```python", *lines, "```"])


def _model(card: Card) -> Rows:
    checkpoint, config = card.checkpoint, card.checkpoint.config
    heads, parts = config.heads, (config.norm, config.norm_placement, config.positions, config.feed_forward)
    local = f", {config.local_window} tokens on each side in local layers" if config.local_window else ""
    return [
        ("architecture of the checkpoint", f"`{checkpoint.architecture}`"),
        ("parameters, a tied embedding counted once", f"{card.parameters:,}"),
        ("layers x width", f"{config.layers} x {config.width}"),
        ("attention heads", f"{heads}{local}"),
        ("feed-forward width", f"{config.feed_forward_width:,}"),
        ("norm, its place, positions, feed-forward", join(*parts)),
        ("longest input in tokens, `<s>` and `</s>` included", f"{config.max_positions:,}"),
        (
            "dropout: hidden, attention, activation",
            join(config.dropout, config.attention_dropout, config.activation_dropout),
        ),
        ("numbers", "float32"),
    ]


def _vocabulary(vocabulary: Vocabulary) -> str:
    fillers = sum(symbol.startswith(FILLER) for symbol in vocabulary.symbols)
    entries = len(vocabulary.symbols) - fillers
    if isinstance(vocabulary.tokenizer, HuggingFace):
        return (
            "A tokenizer of another origin, with its own names for the specials. The embedding has "
            f"{len(vocabulary):,} rows: {len(SPECIALS)} specials, {entries:,} entries, and the mask. "
            "Ids follow fairseq's dict.txt."
        )
    filler = (
        f", {fillers} `{FILLER}` entries that only fill fairseq's dictionary up to a multiple of 8" if fillers else ""
    )
    return (
        f"Byte-level BPE. The embedding has {len(vocabulary):,} rows: {len(SPECIALS)} specials "
        f"({' '.join(f'`{name}`' for name in SPECIALS)}), {entries:,} entries of the BPE{filler}, and `{MASK}`. "
        "Ids follow fairseq's dict.txt. A special that is written in a text is read as one; training took it for "
        "ordinary text, as `split_special_tokens=True` does."
    )


# Where the tag of a word is found, by the option it was trained with.
WORD_LABELS = {
    "first": "The tag of a word stands at its first token; what is predicted at its others means nothing.",
    "all": "The tag of a word is that of the mean of its tokens' log-probabilities (`log_softmax` of the logits).",
    "mean": "The tag of a word is that of the mean of its tokens' logits.",
}


def _labels(checkpoint: Checkpoint) -> str:
    description = checkpoint.description
    if checkpoint.task == "token_classification":
        types = ", ".join(
            f"`{key}`" + (f" ({name})" if name != key else "") for key, name in description.labels.items()
        )
        return (
            f"{len(checkpoint.labels)} tags: `O` and the tags of the scheme {description.tag_scheme} for {types}. "
            f"{WORD_LABELS[checkpoint.setting('task', 'word_label', 'first')]}"
        )
    rows = [(i, label, f"`{name}`") for i, (label, name) in enumerate(zip(checkpoint.labels, description.classes))]
    return "\n".join(["| id | label | in the task's files |", "|---|---|---|", *map(row, rows)])


def _text_form(card: Card) -> str:
    takes, description = "The tokenizer takes text as it is", card.checkpoint.description
    if isinstance(card.vocabulary.tokenizer, HuggingFace):
        takes = "The tokenizer changes a text as it did where it came from"
    if description:
        if description.normalize:
            return f"{takes}; the texts of training were normalized: {NORMALIZED}. Do the same."
        return f"{takes}, and the texts of training were not normalized."
    if any(manifest.stage == "clean" for manifest in card.manifests):
        return (
            f"{takes}; the texts of training went through `fairseq-hebrew clean`: {NORMALIZED}. Do the same with yours."
        )
    return (
        f"{takes}. Where the texts of training went through `fairseq-hebrew clean`, of which no manifest tells here, "
        f"they were normalized ({NORMALIZED}); do the same with yours."
    )


def _licence(license: str) -> str:
    if license == "unknown":
        return "None was stated when this folder was written."
    return f"The model: {license}. That of the texts is their own."


def _training(checkpoint: Checkpoint) -> list[str]:
    if checkpoint.imported and not checkpoint.updates:
        return [
            f"Imported from a folder of the format `{checkpoint.imported}`, which does not tell how it was trained."
        ]
    return ["Read from the checkpoint.", table(_recipe(checkpoint))]


def _recipe(checkpoint: Checkpoint) -> Rows:
    get = checkpoint.setting
    planned = get("optimization", "max_update", 0)
    schedule = ("warmup_updates", "total_num_update", "power", "end_learning_rate")
    rows: Rows = [
        ("updates", f"{checkpoint.updates:,}" + (f" of {planned:,} planned" if planned > checkpoint.updates else "")),
        ("batch", _batch(checkpoint)),
    ]
    if checkpoint.task != "hebrew_masked_lm":
        started = get("checkpoint", "finetune_from_model")
        description = checkpoint.description
        longest = checkpoint.longest or get("task", "max_tokens_per_sample", description and description.max_tokens)
        rows += [
            ("task", description and description.name),
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
        ("peak learning rate", join(*_list(get("optimization", "lr")))),
        ("schedule", _named(checkpoint, "lr_scheduler", schedule)),
        ("optimizer", _named(checkpoint, "optimizer", ("adam_betas", "adam_eps", "weight_decay"))),
        ("gradients clipped at a norm of", get("optimization", "clip_norm") or "never"),
        ("precision", _precision(checkpoint)),
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
    return f"{', '.join(limits) or 'not set'}, x {join(*steps)} (update-freq) x {devices} (devices){total}"


def _masking(checkpoint: Checkpoint) -> str:
    kept, random = (checkpoint.setting("task", f"{name}_prob", 0.0) for name in ("leave_unmasked", "random_token"))
    fixed, share = checkpoint.setting("task", "masked_a_row", 0), checkpoint.setting("task", "mask_prob", 0.0)
    count = f"{fixed:,} tokens a row" if fixed else f"{share:.4g} of the tokens"
    unit = MASK_UNITS[str(checkpoint.setting("task", "mask_unit", "token"))]
    return (
        f"{count}{unit}: {1 - kept - random:.4g} of these by "
        f"`{MASK}`, {random:.4g} by a random token, {kept:.4g} left as they are"
    )


def _named(checkpoint: Checkpoint, group: str, names: tuple[str, ...]) -> str:
    found = [(name, checkpoint.setting(group, name)) for name in names]
    return ", ".join(
        [f"`{checkpoint.setting(group, '_name')}`", *(f"{name} {value}" for name, value in found if value is not None)]
    )


def _list(value: object) -> list:
    return list(value) if isinstance(value, list | tuple) else [value]


def _precision(checkpoint: Checkpoint) -> str:
    """fairseq's own options change the weights, the model's the products alone."""
    get = checkpoint.setting
    weights = next((name for name in ("fp16", "bf16", "amp") if get("common", name)), "fp32")
    products = get("model", "autocast", "none")
    fp8 = ", the layers' in fp8" if get("model", "fp8", False) else ""
    return weights if products == "none" else f"{weights}, matrix products in {products}{fp8}"
