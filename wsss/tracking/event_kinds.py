"""The kinds of events, and what each must hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from wsss.records import parse_json

Event = dict[str, Any]
"""One line: ``kind`` (open, start, params, metrics, artifact, end), ``time`` in ms, and more."""

_DAMAGED = "damaged"
Test = Callable[[Any], bool]


def parse_event(line: bytes) -> Event:
    """The event in a line; of kind ``damaged`` unless it has all that its kind must hold."""
    try:
        event = parse_json(line)
    except ValueError:
        event = None
    return event if isinstance(event, dict) and _is_sound(event) else {"kind": _DAMAGED}


def _is_sound(event: Event) -> bool:
    kind = event.get("kind")
    tests = _KINDS.get(kind) if isinstance(kind, str) else None
    if tests is None or not _is_count(event.get("time")):
        return False
    return all(test(event.get(key)) for key, test in tests.items())


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and "\0" not in value


def _is_name(value: Any) -> bool:
    return _is_text(value) and bool(value)


def _is_identifier(value: Any) -> bool:
    return _is_name(value) and value.isascii() and value.isalnum()


def _is_text_or_none(value: Any) -> bool:
    return value is None or _is_text(value)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_whole(value) and bool(value >= 0)


def _is_number(value: Any) -> bool:
    """A number, or the text that stands for NaN and infinities."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number or value in ("nan", "inf", "-inf")


def _each(test: Test) -> Test:
    """Whether a value is an object whose values all pass."""
    return lambda value: isinstance(value, dict) and all(map(test, value.values()))


_KINDS: Mapping[str, Mapping[str, Test]] = {
    "open": {"uid": _is_identifier, "experiment": _is_name, "uri": _is_text},
    "start": {
        "run": _is_name,
        "name": _is_text,
        "parent": _is_text_or_none,
        "tags": _each(_is_text),
    },
    "params": {"run": _is_name, "values": _each(_is_text)},
    "metrics": {"run": _is_name, "values": _each(_is_number), "step": _is_whole},
    "artifact": {"run": _is_name, "path": _is_name, "folder": _is_text_or_none},
    "end": {"run": _is_name, "status": lambda value: value in ("FINISHED", "FAILED", "KILLED")},
}
