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

SOURCES: Mapping[str, MapSource] = {
    "attention": attention,
    "patch_cam": patch_cam,
    "competition": competition,
    "fused": fused,
    "self_labelled": self_labelled,
    "clusters": clusters,
}
"""Each key is one of `wsss.maps.sources.needs.NEEDS`."""
