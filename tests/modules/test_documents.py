"""Attention document by document, with and without cutting, against the plain one; what dropout keeps."""

import pytest
import torch

from fairseq_hebrew.modules.attention.documents import documents
from fairseq_hebrew.modules.attention.plain import plain
from fairseq_hebrew.modules.dropout import kept
from fairseq_hebrew.modules.layout import unpadded


@pytest.mark.parametrize("window", [0, 2])
@pytest.mark.parametrize("lengths", [(7,), (5, 5, 5), (5, 5, 3), (1, 9, 9, 2)])
def test_documents_equal_plain_attention(lengths, window):
    torch.manual_seed(0)
    total = sum(lengths)
    layout = unpadded(torch.tensor([0, *lengths]).cumsum(0), total, lengths)
    made = []
    qkv = torch.randn(total, 3, 2, 4, dtype=torch.float64)
    grad = torch.randn(total, 2, 4, dtype=torch.float64)
    for attend in (documents, plain):
        given = qkv.clone().requires_grad_()
        y = attend(*given.unbind(1), layout, window)
        y.backward(grad)
        made.append((y.detach(), given.grad))
    for ours, theirs in zip(*made):
        torch.testing.assert_close(ours, theirs, atol=1e-12, rtol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_kept_is_the_product(dtype):
    torch.manual_seed(0)
    x, keep = torch.randn(33, 5, dtype=dtype), torch.rand(33, 5) > 0.3
    assert torch.equal(kept(x, keep, 1.25), torch.where(keep, x, 0 * x) * 1.25)
    assert torch.equal(kept(x.t(), keep.t(), 1.25), kept(x, keep, 1.25).t())
