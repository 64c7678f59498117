"""Words read through others: the mixture by hand, and what training hides."""

import math

import torch
from torch.nn import functional as F

from core.alignment.words import ReadWords


def small() -> ReadWords:
    """Ids: 0 unknown; 1, 2, 3 with vectors of their own, 3 not in the table; 4 in the table alone.
    The metric is the identity, the scale 2: word 4 lies at word 1, at a right angle to word 2."""
    torch.manual_seed(0)
    words = ReadWords(own=4, others=1, dimension=2, table=2, metric=2)
    with torch.no_grad():
        words.metric.weight.copy_(torch.eye(2))
        words.log_scale.fill_(math.log(2.0))
        words.weight.copy_(torch.tensor([[9.0, 9.0], [1.0, 0.0], [0.0, 1.0], [5.0, 5.0]]))
    words.know(torch.tensor([[0.0, 0], [3, 0], [0, 2], [0, 0], [1, 0]]))
    return words.eval()


def test_a_word_of_the_table_by_hand() -> None:
    words = small()
    # cosines 1 and 0, times 2: e^2 to e^0
    near = math.exp(2) / (math.exp(2) + 1)
    torch.testing.assert_close(words(torch.tensor([[4]]))[0, 0], torch.tensor([near, 1 - near]))
    assert words.read_as(4)[:2] == [1, 2]
    assert words.read_as(1) == []


def test_counts_make_a_word_likelier() -> None:
    words = small()
    words.count(torch.tensor([0.0, 1.0, 16.0, 1.0]))
    # a quarter of log 16 is log 2
    near = math.exp(2) / (math.exp(2) + 2)
    torch.testing.assert_close(words(torch.tensor([4])), torch.tensor([[near, 1 - near]]))


def test_learnt_words_and_the_unknown_keep_their_vectors() -> None:
    words = small()
    ids = torch.tensor([[0, 1, 2], [3, 0, 0]])
    torch.testing.assert_close(words(ids), words.weight[ids])


def test_hidden_words_are_read_through_the_others() -> None:
    words = small().train()
    words.hidden_share = 1.0
    # All are hidden, so no word is left to read one through but for those that are not: none. The
    # share below 1 leaves some.
    words.hidden_share = 0.5
    own, read = words.weight[1], words.weight[2]  # word 1, hidden while 2 is not, is word 2
    found = {tuple(words(torch.tensor([1]))[0].tolist()) for _ in range(60)}
    assert tuple(own.tolist()) in found
    assert tuple(read.tolist()) in found
    # a word that is not in the table cannot be read through others: never hidden
    for _ in range(20):
        torch.testing.assert_close(words(torch.tensor([3]))[0], words.weight[3])


def test_all_in_one_batch_equals_one_by_one() -> None:
    words = small()
    ids = torch.tensor([4, 1, 4, 0, 2])
    together = words(ids)
    alone = torch.cat([words(one[None]) for one in ids])
    torch.testing.assert_close(together, alone)
    assert words(torch.zeros(0, dtype=torch.int64)).shape == (0, 2)


def test_the_projection_adds_what_the_table_says() -> None:
    words = small()
    with torch.no_grad():
        words.projection.weight.copy_(torch.tensor([[0.0, 0.0], [10.0, 0.0]]))
    before = small()(torch.tensor([4]))
    torch.testing.assert_close(words(torch.tensor([4])), before + torch.tensor([[0.0, 10.0]]))
    assert F.normalize(words.table[1:2], dim=-1).tolist() == [[1.0, 0.0]]  # kept at length 1
