"""Synthetic Sentinel-1/2 scenes of land cover, drawn from a seed.

A scene shows two to four of the eight DFC2020 classes in warped, irregular regions. Spectra are
plausible Level-1C reflectances. Classes overlap (forest, shrub and wetland; grass and crop),
because light, haze and the spectrum of each class vary from scene to scene. Each class has a
texture, a point-spread blur mixes pixels near borders, and both sensors are noisy. No single band
separates a class from the others.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from wsss.data.datasets.dfc_tree import CLASS_CODES, CLASSES

Floats = NDArray[np.float64]

#: Mean Level-1C reflectance of B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12, a row per class.
_REFLECTANCE = np.array(
    [
        [0.120, 0.093, 0.083, 0.056, 0.092, 0.195, 0.240, 0.255, 0.270, 0.090, 0.003, 0.145, 0.072],
        [0.127, 0.102, 0.097, 0.081, 0.122, 0.190, 0.218, 0.235, 0.250, 0.088, 0.003, 0.205, 0.128],
        [0.129, 0.105, 0.106, 0.087, 0.143, 0.245, 0.285, 0.300, 0.315, 0.105, 0.003, 0.245, 0.145],
        [0.122, 0.096, 0.092, 0.071, 0.102, 0.165, 0.190, 0.203, 0.210, 0.075, 0.002, 0.125, 0.068],
        [0.131, 0.109, 0.110, 0.098, 0.150, 0.235, 0.270, 0.287, 0.305, 0.102, 0.003, 0.255, 0.168],
        [0.152, 0.136, 0.134, 0.137, 0.158, 0.187, 0.202, 0.212, 0.222, 0.080, 0.003, 0.218, 0.187],
        [0.145, 0.130, 0.142, 0.165, 0.192, 0.208, 0.222, 0.232, 0.250, 0.086, 0.004, 0.305, 0.258],
        [0.118, 0.093, 0.078, 0.053, 0.052, 0.047, 0.046, 0.041, 0.036, 0.015, 0.001, 0.017, 0.011],
    ]
)
#: Mean backscatter of VV and VH in dB, a row per class.
_BACKSCATTER = np.array(
    [
        [-9.5, -15.0],
        [-11.0, -17.0],
        [-12.5, -19.5],
        [-12.5, -19.0],
        [-11.5, -18.0],
        [-6.0, -13.0],
        [-13.5, -21.5],
        [-19.0, -26.0],
    ]
)
_BANDS = _REFLECTANCE.shape[1]
_WATER = CLASSES.index("Water")
#: How a spectrum varies, one row each: brightness, greenness, moisture.
_VARIATION = np.array(
    [
        [1.0] * _BANDS,
        [-0.3, -0.4, -0.3, -0.8, -0.2, 0.6, 0.9, 1.0, 1.0, 0.7, 0.0, 0.1, -0.3],
        [0.0, 0.0, 0.0, 0.0, -0.1, -0.1, -0.1, -0.2, -0.2, -0.2, 0.0, -0.9, -1.0],
    ]
)
_VARIATION_SCALE = np.array([0.16, 0.13, 0.13])
_TEXTURE_SCALE = np.array([0.16, 0.14, 0.09, 0.22, 0.15, 0.30, 0.10, 0.10])


class Scene(NamedTuple):
    """One scene of ``size`` x ``size`` pixels."""

    s2: NDArray[np.uint16]
    """``[13, H, W]``, reflectance times 1e4."""
    s1: NDArray[np.float32]
    """``[2, H, W]``, VV and VH in dB."""
    codes: NDArray[np.uint8]
    """``[H, W]``, codes 1..10 of DFC2020."""


def draw_scene(seed: int, index: int, size: int) -> Scene:
    """Draw scene `index` of the dataset with this seed; equal arguments give equal bits."""
    rng = np.random.default_rng([seed, index])
    classes = rng.permutation(len(CLASSES))[: rng.integers(2, 5)]
    regions = classes[_regions(rng, size, len(classes))]

    reflectance = np.empty((_BANDS, size, size))
    backscatter = np.empty((2, size, size))
    for index_of_class in classes:
        inside = regions == index_of_class
        texture = _texture(rng, int(index_of_class), size)
        variant = _spectrum(rng, int(index_of_class))
        if index_of_class == _WATER:  # sun glint, foam and silt lift every band
            variant = variant + rng.gamma(1.0, 0.08) * np.linspace(1.2, 0.8, _BANDS)
        reflectance[:, inside] = (variant[:, None, None] * _shading(rng, texture))[:, inside]
        level = _BACKSCATTER[index_of_class] + rng.normal(0, 1.2, 2)
        backscatter[:, inside] = (level[:, None, None] + 5.0 * texture)[:, inside]

    reflectance = _blur(reflectance, (0, 0.8, 0.8))
    light = np.exp(rng.normal(0, 0.14))
    haze = rng.gamma(2.0, 0.006) * np.linspace(1.6, 0.0, _BANDS)[:, None, None]
    noise = rng.normal(0, 1, reflectance.shape) * (0.003 + 0.02 * reflectance)
    digital = (reflectance * light + haze + noise) * 1e4
    looks = rng.gamma(4.0, 1 / 4.0, backscatter.shape)  # multiplicative speckle of four looks
    decibel = _blur(backscatter, (0, 0.8, 0.8)) + 10 * np.log10(looks)

    codes = np.array(list(CLASS_CODES.values()), np.uint8)[regions]
    return Scene(
        digital.clip(1, 65535).round().astype(np.uint16), decibel.astype(np.float32), codes
    )


def _regions(rng: np.random.Generator, size: int, count: int) -> NDArray[np.int64]:
    """``[H, W]`` of 0..count-1: Voronoi cells of random points under a smooth warp."""
    rows, columns = np.mgrid[0:size, 0:size].astype(float)
    rows = rows + _smooth_noise(rng, size, size / 7) * size * 0.10 + _smooth_noise(rng, size, 2)
    columns = columns + _smooth_noise(rng, size, size / 7) * size * 0.10
    cells = count + int(rng.integers(0, count + 1))
    points = rng.uniform(0, size, (cells, 2))
    owner = np.concatenate([np.arange(count), rng.integers(0, count, cells - count)])
    distance = (rows[..., None] - points[:, 0]) ** 2 + (columns[..., None] - points[:, 1]) ** 2
    regions: NDArray[np.int64] = owner[distance.argmin(axis=-1)].astype(np.int64)
    return regions


def _spectrum(rng: np.random.Generator, index: int) -> Floats:
    """This scene's variant of a class spectrum ``[13]``."""
    amounts = rng.normal(0, _VARIATION_SCALE)
    own = _blur(rng.normal(0, 1, (_BANDS,)), 1.0) * 0.06
    variant: Floats = _REFLECTANCE[index] * np.exp(amounts @ _VARIATION + own)
    return variant


def _shading(rng: np.random.Generator, texture: Floats) -> Floats:
    """Turn a texture into factors ``[13, H, W]``: brightness and a random spectral tilt."""
    tilt = rng.normal(0, 0.5, 2) @ _VARIATION[1:]
    factors: Floats = np.exp((1 + tilt)[:, None, None] * texture)
    return factors


def _texture(rng: np.random.Generator, index: int, size: int) -> Floats:
    """Relative brightness ``[H, W]`` around 0, typical of a class."""
    name = CLASSES[index]
    if name == "Urban":
        pattern = _blocks(rng, size)
    elif name == "Cropland":
        pattern = _rows(rng, size)
    elif name == "Wetland":
        pattern = np.tanh(2 * _smooth_noise(rng, size, 3.0))  # pools between vegetation
    elif name == "Water":
        pattern = _smooth_noise(rng, size, size / 4)
    elif name == "Barren":
        pattern = _smooth_noise(rng, size, 5.0)
    elif name == "Forest":
        pattern = _smooth_noise(rng, size, 0.9)
    else:
        pattern = 0.7 * _smooth_noise(rng, size, 1.8) + 0.5 * rng.normal(0, 1, (size, size))
    scaled: Floats = _TEXTURE_SCALE[index] * pattern
    return scaled


def _blocks(rng: np.random.Generator, size: int) -> Floats:
    """City blocks of 3 to 6 pixels, turned by a random angle, with dark streets."""
    along, across = _rotated_grid(rng, size)
    pitch = rng.uniform(3, 6)
    row, column = np.floor(along / pitch), np.floor(across / pitch)
    levels = rng.normal(0, 1, (4 * size, 4 * size))
    block: Floats = levels[row.astype(int) % (4 * size), column.astype(int) % (4 * size)]
    street = (along % pitch < 1) | (across % pitch < 1)
    return np.where(street, -1.0, block)


def _rows(rng: np.random.Generator, size: int) -> Floats:
    """Crop rows in parcels: stripes of 3 to 6 pixels, and a level for each parcel."""
    along, across = _rotated_grid(rng, size)
    stripes = np.sin(2 * np.pi * along / rng.uniform(3, 6))
    parcel = np.floor(across / rng.uniform(12, 24)).astype(int)
    level = rng.normal(0, 0.6, 4 * size)[parcel % (4 * size)]
    pattern: Floats = 0.9 * stripes + level
    return pattern


def _blur(
    values: Floats, sigma: float | tuple[float, ...], mode: Literal["reflect", "wrap"] = "reflect"
) -> Floats:
    from scipy.ndimage import gaussian_filter  # SciPy takes a third of a second

    blurred: Floats = gaussian_filter(values, sigma, mode=mode)
    return blurred


def _rotated_grid(rng: np.random.Generator, size: int) -> tuple[Floats, Floats]:
    angle = rng.uniform(0, np.pi)
    rows, columns = np.mgrid[0:size, 0:size].astype(float)
    return (
        rows * np.cos(angle) + columns * np.sin(angle),
        columns * np.cos(angle) - rows * np.sin(angle),
    )


def _smooth_noise(rng: np.random.Generator, size: int, scale: float) -> Floats:
    """Gaussian noise ``[H, W]`` of unit variance, correlated over `scale` pixels."""
    noise = _blur(rng.normal(0, 1, (size, size)), scale, mode="wrap")
    smooth: Floats = noise / max(noise.std(), 1e-9)
    return smooth
