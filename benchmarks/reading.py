"""Reading speed: cost of the library's checks and conversions compared to bare decoding.

Measures samples per second of ``Dataset.read_image`` in this process and in one DataLoader worker
(batches of 16), without and with the cache of decoded images. The bare readers are
``rasterio.open(path).read()`` and ``np.asarray(PIL.Image.open(path).convert("RGB"))`` on the same
files. In this process the comparison is to these calls only; in a worker it is to a worker that
also converts to float32, as networks need it.

Sentinel-2 patches (13 x 256 x 256, uint16, uncompressed: the fastest to decode) and photographs
(JPEG, 500 x 375) are drawn at random; ``python -m benchmarks.reading --patches ROOT --pictures
FOLDER`` measures real files and stores no result.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from numpy.typing import NDArray
from PIL import Image as Pillow
from rasterio.errors import NotGeoreferencedWarning
from torch import Tensor
from torch.utils.data import DataLoader, default_collate
from torch.utils.data import Dataset as TorchDataset

from benchmarks.files import describe_folder, draw_patches, draw_pictures
from benchmarks.results import Figure, Outcome, show
from wsss.config.composing import compose_config
from wsss.data.open import open_dataset
from wsss.data.types import SPLITS
from wsss.timing import ratios, threads, time_in_turn

BATCH, FILES = 16, 128
LEAST = 0.80
AS_FLOAT = " as float32"
NOTE = (
    "in process bare readers may leave bytes as they are stored; what read_image loses to them is "
    "mostly the turn to float32 [bands, H, W], see the ratios to readers that make it too"
)


class Items(TorchDataset[Tensor]):
    """The images that a function reads, as float32 ``[bands, H, W]``."""

    def __init__(self, read: Callable[[Any], NDArray[Any]], items: Sequence[Any]) -> None:
        self._read, self._items = read, items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Tensor:
        image = self._read(self._items[index])
        if image.shape[-1] == 3:  # from Pillow
            image = image.transpose(2, 0, 1)
        return torch.from_numpy(np.ascontiguousarray(image, np.float32))


def main() -> None:
    """Measure real files and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patches", type=Path, metavar="ROOT", help="DFC2020 tree with labels")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="JPEG or PNG files")
    parser.add_argument("--rounds", type=int, default=9, help="(%(default)s)")
    chosen = parser.parse_args()
    show("reading", measure(chosen.rounds, "cpu", chosen.patches, chosen.pictures))


def measure(
    rounds: int, device: str, patches: Path | None = None, pictures: Path | None = None
) -> Outcome:
    """Ratios of speeds; files that are not given are drawn."""
    warnings.simplefilter("ignore", NotGeoreferencedWarning)  # of pictures
    figures = []
    with threads(1), tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        tree = patches or draw_patches(scratch / "patches", FILES)
        folder = pictures or draw_pictures(scratch / "pictures", FILES)
        kinds = {
            "patches": ["dataset=dfc", f"dataset.root={tree}", "dataset.val_patches=1"],
            "photographs": describe_folder(scratch / "folder", folder),
        }
        for kind, overrides in kinds.items():
            readers = ["rasterio"] if kind == "patches" else list(BARE)
            figures += of_kind(kind, overrides, readers, rounds)
    return Outcome(figures, [NOTE])


def of_kind(
    kind: str, overrides: Sequence[str], readers: Sequence[str], rounds: int
) -> list[Figure]:
    """Figures for one kind of files."""
    passes: dict[tuple[str, str], Callable[[], object]] = {}

    def add(name: str, read: Callable[[Any], NDArray[Any]], items: Sequence[Any]) -> None:
        loader = DataLoader(
            Items(read, items), BATCH, num_workers=1, collate_fn=stack, persistent_workers=True
        )
        passes[name, "in process"] = partial(each, read, items)
        passes[name, "one worker"] = partial(each, len, loader)

    for cache, more in (("without cache", ["dataset.cache_mb=0"]), ("with cache", [])):
        dataset = open_dataset(compose_config(*overrides, *more).dataset)
        ids = [image_id for split in SPLITS for image_id in dataset.ids(split)][:FILES]
        add(cache, dataset.read_image, ids)
    paths = [dataset.record(image_id).files[0] for image_id in ids]
    for reader in readers:
        add(reader, BARE[reader], paths)
        as_float = Items(BARE[reader], paths)
        numbers = range(len(paths))
        passes[reader + AS_FLOAT, "in process"] = partial(each, as_float.__getitem__, numbers)

    seconds = time_in_turn(passes, rounds)
    figures = []
    for (name, where), taken in seconds.items():
        case = f"{len(ids)} {kind}, {where}"
        speed = [len(ids) / s for s in taken]
        if name.removesuffix(AS_FLOAT) in BARE:
            figures.append(Figure(f"read by {name}", case, speed, "samples/s"))
            continue
        figures.append(Figure(f"read_image {name}", case, speed, "samples/s"))
        figures += [
            Figure(
                f"read_image {name} / {reader}",
                case,
                ratios(seconds[reader, where], taken),
                least=LEAST,
            )
            for reader in readers
        ]
        figures += [
            Figure(
                f"read_image {name} / {reader}{AS_FLOAT}",
                case,
                ratios(seconds[reader + AS_FLOAT, where], taken),
            )
            for reader in readers
            if where == "in process"
        ]
    return figures


def stack(images: list[Tensor]) -> Tensor | list[Tensor]:
    """A batch as in training if all images have one size, else a list."""
    alike = len({image.shape for image in images}) == 1
    return default_collate(images) if alike else images


def each(function: Callable[[Any], object], items: Iterable[Any]) -> None:
    """Call a function on every item."""
    for item in items:
        function(item)


def read_rasterio(path: Path) -> NDArray[Any]:
    """Stored values ``[bands, H, W]``."""
    with rasterio.open(path) as source:
        values: NDArray[Any] = source.read()
        return values


def read_pillow(path: Path) -> NDArray[Any]:
    """RGB ``[H, W, 3]``."""
    return np.asarray(Pillow.open(path).convert("RGB"))


BARE: dict[str, Callable[[Path], NDArray[Any]]] = {"rasterio": read_rasterio, "PIL": read_pillow}


if __name__ == "__main__":
    main()
