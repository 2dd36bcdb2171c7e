"""Several processes together see the batches that one alone sees."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from wsss.errors import UserError
from wsss.training.batches import EpochSampler, RankBatches
from wsss.training.masking import draw_token_keep
from wsss.training.rendezvous import cluster_environment
from wsss.training.world import World, training_world


def batches(images: int, batch_size: int, rank: int, size: int) -> RankBatches:
    return RankBatches(EpochSampler(range(images), 0, True), batch_size, World(rank, size))


@pytest.mark.parametrize(("images", "batch_size", "size"), [(20, 8, 2), (17, 4, 4), (9, 8, 3)])
def test_shares_make_up_the_batches_of_one_process(images: int, batch_size: int, size: int) -> None:
    alone = list(batches(images, batch_size, 0, 1))
    worlds = [batches(images, batch_size, rank, size) for rank in range(size)]

    assert len({len(list(world)) for world in worlds} | {len(alone)}) == 1
    for number, (whole, *parts) in enumerate(zip(alone, *worlds, strict=True)):
        shares = [world.share(number) for world in worlds]
        own = [part[: share.images] for part, share in zip(parts, shares, strict=True)]
        assert [draw for part in own for draw in part] == whole
        assert all(parts), "a process without images would leave the others waiting"
        assert sum(share.weight for share in shares) == pytest.approx(size)


def test_the_mean_over_processes_is_the_mean_over_images() -> None:
    losses = torch.rand(11, generator=torch.Generator().manual_seed(0))
    weighted = []
    for rank in range(4):
        world = batches(11, 11, rank, 4)
        ((share, rows),) = [(world.share(0), next(iter(world)))]
        weighted.append(share.weight * losses[[index for _, index in rows]].mean())

    assert torch.stack(weighted).mean() == pytest.approx(float(losses.mean()))


def test_every_process_hides_the_tokens_that_one_alone_would_hide() -> None:
    labels = (torch.rand(10, 6, generator=torch.Generator().manual_seed(0)) < 0.3).float()
    whole = draw_token_keep(labels, 0.5, torch.Generator().manual_seed(1))

    part = draw_token_keep(labels[4:7], 0.5, torch.Generator().manual_seed(1), (4, 10))

    assert torch.equal(part, whole[4:7])


def test_too_few_processes_are_refused_with_what_starts_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert training_world(1, 1) == World()
    with pytest.raises(UserError, match=r"need 4 processes, started: 1;.*torchrun"):
        training_world(2, 2)
    for name, value in {"PROCID": 3, "STEP_NUM_TASKS": 4, "LOCALID": 1, "NODEID": 1}.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    assert training_world(2, 2) == World(rank=3, size=4, local_rank=1, node_rank=1)
    with pytest.raises(UserError, match="started: 4"):
        training_world(2, 1)


def test_processes_meet_where_the_leader_says_anew_at_every_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setenv("SLURMD_NODENAME", "node1")
    leader = cluster_environment(World(0, 2), tmp_path)
    follower = cluster_environment(World(1, 2), tmp_path)

    assert (leader.main_address, leader.main_port) == ("node1", follower.main_port)
    assert (follower.global_rank(), follower.world_size()) == (1, 2)
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    cluster_environment(World(0, 2), tmp_path)
    assert len(list(tmp_path.glob("rendezvous_*"))) == 2
