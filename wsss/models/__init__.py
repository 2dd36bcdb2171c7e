"""Class-token ViT, head gates, checkpoints and the segmenter.

Letters in the shapes of tensors:

- B: images of a batch
- C: classes
- K: class tokens: C, or 1 if all classes share one
- N: patches of an image, h * w
- T: tokens, all of a sequence: K, N and the register token
- D: width of a token
- L: layers (blocks)
- H W: height and width in pixels
- h w: height and width in patches
- d p: width of an attention head; side of a patch in pixels
- heads: attention heads
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # settings of networks are read where PyTorch is not needed
    from wsss.models.architecture import Architecture
    from wsss.models.gates import HeadGates
    from wsss.models.outputs import AttentionOutput
    from wsss.models.released.mctformer import import_mctformer
    from wsss.models.released.token_masking import import_release
    from wsss.models.vit import ClassTokenViT

__all__ = [
    "Architecture",
    "AttentionOutput",
    "ClassTokenViT",
    "HeadGates",
    "import_mctformer",
    "import_release",
]

_MODULES = {
    "Architecture": "architecture",
    "AttentionOutput": "outputs",
    "ClassTokenViT": "vit",
    "HeadGates": "gates",
    "import_mctformer": "released.mctformer",
    "import_release": "released.token_masking",
}


def __getattr__(name: str) -> Any:
    """What `__all__` names, imported when it is first asked for."""
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
