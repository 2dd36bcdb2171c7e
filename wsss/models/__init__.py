"""Class-token ViT, head gates, checkpoints and the segmenter."""

from wsss.models.gates import HeadGates
from wsss.models.outputs import AttentionOutput
from wsss.models.release import import_release
from wsss.models.release_mctformer import import_mctformer
from wsss.models.vit import ClassTokenViT

__all__ = [
    "AttentionOutput",
    "ClassTokenViT",
    "HeadGates",
    "import_mctformer",
    "import_release",
]
