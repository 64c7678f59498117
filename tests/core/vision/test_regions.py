"""Near copies among a photo's regions, by hand."""

import numpy as np

from core.vision.regions import copies


def test_near_copies_are_shown_by_the_better_one() -> None:
    boxes = np.array(
        [
            [0, 0, 1, 1],  # the whole photo
            [0, 0, 0.8, 1],  # IoU 0.8 with the whole photo, and yet shown: that is no thing
            [0, 0, 0.4, 1],  # IoU 0.4 / 0.8 = 0.5 with region 1
            [0.5, 0, 1, 1],  # IoU 0.3 / 1 with region 1
            [0, 0, 0.5, 1],  # IoU 0.625 with region 1, 0.8 with region 2, which is not shown
            [0.5, 0, 0.9, 1],  # IoU 0.3 / 0.9 with region 1, 0.8 with region 3
        ]
    )
    assert copies(boxes, 0.45).tolist() == [0, 1, 1, 3, 1, 3]
    assert copies(boxes, 0.5).tolist() == [0, 1, 2, 3, 2, 3], "as much as allowed is no copy"
    assert copies(boxes, 1.0).tolist() == [0, 1, 2, 3, 4, 5]
    assert copies(boxes[:1], 0.4).tolist() == [0]
