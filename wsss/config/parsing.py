"""Turn a composed config into checked objects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from wsss.checks import check_numbers
from wsss.config.cross_checks import check_masking, check_objective, check_pruning
from wsss.config.hydra_errors import describe_omegaconf
from wsss.config.renamed import renamed_hint
from wsss.config.schema import GROUPS, Config, PathsConfig
from wsss.errors import UserError
from wsss.maps.config import check_maps
from wsss.suggest import suggestion

T = TypeVar("T")


def plain_values(composed: DictConfig) -> dict[str, Any]:
    """A composed config as nested dictionaries and lists, interpolations resolved.

    Raises:
        UserError: names a key that is not set or cannot be resolved.
    """
    try:
        values = OmegaConf.to_container(composed, resolve=True, throw_on_missing=True)
    except MissingMandatoryValue as error:
        raise UserError(f"{error.full_key} is not set; add {error.full_key}=<value>") from error
    except OmegaConfBaseException as error:
        raise UserError(describe_omegaconf(error)) from error
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def parse_config(plain: Mapping[str, Any]) -> Config:
    """Check plain values, see `plain_values`, and turn them into objects.

    Raises:
        UserError: names the key that is unknown, of the wrong type or out of range.
    """
    known = [field.name for field in fields(Config)]
    for key in plain:
        if key not in (*known, "dp_rate"):  # which masking reads
            raise UserError(f"unknown key '{key}'{suggestion(key, known)}")
    paths = _checked(PathsConfig, plain["paths"], "paths")  # others lie below it
    groups = {name: _group(name, plain[name]) for name in GROUPS}
    rounds = groups["self_labelling"].rounds
    check_maps(groups["attention"], groups["model"], self_labelled=rounds > 0)  # before training
    check_masking(groups["masking"], groups["model"])
    check_pruning(groups["pruning"], groups["model"])
    objective = str(plain["objective"])
    check_objective(objective, groups["evaluation"])
    return Config(
        stage=_names(plain["stage"]),
        rebuild=_names(plain["rebuild"]),
        seed=_integer("seed", plain["seed"]),
        objective=objective,
        paths=paths,
        **groups,
    )


def _names(value: object) -> list[str]:
    return [str(name) for name in value] if isinstance(value, list) else [str(value)]


def _group(group: str, content: Any) -> Any:
    if not isinstance(content, dict):
        raise UserError(f"{group} is '{content}', it must name an option of its group")
    choices = GROUPS[group]
    if isinstance(choices, type):
        return _checked(choices, content, group)
    selector = "kind" if "kind" in content else "name"
    chosen = str(content.get(selector))
    if chosen not in choices:
        if hint := renamed_hint(group, chosen):
            raise UserError(hint)
        raise UserError(f"{group}.{selector} is '{chosen}'; valid: {', '.join(choices)}")
    rest = {k: v for k, v in content.items() if k != "kind"}
    return _checked(choices[chosen], rest, group)


def _checked(kind: type[T], content: Mapping[str, Any], group: str) -> T:
    """An instance of a config class, every key known and of the declared type."""
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for key in content:
        if key not in known:
            raise UserError(f"unknown key '{group}.{key}'{suggestion(key, known)}")
    for key in known:  # defaults in a class are for files of older versions only
        if key not in content:
            raise UserError(f"{group}.{key} is not set; add {group}.{key}=<value>")
    inside = {
        name: _nested(hint, content[name], f"{group}.{name}")
        for name, hint in get_type_hints(kind).items()
        if _is_nested(hint) and isinstance(content.get(name), Mapping)
    }
    outside = [name for name in known if name not in inside]
    try:
        given = {key: value for key, value in content.items() if key in outside}
        for key, value in given.items():  # some are too large to be converted
            check_numbers(f"{group}.{key}", value)
        merged = OmegaConf.merge(OmegaConf.structured(kind), given)
        assert isinstance(merged, DictConfig)
        chosen = OmegaConf.masked_copy(merged, outside)
        values = OmegaConf.to_container(chosen, throw_on_missing=True)
        assert isinstance(values, dict)
        for name, value in values.items():
            check_numbers(f"{group}.{name!s}", value)  # some were text before
            _check_items(f"{group}.{name!s}", value)
        return kind(**{str(key): value for key, value in values.items()}, **inside)
    except OmegaConfBaseException as error:
        raise UserError(f"{group}.{error.full_key}: {str(error).splitlines()[0]}") from error
    except ValueError as error:
        raise UserError(str(error)) from error


def _check_items(key: str, value: object) -> None:
    """ValueError for a list in a list, which OmegaConf lets pass whatever the type is."""
    for item in value if isinstance(value, list) else ():
        if isinstance(item, list | dict):
            raise ValueError(f"{key} holds '{item}', it must be a list of plain values")


def _is_nested(hint: Any) -> bool:
    """Whether a type is a dataclass, or a dictionary of them."""
    return is_dataclass(hint) or (get_origin(hint) is dict and is_dataclass(get_args(hint)[1]))


def _nested(hint: Any, content: Mapping[str, Any], key: str) -> Any:
    """Instances of the dataclass that a field holds, alone or by name."""
    if is_dataclass(hint):
        return _checked(hint, content, key)  # type: ignore[arg-type]
    _, kind = get_args(hint)
    for name, part in content.items():
        if not isinstance(part, Mapping):
            raise UserError(f"{key}.{name} is '{part}', it must hold {kind.__name__.lower()}")
    return {name: _checked(kind, part, f"{key}.{name}") for name, part in content.items()}


def _integer(key: str, value: object) -> int:
    try:
        check_numbers(key, value)
    except ValueError as error:
        raise UserError(str(error)) from error
    if isinstance(value, bool) or not isinstance(value, int):
        raise UserError(f"{key} is '{value}', it must be a whole number")
    return value
