"""The fairseq model around the encoder; a family of architectures is this class and a table of choices."""

import logging
from contextlib import nullcontext

import torch
from fairseq.models import BaseFairseqModel, register_model, register_model_architecture
from torch import Tensor, nn
from torch.nn import functional as F

from fairseq_hebrew.models import state_dict as names
from fairseq_hebrew.models.options import EncoderOptions, Family, encoder_config, fill
from fairseq_hebrew.models.running import execution, prepare
from fairseq_hebrew.modules import EncoderConfig, Execution, MaskedLMHead, TransformerEncoder
from fairseq_hebrew.modules.attention import BackendError
from fairseq_hebrew.modules.batch import Batch
from fairseq_hebrew.modules.embedding import tied_embedding
from fairseq_hebrew.modules.heads import HEADS
from fairseq_hebrew.modules.initialize import init_weights
from fairseq_hebrew.stage.errors import UserError

logger = logging.getLogger(__name__)


class EncoderModel(BaseFairseqModel):
    """`encoder`, and either `lm_head` (pretraining) or `heads` (fine-tuning).

    Names in a checkpoint: `encoder.*`, `lm_head.{dense,norm}.*`, `lm_head.{weight,bias}`, `heads.NAME.*`.
    """

    family: Family

    def __init__(self, config: EncoderConfig, run: Execution | None = None, autocast: torch.dtype | None = None):
        """autocast: the type of matrix products, None for the weights' own."""
        super().__init__()
        self.autocast = autocast
        self.encoder = TransformerEncoder(config, run)
        self.lm_head = MaskedLMHead(config)
        self.heads = nn.ModuleDict()
        self.lm_head.apply(lambda module: init_weights(module, config))

    @classmethod
    def build_model(cls, cfg, task):
        """The model for `task.source_dictionary`; raises UserError for options that make no encoder."""
        dictionary = task.source_dictionary
        config = encoder_config(cfg, cls.family, len(dictionary), dictionary.pad())
        run, autocast = execution(cfg)
        model = cls(config, run, autocast)
        prepare(model.encoder, cfg)
        return model

    def forward(
        self,
        src_tokens: Tensor,
        src_lengths: Tensor | None = None,
        masked_tokens=None,
        features_only: bool = False,
        head: str | None = None,
        target: Tensor | None = None,
        masked_positions: Tensor | None = None,
        num_masked: int | None = None,
        word_starts: Tensor | None = None,
        **documents,
    ) -> tuple[Tensor | tuple[Tensor, Tensor], dict]:
        """src_tokens (B, T) int64 -> (output, {}); `documents`: the arguments of `modules.batch.read_batch`. The output
        is what is asked for:

        - target (B, T), the padding id where nothing is predicted: (loss, right), the masked-LM loss summed over the
          predicted positions, in nats, and how many are right. No logits are kept. `num_masked`: how many there are,
          where the host knows it. With masked_positions (B, K), places in each row, target is (B, K): every shape is
          fixed, and what fills a row up to K has the padding id for its target;
        - head="NAME": what `heads[NAME]` makes of the features, and of word_starts (B, T) where it reads words, or of
          where no padding is, where it reads that;
        - features_only: features (B, T, C);
        - masked_tokens, a bool mask (B, T) or a tuple of indices: logits (N, V) of those positions;
        - otherwise logits (B, T, V).
        Raises UserError when logits are asked of a model that has only heads, or attention cannot run here as asked.
        """
        documents = {name: documents[name] for name in FORMS if name in documents}
        with self._products(src_tokens.device.type):
            try:
                batch = self.encoder.read(src_tokens, **documents)
            except BackendError as error:
                raise UserError(str(error)) from error
            if target is not None:
                self._check_lm_head()
                return self._loss(batch, target, masked_positions, num_masked), {}
            features = self.encoder.encode(batch)  # (N, C)
            if head is not None:
                more = () if word_starts is None else (word_starts,)
                if getattr(self.heads[head], "reads_padding", False):
                    more = (src_tokens.ne(self.encoder.config.padding_idx),)
                return self.heads[head](batch.to_rows(features), *more), {}
            if features_only:
                return batch.to_rows(features), {}
            self._check_lm_head()
            embedding = self.encoder.embed_tokens.weight
            if isinstance(masked_tokens, Tensor):
                return self.lm_head(features[batch.from_rows(masked_tokens)], embedding), {}
            rows = batch.to_rows(features)
            return self.lm_head(rows if masked_tokens is None else rows[masked_tokens], embedding), {}

    def _loss(
        self, batch: Batch, target: Tensor, masked_positions: Tensor | None, num_masked: int | None
    ) -> tuple[Tensor, Tensor]:
        ignore = self.encoder.config.padding_idx
        if masked_positions is not None:
            where, target = batch.at(masked_positions), target.flatten()
        else:
            target = batch.from_rows(target)
            chosen = target.ne(ignore)
            asked = num_masked is None or chosen.device.type == "cpu"  # a CPU need not be waited for
            where = chosen.nonzero() if asked else chosen.nonzero_static(size=num_masked)
            where = where.squeeze(1)
            target = target[where]
        vectors, matrix = None, self.encoder.embed_tokens.weight
        if self.encoder.config.tie_embeddings and matrix.requires_grad and torch.is_grad_enabled():
            vectors, matrix = tied_embedding(self.encoder.embed_tokens, batch.tokens)
        return self.lm_head.loss(self.encoder.encode(batch, where, vectors), matrix, target, ignore)

    def _products(self, device_type: str):
        return nullcontext() if self.autocast is None else torch.autocast(device_type, self.autocast)

    def _check_lm_head(self) -> None:
        if self.lm_head is None:
            raise UserError(
                f"this model has no masked-LM head, it is fine-tuned (head {', '.join(self.heads)}); "
                "train it with --criterion classification"
            )

    def register_head(self, name: str, num_labels: int, kind: str = "token", dropout: float = 0.1) -> None:
        """Give the model a fine-tuning head, with fresh weights, in place of its masked-LM head.

        kind "token": a label a position; "sequence": a label a sequence, read at `<s>`; "span": where a span begins and
        ends, `num_labels` 2; "embedding": a vector a sequence, `num_labels` is not looked at.
        Raises ValueError for another kind or fewer than one label.
        """
        if kind not in HEADS:
            raise ValueError(f"a head is of kind {' or '.join(HEADS)}, not {kind!r}")
        if num_labels < 1:
            raise ValueError(f"head {name!r} needs at least one label")
        config = self.encoder.config
        made = HEADS[kind](config.width, num_labels, dropout)
        made.apply(lambda module: init_weights(module, config))
        self.heads[name] = made.to(self.encoder.embed_tokens.weight.device)
        self.lm_head = None  # fine-tuning carries no weights it does not use

    def max_positions(self) -> int:
        """Tokens in the longest sample, `<s>` and `</s>` included."""
        return self.encoder.config.max_positions

    def get_normalized_probs(self, net_output, log_probs, sample=None):
        """fairseq's hook: (output, extra) -> probabilities of the same shape, in fp32."""
        logits = net_output[0].float()
        return F.log_softmax(logits, dim=-1) if log_probs else F.softmax(logits, dim=-1)

    def upgrade_state_dict_named(self, state_dict: dict, name: str) -> None:
        """Bring a checkpoint to this model's names, in place; raises UserError, in one line, where it cannot be.

        Stock RoBERTa's names are translated. A model with heads takes no masked-LM head, keeps its fresh weights for
        heads the checkpoint lacks, and leaves out heads it does not have.
        """
        prefix = f"{name}." if name else ""
        if names.is_stock(state_dict, prefix):
            names.from_stock_roberta(state_dict, prefix)
            logger.info("read a checkpoint of fairseq's RoBERTa")
        heads_there = {key[len(prefix) :].split(".")[1] for key in state_dict if key.startswith(f"{prefix}heads.")}
        has_lm_head = any(key.startswith(f"{prefix}lm_head.") for key in state_dict)
        if self.lm_head is not None and heads_there and not has_lm_head:
            raise UserError(
                f"the checkpoint is fine-tuned (head {', '.join(sorted(heads_there))}) and has no masked-LM head; "
                "use the task it was fine-tuned with, or a pretraining checkpoint"
            )
        if self.lm_head is None and has_lm_head:
            _drop(state_dict, f"{prefix}lm_head.")
            logger.info("left out the checkpoint's masked-LM head")
        for head in sorted(heads_there - set(self.heads)):
            _drop(state_dict, f"{prefix}heads.{head}.")
            logger.info(f"left out the checkpoint's head {head}: this model has none of that name")
        own = {prefix + key: value for key, value in self.state_dict().items()}
        for head in sorted(set(self.heads) - heads_there):
            fresh = {k: v for k, v in own.items() if k.startswith(f"{prefix}heads.{head}.")}
            state_dict.update(fresh)
            if fresh:
                logger.info(f"head {head} starts from fresh weights")
        self._check_labels(state_dict, prefix)
        names.check(state_dict, own, prefix)

    def _check_labels(self, state_dict: dict, prefix: str) -> None:
        for head, module in self.heads.items():
            there = state_dict.get(f"{prefix}heads.{head}.out.bias")
            if there is not None and len(there) != module.out.out_features:
                raise UserError(
                    f"the checkpoint's head {head} has {len(there)} labels, this task makes {module.out.out_features}; "
                    "use the labels the checkpoint was fine-tuned with, or start from a pretraining checkpoint"
                )


# What a batch may say about its documents: the arguments of read_batch.
FORMS = ("segment_ids", "cu_seqlens", "lengths", "padded")


def _drop(state_dict: dict, start: str) -> None:
    for key in [key for key in state_dict if key.startswith(start)]:
        del state_dict[key]


def register_family(family: Family):
    """Register a model class with fairseq under the family's name, and an architecture for each of its sizes."""

    def register(cls: type[EncoderModel]) -> type[EncoderModel]:
        cls.family = family
        registered = register_model(family.name, dataclass=EncoderOptions)(cls)
        for size in family.sizes:
            _register_size(family, size)
        return registered

    return register


def _register_size(family: Family, size: str) -> None:
    register_model_architecture(family.name, f"{family.name}_{size}")(lambda cfg: fill(cfg, family, size))
