"""NeoBERT (arXiv 2502.19587) for transformers: the code that an exported model brings along. Needs torch and
transformers alone.

Tensors have the names and the layout of the published checkpoint, so weights pass between this code and the published
one. What is its own:
- padding is masked, not multiplied: no weight on it, exactly; the mask is (batch, 1, 1, length) and never copied;
- positions are real cosines and sines, made for each batch in fp32: there is no buffer that loading could leave empty;
- attention is torch's scaled_dot_product_attention; its weights, where asked for, are the softmax that was used.
"""

import torch
from torch import nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.modeling_outputs import (
    BaseModelOutput,
    MaskedLMOutput,
    QuestionAnsweringModelOutput,
    SequenceClassifierOutput,
    TokenClassifierOutput,
)

from .configuration_neobert import NeoBERTConfig


def rotary(position_ids, head_width, theta, dtype):
    """Cosines and sines of the angles (arXiv 2104.09864), (batch or 1, 1, length, head_width / 2), in fp32 or fp64."""
    precise = torch.float64 if dtype == torch.float64 else torch.float32
    pace = 1.0 / theta ** (torch.arange(0, head_width, 2, device=position_ids.device).to(precise) / head_width)
    angles = position_ids.to(precise)[:, None, :, None] * pace
    return angles.cos(), angles.sin()


def turn(x, cos, sin):
    """x (batch, heads, length, head_width): dimensions 2i and 2i + 1 are turned together."""
    even, odd = x.to(cos.dtype).unflatten(-1, (-1, 2)).unbind(-1)
    return torch.stack((even * cos - odd * sin, odd * cos + even * sin), dim=-1).flatten(-2).to(x.dtype)


def attention_mask_of(mask, dtype):
    """What scaled_dot_product_attention takes: None where everything is read, bool or additive otherwise.

    mask: (batch, length), 1 or True at tokens; or (batch, queries, keys) or (batch, heads or 1, queries, keys), where a
    floating-point one is added to the scores and any other says what is read. A query that may read nothing reads
    everything: its softmax would be NaN. Raises ValueError for a mask of another form.
    """
    if mask is None:
        return None
    if mask.dim() == 2:
        if mask.is_floating_point() and (mask < 0).any():
            raise ValueError("an attention_mask (batch, length) holds 1 for tokens and 0 for padding")
        read = mask.ne(0)
        # Asking a tensor what it holds would break a graph that is being traced.
        if not (torch.jit.is_tracing() or torch.compiler.is_compiling()) and read.all():
            return None
        mask = read[:, None, None, :]
    elif mask.dim() == 3:
        mask = mask[:, None]
    elif mask.dim() != 4:
        raise ValueError(f"an attention_mask has 2, 3 or 4 dimensions, this one has the shape {tuple(mask.shape)}")
    if mask.is_floating_point():
        return mask.to(dtype)
    read = mask.ne(0)
    return read | ~read.any(-1, keepdim=True)


class SwiGLU(nn.Module):
    """arXiv 2002.05202: the first half of w12's outputs goes through SiLU and multiplies the second."""

    def __init__(self, width, gate_width):
        super().__init__()
        self.w12 = nn.Linear(width, 2 * gate_width, bias=False)
        self.w3 = nn.Linear(gate_width, width, bias=False)

    def forward(self, x):
        gate, value = self.w12(x).chunk(2, dim=-1)
        return self.w3(F.silu(gate) * value)


class EncoderBlock(nn.Module):
    """Attention and feed-forward, an RMSNorm before each. The rows of qkv are, head by head, [q; k; v]."""

    def __init__(self, config):
        super().__init__()
        self.heads = config.num_attention_heads
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=False)
        self.wo = nn.Linear(config.hidden_size, config.hidden_size, bias=False)
        self.ffn = SwiGLU(config.hidden_size, config.gate_width)
        self.attention_norm = nn.RMSNorm(config.hidden_size, eps=config.norm_eps)
        self.ffn_norm = nn.RMSNorm(config.hidden_size, eps=config.norm_eps)

    def forward(self, x, cos, sin, mask, eager):
        """x (batch, length, width) -> the same, and the attention weights (batch, heads, length, length) if eager."""
        qkv = self.qkv(self.attention_norm(x)).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        q, k, v = qkv.chunk(3, dim=-1)  # (batch, heads, length, head_width) each
        q, k = turn(q, cos, sin), turn(k, cos, sin)
        weights = None
        if eager:
            weights = self.weights(q, k, mask)
            y = weights @ v
        else:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.wo(y.transpose(1, 2).flatten(2))
        return x + self.ffn(self.ffn_norm(x)), weights

    @staticmethod
    def weights(q, k, mask):
        scores = q @ k.transpose(-1, -2) * q.size(-1) ** -0.5
        if mask is not None:
            scores = scores.masked_fill(~mask, float("-inf")) if mask.dtype == torch.bool else scores + mask
        return scores.softmax(-1, dtype=torch.promote_types(q.dtype, torch.float32)).to(q.dtype)


class NeoBERTPreTrainedModel(PreTrainedModel):
    config_class = NeoBERTConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _no_split_modules = ("EncoderBlock",)

    def _init_weights(self, module):
        """Uniform, as published; norms 1, biases 0, the row of padding 0."""
        if isinstance(module, nn.Linear):
            bound = self.config.decoder_init_range
            nn.init.uniform_(module.weight, -bound, bound)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            bound = self.config.embedding_init_range
            nn.init.uniform_(module.weight, -bound, bound)
            if module.padding_idx is not None and not getattr(module.weight, "_is_hf_initialized", False):
                with torch.no_grad():
                    module.weight[module.padding_idx].zero_()
        elif isinstance(module, nn.RMSNorm):
            nn.init.ones_(module.weight)


class NeoBERT(NeoBERTPreTrainedModel):
    """The encoder."""

    def __init__(self, config):
        super().__init__(config)
        self.encoder = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.transformer_encoder = nn.ModuleList(EncoderBlock(config) for _ in range(config.num_hidden_layers))
        self.layer_norm = nn.RMSNorm(config.hidden_size, eps=config.norm_eps)
        self.gradient_checkpointing = False
        self.post_init()

    def get_input_embeddings(self):
        return self.encoder

    def set_input_embeddings(self, value):
        self.encoder = value

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        inputs_embeds=None,
        token_type_ids=None,
        output_attentions=None,
        output_hidden_states=None,
        return_dict=None,
    ):
        """input_ids (batch, length) or inputs_embeds (batch, length, width); attention_mask as of `attention_mask_of`;
        token_type_ids, which some tokenizers make, mean nothing here.

        hidden_states: the embeddings, what each layer made, the last one's after the final norm.
        Raises ValueError for an input longer than config.max_length.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give input_ids or inputs_embeds, one of the two")
        config = self.config
        want_weights = config.output_attentions if output_attentions is None else output_attentions
        want_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        x = self.encoder(input_ids) if inputs_embeds is None else inputs_embeds
        length = x.size(1)
        if length > config.max_length:
            raise ValueError(
                f"an input of {length} tokens, the model has read {config.max_length} at most: cut it, or set "
                "config.max_length if this is meant"
            )
        if position_ids is None:
            position_ids = torch.arange(length, device=x.device)[None]
        cos, sin = rotary(position_ids, config.dim_head, config.rope_theta, x.dtype)
        mask = attention_mask_of(attention_mask, x.dtype)
        eager = bool(want_weights) or config._attn_implementation == "eager"
        states, weights = [x], []
        for block in self.transformer_encoder:
            inputs = (x, cos, sin, mask, eager)
            if self.gradient_checkpointing and self.training:
                x, read = self._gradient_checkpointing_func(block.__call__, *inputs)
            else:
                x, read = block(*inputs)
            states.append(x)
            weights.append(read)
        x = self.layer_norm(x)
        states[-1] = x
        made = BaseModelOutput(
            last_hidden_state=x,
            hidden_states=tuple(states) if want_states else None,
            attentions=tuple(weights) if want_weights else None,
        )
        return made if _as_dict(config, return_dict) else made.to_tuple()


class NeoBERTWithHead(NeoBERTPreTrainedModel):
    """A head on the encoder: a subclass has `_logits` of the features, `_loss` of these and the labels."""

    output = TokenClassifierOutput

    def __init__(self, config):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.model = NeoBERT(config)

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        inputs_embeds=None,
        labels=None,
        token_type_ids=None,
        output_attentions=None,
        output_hidden_states=None,
        return_dict=None,
    ):
        """As NeoBERT's; labels (batch, length), -100 where nothing is predicted, or (batch,) for whole sequences."""
        read = self.model(
            input_ids,
            attention_mask,
            position_ids,
            inputs_embeds,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        logits = self._logits(read.last_hidden_state)
        loss = None if labels is None else self._loss(logits, labels)
        made = self.output(loss=loss, logits=logits, hidden_states=read.hidden_states, attentions=read.attentions)
        return made if _as_dict(self.config, return_dict) else made.to_tuple()

    def _loss(self, logits, labels):
        return F.cross_entropy(logits.flatten(0, -2), labels.flatten())


class NeoBERTLMHead(NeoBERTWithHead):
    """Masked-LM: an output matrix of its own, with a bias."""

    output = MaskedLMOutput

    def __init__(self, config):
        super().__init__(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()

    def get_output_embeddings(self):
        return self.decoder

    def set_output_embeddings(self, new_embeddings):
        self.decoder = new_embeddings

    def _logits(self, features):
        return self.decoder(features)


class NeoBERTForTokenClassification(NeoBERTWithHead):
    """A label for each token."""

    def __init__(self, config):
        super().__init__(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def _logits(self, features):
        return self.classifier(self.dropout(features))


class NeoBERTForSequenceClassification(NeoBERTWithHead):
    """A label for the sequence, read at its first token; the head of the published code."""

    output = SequenceClassifierOutput

    def __init__(self, config):
        super().__init__(config)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.classifier = nn.Linear(config.hidden_size, config.num_labels)
        self.post_init()

    def _logits(self, features):
        x = torch.tanh(self.dense(self.dropout(features[:, 0])))
        return self.classifier(self.dropout(x))

    def _loss(self, logits, labels):
        kind = self.config.problem_type
        if kind is None:
            whole = not labels.is_floating_point()
            kind = "regression" if self.num_labels == 1 else f"{'single' if whole else 'multi'}_label_classification"
        if kind == "regression":
            return F.mse_loss(logits.squeeze(-1), labels.to(logits.dtype).view_as(logits.squeeze(-1)))
        if kind == "multi_label_classification":
            return F.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
        return F.cross_entropy(logits, labels.flatten())


class NeoBERTForQuestionAnswering(NeoBERTWithHead):
    """Where an answer begins and ends."""

    def __init__(self, config):
        super().__init__(config)
        self.dropout = nn.Dropout(config.classifier_dropout)
        self.qa_outputs = nn.Linear(config.hidden_size, 2)
        self.post_init()

    def forward(
        self,
        input_ids=None,
        attention_mask=None,
        position_ids=None,
        inputs_embeds=None,
        start_positions=None,
        end_positions=None,
        token_type_ids=None,
        output_attentions=None,
        output_hidden_states=None,
        return_dict=None,
    ):
        """As NeoBERT's; start_positions and end_positions (batch,): the answer's first and last token, left out of the
        loss where they are outside of the input."""
        read = super().forward(
            input_ids,
            attention_mask,
            position_ids,
            inputs_embeds,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        start, end = read.logits.unbind(-1)  # (batch, length) each
        loss = None
        if start_positions is not None and end_positions is not None:
            loss = (self._end_loss(start, start_positions) + self._end_loss(end, end_positions)) / 2
        made = QuestionAnsweringModelOutput(
            loss=loss, start_logits=start, end_logits=end, hidden_states=read.hidden_states, attentions=read.attentions
        )
        return made if _as_dict(self.config, return_dict) else made.to_tuple()

    def _logits(self, features):
        return self.qa_outputs(self.dropout(features))

    @staticmethod
    def _end_loss(logits, where):
        where, outside = where.flatten(), logits.size(1)
        where = torch.where((where < 0) | (where > outside), outside, where)
        return F.cross_entropy(logits, where, ignore_index=outside)


def _as_dict(config, return_dict):
    return config.return_dict if return_dict is None else return_dict
