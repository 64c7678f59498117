"""Contact sheets: pictures where they should be, boxes drawn, words wrapped."""

import numpy as np
import pytest
from PIL import ImageColor, ImageFont

from train.contact_sheets import FRAME, GAP, Tile, _wrapped, sheet

BLUE = np.full((40, 80, 3), (0, 0, 255), dtype=np.uint8)


def test_a_grid_of_photos() -> None:
    drawn = np.asarray(sheet([Tile(BLUE, "one")] * 5, columns=2, side=62))
    assert drawn.shape[1] == GAP + 2 * (62 + GAP)
    # 80 x 40 fitted into 60 x 60 is 60 x 30
    assert (drawn[GAP : GAP + 30, GAP : GAP + 60] == (0, 0, 255)).all()
    assert (drawn[GAP + 31, GAP : GAP + 60] == 255).all()
    blue = (drawn == (0, 0, 255)).all(axis=2)
    assert blue.sum() == 5 * 60 * 30
    assert (drawn < 128).all(axis=2).any(), "labels are drawn"


def test_a_region_is_framed_and_cropped() -> None:
    photo = BLUE.copy()
    photo[20:, 40:] = (255, 0, 0)
    drawn = np.asarray(sheet([Tile(photo, "", np.array([0.5, 0.5, 1.0, 1.0]))], side=82))
    frame = (drawn == ImageColor.getrgb(FRAME)).all(axis=2)
    rows, columns = np.flatnonzero(frame.any(axis=1)), np.flatnonzero(frame.any(axis=0))
    assert (rows[0], rows[-1]) == (GAP + 20, GAP + 39)
    assert (columns[0], columns[-1]) == (GAP + 40, GAP + 79)
    crop = drawn[GAP : GAP + 40, GAP + 82 : GAP + 82 + 80]  # red only, fitted: 40 x 20 -> 80 x 40
    assert (crop == (255, 0, 0)).all()


@pytest.mark.parametrize("box", [(0.0, 0.0, 0.0, 0.0), (1.0, 1.0, 1.0, 1.0), (0, 0, 1, 1)])
def test_any_box_can_be_drawn(box: tuple[float, ...]) -> None:
    assert sheet([Tile(BLUE, "x", np.array(box))]).width > 0


def test_labels_are_wrapped_within_their_tile() -> None:
    font = ImageFont.load_default(14)
    text = "a red bus in front of an old house\n" + "y" * 60
    lines = _wrapped(text, font, 100)
    assert all(font.getlength(line) <= 100 for line in lines)
    assert " ".join(lines[:-1]) == "a red bus in front of an old house"
    assert lines[-1].endswith("y…")


def test_nothing_to_show_is_refused() -> None:
    with pytest.raises(ValueError, match="has no tiles"):
        sheet([])
