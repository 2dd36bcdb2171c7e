"""The architecture of a class-token vision transformer, as data."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from wsss.checks import check_between, check_choice, check_least, check_positive
from wsss.models.patches import Size, grid_of, pair

CLASS_TOKENS = ("per_class", "shared")
TOKEN_HEADS = ("linear", "mean", "none")
LOCAL_STATISTICS = "local_statistics"
"""``model_type`` of an encoder of `wsss.models.local_statistics`."""
COMPETING = ("compete", "compete_background")
POOLINGS = ("average", "ranked", *COMPETING)
"""Ways to pool the scores of patches, see `wsss.models.patch_head`."""
#: First in files; all other settings follow in the order of their fields.
_SIZES = (
    *("image_size", "patch_size", "in_channels", "num_classes"),
    *("embed_dim", "depth", "num_heads", "head_dim"),
)


@dataclass(frozen=True, kw_only=True)
class NetworkSettings(ABC):
    """Settings that the config group ``model`` and `Architecture` share.

    A new setting of the network needs a field here, with a default for files that were written
    before it existed, and a key in ``conf/model/mini.yaml``.

    Raises:
        ValueError: a value out of range, or no head that gives class scores.
    """

    embed_dim: int
    """Token width ``D``."""
    depth: int
    """Number of blocks, ``L``."""
    mlp_ratio: float = 4.0
    """Hidden width of the MLP over ``embed_dim``."""
    qkv_bias: bool = False
    """Bias in the query, key and value projections."""
    norm_eps: float = 1e-5
    """Epsilon of the layer norms."""
    final_norm: bool = False
    """Layer norm after the last block, as most pretrained transformers have."""
    class_tokens: str = "per_class"
    """``per_class``: one class token per class; ``shared``: one for all classes."""
    register_token: bool = True
    """Add a register token."""
    token_head: str = "linear"
    """Class scores from class tokens: ``linear`` over all of them, ``mean`` of each, ``none``."""
    patch_head: str = "none"
    """Class scores from patches: the pooling of a `PatchHead`, or ``none``."""
    patch_members: int = 1
    """Number of members of the patch head, trained side by side."""

    @abstractmethod
    def __post_init__(self) -> None:
        check_least("model.embed_dim", self.embed_dim, 1)
        check_between("model.depth", self.depth, 0, 10_000)
        check_positive("model.mlp_ratio", self.mlp_ratio)
        check_positive("model.norm_eps", self.norm_eps)
        check_choice("model.class_tokens", self.class_tokens, CLASS_TOKENS)
        check_choice("model.token_head", self.token_head, TOKEN_HEADS)
        check_choice("model.patch_head", self.patch_head, ("none", *POOLINGS))
        check_between("model.patch_members", self.patch_members, 1, 1_000)
        if self.token_head == "none" and self.patch_head == "none":
            raise ValueError("model.token_head and model.patch_head are both none: no class scores")
        if self.depth == 0 and self.token_head != "none":
            raise ValueError(
                "model.depth=0 leaves no block in which class tokens see patches; "
                "set model.token_head=none"
            )
        if self.token_head == "mean" and self.class_tokens == "shared":
            raise ValueError("model.token_head=mean needs model.class_tokens=per_class")


@dataclass(frozen=True, kw_only=True)
class Architecture(NetworkSettings):
    """Everything that determines the tensors of a `ClassTokenViT`; `of` is a simpler constructor.

    Raises:
        ValueError: sizes that do not fit together.
    """

    image_size: tuple[int, int]
    """Height and width in pixels that the position embeddings are made for."""
    patch_size: tuple[int, int]
    """Height and width in pixels."""
    in_channels: int
    """Bands of the image."""
    num_classes: int
    """Number of classes, ``C``."""
    num_heads: tuple[int, ...]
    """Number of heads in each block; a pruned model may have none in some."""
    head_dim: int
    """Width of one head."""
    labeller: bool = False
    """Patches are also scored by a `Labeller`, see `wsss.training.self_labelling`."""
    encoder: Mapping[str, Any] | None = None
    """Description of a `LibraryEncoder` or of `LocalStatistics`, whose patch tokens enter the
    blocks; the blocks may be none. By default patches are embedded by one convolution."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.depth == 0 and self.encoder is None:
            raise ValueError("model.depth is 0, it must be at least 1 without another encoder")
        if len(self.num_heads) != self.depth:
            raise ValueError(f"num_heads gives {len(self.num_heads)} layers, depth is {self.depth}")
        grid_of(self.image_size, self.patch_size)

    @classmethod
    def of(
        cls,
        *,
        image_size: Size,
        patch_size: Size,
        embed_dim: int,
        depth: int,
        num_heads: int | Sequence[int],
        head_dim: int | None = None,
        **settings: Any,
    ) -> Self:
        """An architecture from short forms, as written in code or in a file.

        Args:
            image_size: pixels, one number or (height, width); a multiple of ``patch_size``.
            patch_size: pixels, one number or (height, width).
            embed_dim: token width.
            depth: number of blocks.
            num_heads: number of heads, the same in every block, or one number per block.
            head_dim: width of one head; ``embed_dim / num_heads`` if not given.
            **settings: ``in_channels``, ``num_classes`` and the fields of `NetworkSettings`.

        Raises:
            ValueError: sizes that do not fit together.
        """
        heads = (num_heads,) * depth if isinstance(num_heads, int) else tuple(num_heads)
        if head_dim is None:
            head_dim, rest = divmod(embed_dim, heads[0]) if heads else (embed_dim, 0)
            if rest:
                raise ValueError(f"embed_dim {embed_dim} is no multiple of num_heads {heads[0]}")
        return cls(
            image_size=pair(image_size),
            patch_size=pair(patch_size),
            embed_dim=embed_dim,
            depth=depth,
            num_heads=heads,
            head_dim=head_dim,
            **settings,
        )

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of patches, ``(h, w)``, at ``image_size``."""
        return grid_of(self.image_size, self.patch_size)

    @property
    def num_class_tokens(self) -> int:
        """Number of class tokens, ``K``."""
        return self.num_classes if self.class_tokens == "per_class" else 1

    def description(self) -> dict[str, Any]:
        """The keyword arguments of `of` that give this architecture; can be written as JSON."""
        return dict.fromkeys(_SIZES) | asdict(self)
