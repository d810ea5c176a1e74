"""Several samples as one."""

import numpy as np

from fairseq_hebrew.data.joined import Joined
from tests.data.test_mixture import Rows


def test_parts_one_after_the_other():
    made = Joined([Rows([3, 4], 10), Rows([], 20), Rows([5], 30)])
    assert made.sizes.tolist() == [3, 4, 5] and made.sizes.dtype == np.int64 and len(made) == 3
    assert [made[i].tokens.tolist() for i in range(3)] == [[10] * 3, [11] * 4, [30] * 5]
    assert made[2].lengths == (5,)
