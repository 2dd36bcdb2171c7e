"""What each source of class maps needs, read before PyTorch is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from wsss.models.architecture import COMPETING


class Needs(NamedTuple):
    """What a source needs of the model."""

    class_tokens: str | None = None
    """The value that ``model.class_tokens`` must have, if any."""
    patch_head: bool = False
    """Whether the model must have a patch head."""
    poolings: Sequence[str] = ()
    """The poolings of which the model's patch head must have one, if any."""
    labeller: bool = False
    """Whether the model must have a labeller (`self_labelling.rounds` above 0)."""
    class_attention: bool = False
    """Whether it reads the class attention of all layers, summed or rolled out."""
    block_inputs: bool = False
    """Whether it reads `EncodedView.block_inputs`."""

    @property
    def patches_alone(self) -> bool:
        """Whether the patch tokens of the last block are all that it reads."""
        return not (self.class_attention or self.block_inputs)


NEEDS: Mapping[str, Needs] = {
    "attention": Needs(class_tokens="per_class", class_attention=True),
    "patch_cam": Needs(patch_head=True),
    "competition": Needs(poolings=COMPETING),
    "fused": Needs(class_tokens="per_class", patch_head=True, class_attention=True),
    "self_labelled": Needs(patch_head=True, labeller=True),
    "clusters": Needs(class_tokens="shared", block_inputs=True),
}
"""Each key is a value of ``attention.source``, and names a source of the registry."""
