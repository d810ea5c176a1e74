"""NeoBERT, written from its paper (arXiv 2502.19587, section 3) and the layout of its published checkpoint alone.

Nothing of fairseq_hebrew is imported. A model is its state dict under the published names, and all is written out:
positions are multiplications by complex numbers of unit length, attention is one head after another, a gate is two
matrices. Slow and plain: what fast code is proved equal to.
"""

import torch
from torch import Tensor


def random_state(layers: int, width: int, inner: int, vocabulary: int, dtype: torch.dtype, seed: int = 0) -> dict:
    """Random weights of realistic scale under the published names; `inner` is what the gate sees."""
    generator = torch.Generator().manual_seed(seed)

    def matrix(rows: int, columns: int) -> Tensor:
        return torch.randn(rows, columns, generator=generator, dtype=torch.float64).to(dtype) * columns**-0.5

    def scales() -> Tensor:
        return (1 + 0.3 * torch.randn(width, generator=generator, dtype=torch.float64)).to(dtype)

    state = {"model.encoder.weight": matrix(vocabulary, width) * width**0.5}
    for i in range(layers):
        block = f"model.transformer_encoder.{i}"
        state |= {
            f"{block}.qkv.weight": matrix(3 * width, width),
            f"{block}.wo.weight": matrix(width, width),
            f"{block}.ffn.w12.weight": matrix(2 * inner, width),
            f"{block}.ffn.w3.weight": matrix(width, inner),
            f"{block}.attention_norm.weight": scales(),
            f"{block}.ffn_norm.weight": scales(),
        }
    return state | {
        "model.layer_norm.weight": scales(),
        "decoder.weight": matrix(vocabulary, width),
        "decoder.bias": matrix(1, vocabulary)[0],
    }


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """x over the root of its mean square (arXiv 1910.07467, equation 4)."""
    return x / torch.sqrt((x * x).mean(-1, keepdim=True) + eps) * weight


def turned(x: Tensor, theta: float) -> Tensor:
    """x (T, D): dimensions 2j and 2j + 1 of position t are one complex number, turned by t / theta ** (2j / D)
    (arXiv 2104.09864, section 3.2.2)."""
    T, D = x.shape
    # in the precision of x, as the published code has it in fp32: at position 4,095 its rounding can be seen
    pace = 1 / theta ** (torch.arange(0, D, 2).to(x.dtype) / D)
    angles = torch.arange(T).to(x.dtype)[:, None] * pace  # (T, D/2)
    points = torch.view_as_complex(x.reshape(T, D // 2, 2).contiguous())
    return torch.view_as_real(points * torch.polar(torch.ones_like(angles), angles)).reshape(T, D)


def attention(x: Tensor, qkv: Tensor, out: Tensor, heads: int, theta: float) -> Tensor:
    """x (T, C) -> (T, C); the rows of qkv (3 C, C) are, for each head, its queries', its keys', its values'."""
    C = x.size(1)
    D = C // heads
    read = []
    for head in qkv.view(heads, 3, D, C):
        q, k, v = (x @ part.T for part in head)  # (T, D) each
        scores = turned(q, theta) @ turned(k, theta).T / D**0.5  # (T, T)
        read.append(scores.softmax(-1) @ v)
    return torch.cat(read, dim=1) @ out.T


def feed_forward(x: Tensor, w12: Tensor, w3: Tensor) -> Tensor:
    """SwiGLU (arXiv 2002.05202): the first half of w12's rows goes through x sigmoid(x) and multiplies the second."""
    first, second = (x @ half.T for half in w12.chunk(2))
    return (first * torch.sigmoid(first) * second) @ w3.T


def encode(state: dict, tokens: Tensor, heads: int, eps: float = 1e-5, theta: float = 10_000.0) -> Tensor:
    """Token ids (T,) of one document, unpadded -> what the output matrix is applied to, (T, C)."""
    x = state["model.encoder.weight"][tokens]
    layers = 1 + max(int(name.split(".")[2]) for name in state if name.startswith("model.transformer_encoder."))
    for i in range(layers):
        block = {name: state[f"model.transformer_encoder.{i}.{name}.weight"] for name in BLOCK}
        x = x + attention(rms_norm(x, block["attention_norm"], eps), block["qkv"], block["wo"], heads, theta)
        x = x + feed_forward(rms_norm(x, block["ffn_norm"], eps), block["ffn.w12"], block["ffn.w3"])
    return rms_norm(x, state["model.layer_norm.weight"], eps)


BLOCK = ("attention_norm", "qkv", "wo", "ffn_norm", "ffn.w12", "ffn.w3")


def logits(state: dict, tokens: Tensor, heads: int, **options) -> Tensor:
    """As `encode`, with the masked-LM head: (T, V)."""
    return encode(state, tokens, heads, **options) @ state["decoder.weight"].T + state["decoder.bias"]
