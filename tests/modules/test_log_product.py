"""Chains of matrices of logarithms against products of the numbers themselves, and against finite differences."""

import pytest
import torch

from fairseq_hebrew.modules.log_product import LogProduct, chain_product

NONE = float("-inf")


def test_a_product_is_that_of_the_numbers():
    numbers = [torch.rand(3, 2, 4, dtype=torch.float64), torch.rand(3, 4, 5, dtype=torch.float64)]
    numbers[0][0, 1] = 0  # a row, an entry: -inf among the logarithms
    numbers[1][2, 0, 3] = 0
    found = LogProduct.apply(*[part.log() for part in numbers])
    torch.testing.assert_close(found.exp(), numbers[0] @ numbers[1])
    assert (found[0, 1] == NONE).all()


def test_gradients_are_those_of_finite_differences():
    generator = torch.Generator().manual_seed(1)
    left, right = (torch.randn(2, 3, 3, dtype=torch.float64, generator=generator, requires_grad=True) for _ in "ab")
    assert torch.autograd.gradcheck(LogProduct.apply, (left, right))


def test_zeros_and_large_numbers_have_no_nan_in_their_gradients():
    left = torch.tensor([[[NONE, NONE], [3e4, NONE]]], requires_grad=True)
    right = torch.tensor([[[-5e4, NONE], [1e30, 2.0]]], requires_grad=True)
    found = LogProduct.apply(left, right)
    assert found.tolist() == [[[NONE, NONE], [-2e4, NONE]]]
    found[0, 1, 0].backward()
    assert left.grad.tolist() == [[[0, 0], [1, 0]]] and right.grad.tolist() == [[[1, 0], [0, 0]]]


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 6, 7, 9, 16, 31])
def test_a_chain_is_the_product_of_those_of_the_mask(count):
    generator = torch.Generator().manual_seed(count)
    numbers = torch.rand(count + 1, count, 3, 3, dtype=torch.float64, generator=generator)
    lengths = torch.arange(count + 1)
    found = chain_product(numbers.log(), torch.arange(count) < lengths.unsqueeze(1)).exp()
    for row, length in enumerate(lengths.tolist()):
        wanted = torch.eye(3, dtype=torch.float64)
        for matrix in numbers[row, : max(length, 1)]:
            wanted = wanted @ matrix
        torch.testing.assert_close(found[row], wanted)
