"""A network of no row of params.yaml finds garments as its authors test one picture."""

import pytest

from hemline.oneshot.predictor import plain_row
from hemline.params import load_params


@pytest.mark.parametrize(
    ("name", "suppression"), [("dla", "soft-nms"), ("kgdet", "nms"), ("retinanet", "nms")]
)
def test_a_plain_row_is_of_no_split(name, suppression):
    row = plain_row(load_params("params/demo.yaml").oneshot.settings(name))
    assert (row.suppression, row.splits, row.scales) == (suppression, (), (1.0,))
