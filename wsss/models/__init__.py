"""Class-token ViT, head gates, checkpoints and the segmenter."""

from wsss.models.gates import HeadGates
from wsss.models.outputs import AttentionOutput
from wsss.models.released.mctformer import import_mctformer
from wsss.models.released.token_masking import import_release
from wsss.models.vit import ClassTokenViT

__all__ = [
    "AttentionOutput",
    "ClassTokenViT",
    "HeadGates",
    "import_mctformer",
    "import_release",
]
