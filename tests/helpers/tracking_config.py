"""Tracking as the tests of it need it."""

from __future__ import annotations

from wsss.tracking import TrackingConfig


def tracking_config(
    uri: str, flush_seconds: float = 1.0, *, name: str = "mlflow", experiment: str = "wsss"
) -> TrackingConfig:
    """To a URI, without options; "" for local events alone."""
    return TrackingConfig(
        name=name if uri else "none",
        uri=uri,
        experiment=experiment,
        flush_seconds=flush_seconds,
        system_metrics_seconds=None,
        model=False,
        params=[],
    )
