"""The forward algorithm and Viterbi's against the sum and the best over all labellings, one by one."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from fairseq_hebrew.modules.crf import LinearChainCRF, packed
from fairseq_hebrew.text.spans import broken, may_follow

TAGS = {"bio": ["O", "B-A", "I-A", "B-B", "I-B"], "bioes": ["O", "B-A", "I-A", "E-A", "S-A"]}


def made(scheme, seed):
    tags = TAGS[scheme]
    crf = LinearChainCRF(
        [[may_follow(before, after, scheme) for after in tags] for before in tags],
        [may_follow(None, tag, scheme) for tag in tags],
        [may_follow(tag, None, scheme) for tag in tags],
    )
    torch.manual_seed(seed)
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    return crf


def path_score(crf, scores, labels, begins, ends):
    """Of one labelling of the words' scores (N, L), as it is defined."""
    total = sum(scores[i, label] for i, label in enumerate(labels))
    total = total + sum(crf.transitions[a, b] for a, b in itertools.pairwise(labels))
    return total + begins * crf.begin[labels[0]] + ends * crf.end[labels[-1]]


def rows():
    """Labels at 4 places, scattered; at 3; at one; at none: an empty row."""
    mask = torch.zeros(4, 7, dtype=torch.bool)
    for row, places in enumerate([(1, 2, 4, 6), (1, 4, 5), (3,), ()]):
        mask[row, list(places)] = True
    return mask


@pytest.mark.parametrize("scheme", sorted(TAGS))
@pytest.mark.parametrize("whole", [True, False])
def test_equal_to_brute_force(scheme, whole):
    crf, mask = made(scheme, 1), rows()
    scores = torch.randn(4, 7, 5, generator=torch.Generator().manual_seed(2))
    target = torch.randint(0, 5, (4, 7), generator=torch.Generator().manual_seed(3)).masked_fill(~mask, -100)
    edge = torch.full((4,), whole)
    losses, found = crf.loss(scores, target, edge, edge), crf.decode(scores, mask, edge, edge)
    for row in range(3):
        own, gold = scores[row][mask[row]], target[row][mask[row]].tolist()
        ways = {
            labels: path_score(crf, own, labels, float(whole), float(whole))
            for labels in itertools.product(range(5), repeat=len(own))
        }
        partition = torch.logsumexp(torch.stack(list(ways.values())), dim=0)
        torch.testing.assert_close(losses[row], partition - ways[tuple(gold)])
        inner = [may_follow(TAGS[scheme][a], TAGS[scheme][b], scheme) for a in range(5) for b in range(5)]
        assert not all(inner)
        allowed = [labels for labels in ways if is_allowed(labels, scheme, whole)]
        assert tuple(found[row][mask[row]].tolist()) == max(allowed, key=lambda labels: ways[labels].item())
    assert losses[3] == 0 and (found[~mask] == 0).all()


def is_allowed(labels, scheme, whole):
    tags = [TAGS[scheme][label] for label in labels]
    inside = [place for place in broken(tags, scheme) if 0 < place < len(tags)]
    return not inside and (not whole or not broken(tags, scheme))


def test_padding_changes_nothing_and_gradients_are_finite():
    crf, mask = made("bioes", 4), rows()
    scores = torch.randn(4, 7, 5)
    target = torch.zeros(4, 7, dtype=torch.int64).masked_fill(~mask, -100)
    edge = torch.tensor([True, False, True, True])
    wide = torch.cat([scores, torch.full((4, 9, 5), 1e4)], dim=1)
    padded = torch.cat([target, torch.full((4, 9), -100)], dim=1)
    torch.testing.assert_close(crf.loss(wide, padded, edge, edge), crf.loss(scores, target, edge, edge))
    longer = crf.decode(wide, padded >= 0, edge, edge)
    assert torch.equal(longer[:, :7], crf.decode(scores, mask, edge, edge)) and (longer[:, 7:] == 0).all()
    crf.loss(wide, padded, edge, edge).sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in crf.parameters())


def scattered(count):
    """Rows with as many labels as are possible in so many places: all, none, one, and some of them."""
    chance = torch.rand(6, count, generator=torch.Generator().manual_seed(count))
    mask = chance < torch.tensor([1.1, 0.0, 0.0, 0.3, 0.6, 0.9]).unsqueeze(1)
    mask[2, count // 2] = True
    return mask


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 33, 64, 100])
@pytest.mark.parametrize("scale", [1.0, 30.0], ids=["mild", "steep"])
def test_the_partition_in_pairs_is_the_plain_one(count, scale):
    """Value and gradients; steep: some transitions are all but forbidden, scores go to hundreds."""
    crf, mask = made("bioes", 7), scattered(count)
    with torch.no_grad():
        crf.transitions.mul_(scale)
        if scale > 1:
            crf.transitions.masked_fill_(crf.forbidden, -1e4)
    drawn = torch.randn(6, count, 5, generator=torch.Generator().manual_seed(8)) * scale
    begins, ends = torch.tensor([[True, True, True, True, False, False], [True, True, False, True, True, False]])
    found = []
    for partition in (crf._partition, crf._partition_in_pairs):
        crf.zero_grad()
        scores = drawn.clone().requires_grad_()
        packed_scores, _, packed_mask = packed(scores, torch.where(mask, 0, -1))
        for wide in (0, 3):  # as it is on XLA, where rows keep their length
            total = partition(F.pad(packed_scores, (0, 0, 0, wide)), F.pad(packed_mask, (0, wide)), begins, ends)
            (total * torch.arange(1.0, 7.0)).sum().backward(retain_graph=True)
        found.append([total, scores.grad, *(parameter.grad for parameter in crf.parameters())])
    assert all(torch.isfinite(value).all() for values in found for value in values)
    for plain, paired in zip(*found):
        # Steep ones are sums of thousands, of which fp32 has steps of 2e-4: so far a share of a way may be off.
        torch.testing.assert_close(paired, plain, rtol=1e-4, atol=2e-4 if scale == 1 else 5e-3)
    assert (found[1][0][1] == 0) and (found[1][1][~mask] == 0).all()


def test_in_pairs_what_may_not_be_at_all_has_no_gradient():
    """Scores of -inf, of which the plain loop's gradients are finite as long as each label can be reached."""
    crf = made("bio", 9)
    with torch.no_grad():
        crf.transitions[0, 1:3] = float("-inf")
    scores, mask, whole = torch.randn(2, 6, 5), torch.ones(2, 6, dtype=torch.bool), torch.tensor([True, False])
    found = []
    for partition in (crf._partition, crf._partition_in_pairs):
        crf.zero_grad()
        total = partition(scores, mask, whole, whole)
        total.sum().backward()
        found.append([total, *(parameter.grad.clone() for parameter in crf.parameters())])
    for plain, paired in zip(*found):
        torch.testing.assert_close(paired, plain)
    assert (found[1][1][0, 1:3] == 0).all()


def test_broken_gold_labels_have_a_finite_loss_and_forbidden_ones_are_never_chosen():
    crf = made("bioes", 5)
    inside = TAGS["bioes"].index("I-A")
    scores = torch.zeros(1, 3, 5)
    scores[..., inside] = 1000.0  # I- I- I-, which may not be
    whole = torch.tensor([True])
    target = torch.full((1, 3), inside)
    assert torch.isfinite(crf.loss(scores, target, whole, whole)).all()
    (labels,) = crf.decode(scores, target >= 0, whole, whole).tolist()
    assert broken([TAGS["bioes"][label] for label in labels], "bioes") == []


def test_a_batch_of_rows_without_a_label():
    crf = made("bio", 6)
    nothing, whole = torch.full((2, 3), -100), torch.tensor([True, True])
    assert crf.loss(torch.randn(2, 3, 5), nothing, whole, whole).tolist() == [0, 0]
    assert crf.decode(torch.randn(2, 3, 5), nothing >= 0, whole, whole).tolist() == [[0] * 3] * 2


def test_a_checkpoint_has_the_learned_scores_alone():
    assert set(made("bio", 1).state_dict()) == {"transitions", "begin", "end"}
