"""Scale of the local statistics that an encoder without weights is made of."""

from __future__ import annotations

from torch import nn

from wsss.engine.stage import Context
from wsss.models.input_spec import InputSpec, prepare
from wsss.models.local_statistics import LocalStatistics
from wsss.progress import track

_MOST = 256
"""Images that statistics are taken of."""


def fit_statistics(context: Context, encoder: nn.Module, spec: InputSpec) -> None:
    """Standardise a `LocalStatistics` by evenly chosen training images; others stay as they are."""
    if not isinstance(encoder, LocalStatistics) or context.config.model.init_from is not None:
        return
    ids = context.dataset.ids("train")
    chosen = ids[:: -(-len(ids) // _MOST)]
    read = (prepare(context.dataset.read_image(image_id), spec) for image_id in chosen)
    encoder.fit(track(read, "local statistics", len(chosen)))
