"""Runs grouped by configuration, and the settings that distinguish configurations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wsss.compare.keys import ABSENT, find_key, order, selectors, show
from wsss.compare.runs import Run
from wsss.errors import UserError


@dataclass(frozen=True)
class Row:
    """One configuration and its runs."""

    settings: Mapping[str, Any]
    """By dotted key."""
    runs: tuple[Run, ...]
    """One per seed, in the order of seeds."""
    rule: Mapping[str, str]
    """Rule of their scores, see `wsss.compare.metrics.read_rule`."""

    def scores(self, metric: str) -> dict[int, float]:
        """A metric by seed, for runs that have it."""
        return {run.seed: run.scores[metric] for run in self.runs if metric in run.scores}

    def label(self, columns: Sequence[str], between: str = ", ") -> str:
        """Text that identifies the configuration by its settings in these columns."""
        shown = ((key, show(self.settings, key)) for key in columns)
        named = between.join(f"{key}={text}" for key, text in shown if text != ABSENT)
        return named or "all settings"


def group_runs(runs: Sequence[Run]) -> list[Row]:
    """One row per configuration.

    Raises:
        UserError: runs of one configuration have the same seed but other results, or were scored by
            different rules.
    """
    groups: dict[tuple[tuple[str, str], ...], dict[int, Run]] = {}
    for run in runs:
        key = tuple(sorted((name, show(run.settings, name)) for name in run.settings))
        seeds = groups.setdefault(key, {})
        twin = seeds.setdefault(run.seed, run)
        if (twin.scores, twin.rule) != (run.scores, run.rule):
            raise UserError(
                f"{twin.path} and {run.path} have the same configuration and seed but other "
                "results; compare with one of them"
            )
    return [_row([seeds[seed] for seed in sorted(seeds)]) for seeds in groups.values()]


def differing_keys(rows: Sequence[Row]) -> list[str]:
    """The settings that differ between rows, in the order of the config,
    the name of a group's option before its other settings.

    A setting of a group's option, such as ``masking.ramp``, is left out if it is equal in all rows
    that have it and the option itself differs.
    """
    every = list(dict.fromkeys(key for row in rows for key in row.settings))
    groups = list(dict.fromkeys(key.partition(".")[0] for key in every))
    every.sort(key=lambda key: (groups.index(key.partition(".")[0]), key not in selectors(key)))
    differing = [key for key in every if len({show(row.settings, key) for row in rows}) > 1]
    telling = [
        key
        for key in differing
        if len({show(row.settings, key) for row in rows} - {ABSENT}) > 1
        or not any(selector in differing for selector in selectors(key))
    ]
    return differing if _merged(rows, telling) else telling


def choose_columns(rows: Sequence[Row], by: Sequence[str] = ()) -> tuple[str, ...]:
    """The settings that identify a configuration: those in ``by``, in order, or all that differ.

    Raises:
        UserError: an unknown key, or two configurations that ``by`` does not distinguish.
    """
    differing = differing_keys(rows)
    if not by:
        return tuple(differing)
    every = list(dict.fromkeys(key for row in rows for key in row.settings))
    columns = tuple(dict.fromkeys(find_key(word, every, differing) for word in by))
    if merged := _merged(rows, columns):
        one, other = (row.settings for row in merged)
        apart = [key for key in differing if show(one, key) != show(other, key)]
        raise UserError(
            f"--by {' '.join(by)} would merge configurations that differ in {', '.join(apart)}; "
            "add a key that distinguishes them"
        )
    return columns


def sort_rows(rows: Sequence[Row], columns: Sequence[str]) -> list[Row]:
    """Rows sorted by their columns; numbers by value."""
    return sorted(rows, key=lambda row: [order(row.settings, key) for key in columns])


def differing_rules(rows: Sequence[Row], columns: Sequence[str]) -> tuple[str, ...]:
    """Parts of rules that differ between rows, except those that equal a column.

    Rows that were not scored are ignored.
    """
    parts = dict.fromkeys(part for row in rows for part in row.rule)
    shown = [[show(row.settings, key) for row in rows] for key in columns]
    return tuple(
        part
        for part in parts
        if len({row.rule[part] for row in rows if part in row.rule}) > 1
        and [row.rule.get(part) for row in rows] not in shown
    )


def _row(runs: Sequence[Run]) -> Row:
    rule: dict[str, str] = {}
    judged = [run for run in runs if run.rule]
    for run in judged:
        rule = rule or dict(run.rule)
        if other := [part for part in rule if run.rule.get(part) != rule[part]]:
            raise UserError(
                f"{judged[0].path} and {run.path} have the same configuration but were judged by "
                f"other rules ({other[0]}: {rule[other[0]]}, {run.rule.get(other[0])}); are their "
                "data the same?"
            )
    return Row(runs[0].settings, tuple(runs), rule)


def _merged(rows: Sequence[Row], columns: Sequence[str]) -> tuple[Row, Row] | None:
    """Two rows that the columns do not distinguish, if any."""
    seen: dict[tuple[str, ...], Row] = {}
    for row in rows:
        twin = seen.setdefault(tuple(show(row.settings, key) for key in columns), row)
        if twin is not row:
            return twin, row
    return None
