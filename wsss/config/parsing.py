"""From a composed config to checked objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from wsss.config.cross_checks import check_masking, check_objective
from wsss.config.schema import GROUPS, Config, PathsConfig
from wsss.errors import UserError
from wsss.maps.config import check_maps
from wsss.suggest import suggestion

T = TypeVar("T")


def parse_config(composed: DictConfig) -> Config:
    """Check a composed config and turn it into objects.

    Raises:
        UserError: names the key that is missing, unknown, of the wrong type or out of range.
    """
    try:
        plain = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise UserError(f"{error.full_key} is not set; add {error.full_key}=<value>") from error
    except OmegaConfBaseException as error:
        raise UserError(" ".join(str(error).split())) from error
    assert isinstance(plain, dict)
    stage = plain["stage"]
    groups = {name: _group(name, plain[name]) for name in GROUPS}
    check_maps(groups["attention"], groups["model"])  # before hours of training
    check_masking(groups["masking"], groups["model"])
    objective = str(plain["objective"])
    check_objective(objective, groups["evaluation"])
    return Config(
        stage=[str(s) for s in stage] if isinstance(stage, list) else [str(stage)],
        seed=_integer("seed", plain["seed"]),
        objective=objective,
        paths=_checked(PathsConfig, plain["paths"], "paths"),
        **groups,
    )


def _group(group: str, content: Any) -> Any:
    if not isinstance(content, dict):
        raise UserError(f"{group} is '{content}', it must name an option of its group")
    choices = GROUPS[group]
    if isinstance(choices, type):
        return _checked(choices, content, group)
    selector = "kind" if "kind" in content else "name"
    chosen = str(content.get(selector))
    if chosen not in choices:
        raise UserError(f"{group}.{selector} is '{chosen}'; valid: {', '.join(choices)}")
    rest = {k: v for k, v in content.items() if k != "kind"}
    return _checked(choices[chosen], rest, group)


def _checked(kind: type[T], content: Mapping[str, Any], group: str) -> T:
    """An instance of a config class, every key known and of the declared type."""
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for key in content:
        if key not in known:
            raise UserError(f"unknown key '{group}.{key}'{suggestion(key, known)}")
    parts = {name: part for name, part in get_type_hints(kind).items() if is_dataclass(part)}
    inside = {
        name: _checked(part, content[name], f"{group}.{name}")
        for name, part in parts.items()
        if isinstance(part, type) and isinstance(content.get(name), Mapping)
    }
    outside = [name for name in known if name not in inside]
    try:
        given = {key: value for key, value in content.items() if key in outside}
        merged = OmegaConf.merge(OmegaConf.structured(kind), given)
        assert isinstance(merged, DictConfig)
        chosen = OmegaConf.masked_copy(merged, outside)
        values = OmegaConf.to_container(chosen, throw_on_missing=True)
        assert isinstance(values, dict)
        return kind(**{str(key): value for key, value in values.items()}, **inside)
    except OmegaConfBaseException as error:
        raise UserError(f"{group}.{error.full_key}: {str(error).splitlines()[0]}") from error
    except ValueError as error:
        raise UserError(str(error)) from error


def _integer(key: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"{key} is '{value}', it must be a whole number")
    return value
