"""Reading speed: what the library's checks and conversions cost beside bare decoding.

Command:  python -m benchmarks.reading
Shows:    samples/s of Dataset.read_image in this process, and of one DataLoader worker (batches of
          16, images as read), without and with the cache of decoded images, as ratios to
          rasterio.open(path).read() and np.asarray(PIL.Image.open(path).convert("RGB")) on the
          same files: in this process to these calls alone, in a worker to one that makes them and
          turns the result to float32, as networks need it. All take turns in each of several
          rounds, and the median ratio counts
Target:   ratios of at least 0.80
Cost:     about 2 minutes on 2 CPU cores, 260 MB of temporary files

It draws Sentinel-2 patches (13 x 256 x 256, uint16, uncompressed: the quickest to read bare) and
photographs (JPEG, 500 x 375); --patches and --pictures name real ones. It only measures: the exit
status is 0 whatever comes out.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
import torch
from hydra import compose, initialize_config_dir
from numpy.typing import NDArray
from PIL import Image as Pillow
from rasterio.errors import NotGeoreferencedWarning
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils.data import DataLoader, default_collate
from torch.utils.data import Dataset as TorchDataset

from benchmarks.files import describe_folder, draw_patches, draw_pictures
from benchmarks.timing import time_in_turn
from wsss.data.base import Dataset
from wsss.data.open import open_dataset
from wsss.data.types import SPLITS
from wsss.pipelines.__main__ import config_directory
from wsss.pipelines.config import parse_config

BATCH = 16
TARGET = 0.80
WORKER = ", one worker"


class Items(TorchDataset[Tensor]):
    """What a function reads for each item, as float32 ``[bands, H, W]``."""

    def __init__(self, read: Callable[[Any], NDArray[Any]], items: Sequence[Any]) -> None:
        self._read, self._items = read, items

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, index: int) -> Tensor:
        image = self._read(self._items[index])
        if image.shape[-1] == 3:  # as Pillow gives it
            image = image.transpose(2, 0, 1)
        return torch.from_numpy(np.ascontiguousarray(image, np.float32))


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--patches", type=Path, metavar="ROOT", help="DFC2020 tree with labels")
    parser.add_argument("--pictures", type=Path, metavar="FOLDER", help="JPEG or PNG files")
    parser.add_argument("--files", type=int, default=128, help="of each kind (%(default)s)")
    parser.add_argument("--rounds", type=int, default=9, help="(%(default)s)")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", NotGeoreferencedWarning)  # of pictures
    table = Table("files", "read by", box=None, header_style="bold", pad_edge=False)
    for name in ("cache", "samples/s", *(f"of {reader}" for reader in BARE)):
        table.add_column(name, justify="right")
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        patches = chosen.patches or draw_patches(scratch / "patches", chosen.files)
        pictures = chosen.pictures or draw_pictures(scratch / "pictures", chosen.files)
        kinds = {
            "patches": ["dataset=dfc", f"dataset.root={patches}", "dataset.val_patches=1"],
            "pictures": describe_folder(scratch / "folder", pictures),
        }
        for kind, overrides in kinds.items():
            readers = ["rasterio"] if kind == "patches" else list(BARE)
            measure(table, kind, overrides, readers, chosen.files, chosen.rounds)
    Console().print(table)
    print(f"target: ratios of at least {TARGET:.2f}; lower ones are marked with *")


def measure(
    table: Table,
    kind: str,
    overrides: Sequence[str],
    readers: Sequence[str],
    files: int,
    rounds: int,
) -> None:
    """Add the rows of one kind of files."""
    passes: dict[tuple[str, str], Callable[[], object]] = {}

    def add(
        name: str, cache: str, read: Callable[[Any], NDArray[Any]], items: Sequence[Any]
    ) -> None:
        loader = DataLoader(
            Items(read, items), BATCH, num_workers=1, collate_fn=stack, persistent_workers=True
        )
        passes[name, cache] = partial(each, read, items)
        passes[name + WORKER, cache] = partial(each, len, loader)

    for cache, more in (("off", ["dataset.cache_mb=0"]), ("on", [])):
        dataset = open_configured([*overrides, *more])
        ids = [image_id for split in SPLITS for image_id in dataset.ids(split)][:files]
        add("read_image", cache, dataset.read_image, ids)
    paths = [dataset.record(image_id).files[0] for image_id in ids]
    for reader in readers:
        add(reader, "-", BARE[reader], paths)

    seconds = time_in_turn(passes, rounds)
    for (name, cache), taken in seconds.items():
        ratios = []
        for reader in readers:
            where = WORKER if name.endswith(WORKER) else ""
            pairs = zip(seconds[reader + where, "-"], taken, strict=True)
            ratio = statistics.median(bare / ours for bare, ours in pairs)
            missed = ratio < TARGET and cache != "-"
            ratios.append(f"{ratio:.2f}{'*' if missed else ' '}")
        speed = len(ids) / statistics.median(taken)
        table.add_row(f"{len(ids)} {kind}", name, cache, f"{speed:.0f}", *ratios)


def stack(images: list[Tensor]) -> Tensor | list[Tensor]:
    """A batch as in training, where all images have the same size; else they stay apart."""
    alike = len({image.shape for image in images}) == 1
    return default_collate(images) if alike else images


def each(function: Callable[[Any], object], items: Iterable[Any]) -> None:
    """Call a function on every item."""
    for item in items:
        function(item)


def read_rasterio(path: Path) -> NDArray[Any]:
    """Values as they are stored."""
    with rasterio.open(path) as source:
        values: NDArray[Any] = source.read()
        return values


def read_pillow(path: Path) -> NDArray[Any]:
    """RGB ``[H, W, 3]``."""
    return np.asarray(Pillow.open(path).convert("RGB"))


def open_configured(overrides: Sequence[str]) -> Dataset:
    """The dataset of the command line with these overrides."""
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        return open_dataset(parse_config(compose("config", overrides=list(overrides))).dataset)


BARE: dict[str, Callable[[Path], NDArray[Any]]] = {"rasterio": read_rasterio, "PIL": read_pillow}


if __name__ == "__main__":
    main()
