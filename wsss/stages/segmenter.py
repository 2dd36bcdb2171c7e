"""Training a segmenter on given pixel labels, and reading its masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from torch import nn

from wsss.data.types import Mask, Split
from wsss.engine.artifacts import Artifact
from wsss.engine.stage import Context, Metrics
from wsss.models.encoder_segmenter import EncoderSegmenter, TokenDecoder
from wsss.models.input_spec import InputSpec
from wsss.models.segmenter import build_segmenter, load_segmenter, save_segmenter
from wsss.models.segmenter_config import EncoderSegmenterConfig, SegmenterConfig
from wsss.models.vit import ClassTokenViT
from wsss.randomness import derive_seed
from wsss.stages.relabel import relabel
from wsss.stages.segmenter_samples import segmenter_loader
from wsss.training.epoch_metrics import EpochMetrics
from wsss.training.predict import predict_mask
from wsss.training.samples import batches_of

Labels = dict[Split, Callable[[str], Mask]]
"""For train and val, a function from image id to pixel labels ``[H, W]``."""


def train_segmenter(
    context: Context,
    spec: InputSpec,
    labels: Labels,
    *,
    rounds: int,
    classifier: ClassTokenViT | None = None,
) -> Metrics:
    """Train a segmenter on the given pixel labels, and save the result of the last round.

    Every later round starts from fresh weights and trains on the masks of the previous round, see
    `relabel`. The artifact's scratch space stores what a round needs to resume. With
    ``segmenter=encoder`` the encoder is that of ``classifier``.
    """
    settings, artifact = context.config.segmenter, context.artifact
    classes = list(context.dataset.info.classes)  # the background too, unlike the classifier
    spec = replace(spec, image_size=settings.image_size, classes=classes)
    encoder = classifier if isinstance(settings, EncoderSegmenterConfig) else None
    if encoder is None and spec.fit == "keep":
        spec = replace(spec, fit="pad", patch_size=1)  # a batch has images of one size
    losses: dict[str, float | None] = {}
    for number in range(1, rounds + 1):
        work = _work(artifact, number)
        directory = artifact.path if number == rounds else work
        directory.mkdir(parents=True, exist_ok=True)
        network, history = _train_round(
            context,
            spec,
            labels,
            encoder=encoder,
            number=number,
            directory=directory,
            work=work,
        )
        losses[str(number)] = history[-1]["train/loss"] if history else None
        if number < rounds:
            masks = _work(artifact, number + 1)
            labels = relabel(
                network,
                spec,
                settings=settings,
                dataset=context.dataset,
                device=context.device,
                directory=masks,
            )
    if not context.world.leads:
        return {}
    save_segmenter(artifact.path, network, settings, spec)
    metrics = {"epochs": len(history), "train_loss": losses[str(rounds)]}
    return metrics if rounds == 1 else metrics | {"round_train_loss": losses}


def _work(artifact: Artifact, number: int) -> Path:
    """Scratch space of a round: its checkpoints and, from the second round on, its masks."""
    return artifact.work if number == 1 else artifact.work / f"round_{number}"


def _fresh(
    settings: SegmenterConfig, spec: InputSpec, encoder: ClassTokenViT | None, seed: int
) -> nn.Module:
    """A segmenter before training."""
    if encoder is None:
        return build_segmenter(settings.architecture(), spec, seed)
    whole = {"encoder": encoder.architecture.description()}
    network = build_segmenter(settings.architecture() | whole, spec, seed)
    assert isinstance(network, EncoderSegmenter)
    return network.take_encoder(encoder)


def _train_round(
    context: Context,
    spec: InputSpec,
    labels: Labels,
    *,
    encoder: ClassTokenViT | None,
    number: int,
    directory: Path,
    work: Path,
) -> tuple[nn.Module, list[EpochMetrics]]:
    # Imported here: Lightning takes seconds, and most commands train nothing.
    from wsss.training.fit import fit
    from wsss.training.segmentation import SegmenterTraining

    config, settings = context.config, context.config.segmenter
    later = () if number == 1 else (number,)
    seed = derive_seed(config.seed, "segmenter", *later)
    network = _fresh(settings, spec, encoder, seed)
    trained = TokenDecoder(network) if isinstance(network, EncoderSegmenter) else network
    loaders = [
        segmenter_loader(context, spec, split, read_mask=read, seed=seed, encoder=encoder)
        for split, read in labels.items()
    ]

    def report(epoch: int, metrics: EpochMetrics) -> None:
        context.report_epoch((number - 1) * settings.max_epochs + epoch, metrics)

    history = fit(
        SegmenterTraining(trained, settings, batches_of(loaders[0])),
        loaders[0],
        loaders[1],
        config=config.trainer,
        max_epochs=settings.max_epochs,
        directory=directory,
        work=work,
        report=report,
        rate="segmenter.lr",
    )
    return network, history


def segmenter_reader(context: Context, directory: Path) -> Callable[[str], Mask]:
    """A function from image id to the segmenter's mask ``[H, W]`` at the image's own size."""
    network, spec = load_segmenter(directory)
    network.to(context.device)

    def read(image_id: str) -> Mask:
        return predict_mask(
            network,
            context.dataset,
            image_id,
            spec=spec,
            settings=context.config.segmenter,
            device=context.device,
        )

    return read
