"""The mean of several states of one training."""

import pytest
import torch

from tests.core.small_alignment import model as small
from train.data import DataError
from train.export import averaged


def test_a_mean_by_hand() -> None:
    model, other = small(), small()
    with torch.no_grad():
        for value in model.state_dict().values():
            value.fill_(2.0)
        for value in other.state_dict().values():
            value.fill_(4.0)
        # Features are divided by 4 there and by 2 here: a weight of 4 there is one of 2 here.
    averaged(model, [(other, 0.25)])
    state = model.state_dict()
    assert (state["region_projection.bias"] == 2.5).all()  # 0.75 * 2 + 0.25 * 4
    assert (state["region_projection.weight"] == 2.0).all()
    assert (state["feature_scale"] == 2.0).all()


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(DataError, match="leave 0 for"):
        averaged(small(), [(small(), 0.5), (small(), 0.5)])
    with pytest.raises(DataError, match="other sizes"):
        averaged(small(), [(small(hidden_dimension=7), 0.5)])
