"""The sources by name."""

from __future__ import annotations

from collections.abc import Mapping

from wsss.maps.sources.attention import attention
from wsss.maps.sources.clusters import clusters
from wsss.maps.sources.competition import competition
from wsss.maps.sources.fused import fused
from wsss.maps.sources.patch_cam import patch_cam
from wsss.maps.sources.self_labelled import self_labelled
from wsss.maps.sources.source import MapSource
from wsss.models.patch_head import COMPETING

SOURCES: Mapping[str, MapSource] = {
    "attention": MapSource(attention, class_tokens="per_class", class_attention=True),
    "patch_cam": MapSource(patch_cam, patch_head=True),
    "competition": MapSource(competition, poolings=COMPETING),
    "fused": MapSource(fused, class_tokens="per_class", patch_head=True, class_attention=True),
    "self_labelled": MapSource(self_labelled, patch_head=True, labeller=True),
    "clusters": MapSource(clusters, class_tokens="shared", block_inputs=True),
}
"""Each key is a value of ``attention.source``."""
