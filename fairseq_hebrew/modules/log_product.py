"""The product of a chain of matrices of logarithms, pair by pair: in as many steps as log2 of their number (Hassan,
Särkkä and García-Fernández 2021, "Temporal Parallelization of Inference in Hidden Markov Models").
"""

from __future__ import annotations

import torch
from torch import Tensor


class LogProduct(torch.autograd.Function):
    """left (..., A, K), right (..., K, B), logarithms -> (..., A, B), those of the sums over K of the products.

    -inf is the logarithm of 0; no gradient is NaN for it. A x K x B numbers are summed in each of three sums, of which
    XLA keeps none: what is kept is as large as the arguments. Where operations are run one by one they are all there.
    """

    @staticmethod
    def forward(ctx, left: Tensor, right: Tensor) -> Tensor:
        ways = left.unsqueeze(-2) + right.mT.unsqueeze(-3)  # (..., A, B, K)
        most = _finite(ways.amax(dim=-1))
        made = (ways - most.unsqueeze(-1)).exp().sum(dim=-1).log() + most
        ctx.save_for_backward(left, right, made)
        return made

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, Tensor]:
        left, right, made = ctx.saved_tensors
        made = _finite(made)
        # Each way's share of its sum, in two orders: numbers that two sums read would be kept.
        shares = (left.unsqueeze(-1) + right.unsqueeze(-3) - made.unsqueeze(-2)).exp()  # (..., A, K, B)
        of_left = (shares * gradient.unsqueeze(-2)).sum(dim=-1)
        shares = (right.unsqueeze(-1) + left.mT.unsqueeze(-2) - made.mT.unsqueeze(-3)).exp()  # (..., K, B, A)
        return of_left, (shares * gradient.mT.unsqueeze(-3)).sum(dim=-1)


def chain_product(matrices: Tensor, mask: Tensor) -> Tensor:
    """matrices (B, N, L, L), N > 0, mask (B, N) bool, whose True stand at the left of a row -> (B, L, L), the product
    of the matrices of its mask; of a row that has none, its first as it is.
    """
    while matrices.size(1) > 1:
        pairs = matrices.size(1) // 2
        left, right, rest = matrices[:, : 2 * pairs : 2], matrices[:, 1 : 2 * pairs : 2], matrices[:, 2 * pairs :]
        both = mask[:, 1 : 2 * pairs : 2]
        made = torch.where(both[:, :, None, None], LogProduct.apply(left, right), left)
        matrices, mask = torch.cat([made, rest], dim=1), mask[:, ::2]
    return matrices[:, 0]


def _finite(logarithms: Tensor) -> Tensor:
    return logarithms.clamp(min=torch.finfo(logarithms.dtype).min)
