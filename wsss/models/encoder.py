"""What turns an image into the patch tokens that enter the blocks."""

from __future__ import annotations

from wsss.models.architecture import LOCAL_STATISTICS, Architecture
from wsss.models.library_encoder import LibraryEncoder
from wsss.models.local_statistics import LocalStatistics
from wsss.models.patch_embed import PatchEmbed

Encoder = PatchEmbed | LibraryEncoder | LocalStatistics


def build_encoder(architecture: Architecture) -> Encoder:
    """The module that ``architecture.encoder`` describes; by default one convolution.

    Raises:
        LookupError, RuntimeError, TypeError, ValueError: it describes no encoder.
    """
    if architecture.encoder is None:
        return PatchEmbed(architecture)
    if architecture.encoder["model_type"] == LOCAL_STATISTICS:
        return LocalStatistics(architecture)
    return LibraryEncoder(architecture.encoder)
