"""A mask that lies elsewhere than its image is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio

from wsss.data.mask_place import check_mask_place, check_mask_size
from wsss.data.types import Georeference
from wsss.errors import UserError

UTM = rasterio.CRS.from_epsg(32632).to_wkt()
PLACE = Georeference(UTM, (10.0, 0.0, 5e5, 0.0, -10.0, 5.5e6))
SIZE = (32, 40)


@pytest.mark.parametrize(
    "mask",
    [None, PLACE, Georeference(UTM, (10.0, 0.0, 5e5 + 4, 0.0, -10.0, 5.5e6))],
    ids=["without coordinates", "same", "less than half a pixel"],
)
def test_masks_that_lie_where_their_image_lies(mask: Georeference | None) -> None:
    check_mask_place(Path("m.tif"), mask, PLACE, SIZE)
    check_mask_place(Path("m.tif"), PLACE, None, SIZE)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (Georeference(UTM, (10.0, 0.0, 5e5, 0.0, 10.0, 5.5e6 - 320)), "by up to 32 pixels"),
        (Georeference(UTM, (10.0, 0.0, 5e5 + 200, 0.0, -10.0, 5.5e6)), "by up to 20 pixels"),
        (Georeference(UTM, (20.0, 0.0, 5e5, 0.0, -20.0, 5.5e6)), "by up to 40 pixels"),
        (
            Georeference(rasterio.CRS.from_epsg(4326).to_wkt(), PLACE.transform),
            r"different coordinate systems \(EPSG:4326 and EPSG:32632\)",
        ),
    ],
    ids=["A7 bottom-up", "A7 shifted", "other resolution", "A7 other CRS"],
)
def test_masks_that_lie_elsewhere(mask: Georeference, words: str) -> None:
    with pytest.raises(UserError, match=f"m.tif: .*{words}"):
        check_mask_place(Path("m.tif"), mask, PLACE, SIZE)


def test_a_mask_without_the_turn_of_its_photograph() -> None:
    with pytest.raises(UserError, match=r"is the mask without the turn that the camera noted"):
        check_mask_size(Path("m.png"), np.zeros((3, 2), np.uint8), (2, 3))
