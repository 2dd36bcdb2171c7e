"""Commands and settings in README and docs exist and are accepted; nothing is run for long."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import re
import shutil
from collections.abc import Iterator, Sequence
from importlib.util import find_spec

import pytest
from helpers.documentation import REPOSITORY, Command, commands, fenced, inline_code
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override

from wsss.config import composing
from wsss.config.schema import GROUPS

COMMANDS = commands()
MODULES = [c for c in COMMANDS if c.words[0] in ("python", "torchrun") and "-m" in c.words]
COMPOSED = ("wsss.pipelines", "wsss.data.check")
FLAGS = {"-m", "--help", "--cfg", "job"}
TARGETS = re.findall(r"^(\w+):", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)


class Parsed(BaseException):
    """Raised in place of what follows once a command line has been understood."""


def module_of(command: Command) -> tuple[str, list[str]]:
    """The module that a command runs, and its arguments."""
    place = command.words.index("-m")
    return command.words[place + 1], list(command.words[place + 2 :])


def label(command: Command) -> str:
    return f"{command.page}: {' '.join(command.words)}"


@pytest.fixture(scope="module", autouse=True)
def conf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The config folder, and the files that pages tell their readers to add."""
    folder = tmp_path_factory.mktemp("conf") / "conf"
    shutil.copytree(REPOSITORY / "conf", folder)
    for block in fenced("yaml"):
        first, _, content = block.text.partition("\n")
        if first.startswith("# conf/") and not block.page.startswith("docs/howto"):
            (folder.parent / first.removeprefix("# ")).write_text(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(composing, "config_directory", lambda: folder)
        yield


def test_there_are_commands() -> None:
    pages = {command.page for command in MODULES}
    assert len(MODULES) > 40 and {"README.md", "docs/run.md", "docs/cluster.md"} <= pages


@pytest.mark.parametrize("command", [c for c in MODULES if module_of(c)[0] in COMPOSED], ids=label)
def test_overrides_compose(command: Command) -> None:
    arguments = [word for word in module_of(command)[1] if word not in FLAGS]
    assert not [word for word in arguments if word.startswith("-")]
    for point in points(arguments):
        composing.compose_config(*point)


def points(arguments: Sequence[str]) -> Iterator[list[str]]:
    """The first point of a sweep, and one for each other value."""
    parsed = OverridesParser.create().parse_overrides(
        [a.replace("<", "").replace(">", "") for a in arguments]
    )
    choices = [values(override) for override in parsed if not is_hydras(override)]
    first = [options[0] for options in choices]
    yield first
    for place, options in enumerate(choices):
        for other in options[1:]:
            yield [*first[:place], other, *first[place + 1 :]]


def is_hydras(override: Override) -> bool:
    return str(override.key_or_group).startswith("hydra")


def values(override: Override) -> list[str]:
    """An override for each value of a sweep; of an interval for its start."""
    if not override.is_sweep_override():
        return [str(override.input_line)]
    if override.is_interval_sweep():
        interval = override.value()
        assert isinstance(interval, IntervalSweep)
        return [f"{override.key_or_group}={interval.start}"]
    return [f"{override.key_or_group}={value}" for value in override.sweep_string_iterator()]


@pytest.mark.parametrize(
    "command", [c for c in MODULES if module_of(c)[0] not in COMPOSED], ids=label
)
def test_arguments_are_understood(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    module, arguments = module_of(command)
    if not module.startswith(("wsss", "benchmarks")) or not arguments:
        assert find_spec(module) is not None
        return
    parse = argparse.ArgumentParser.parse_args

    def parse_alone(parser: argparse.ArgumentParser, given: list[str] | None = None) -> None:
        parse(parser, given)
        raise Parsed

    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_alone)
    monkeypatch.setattr("sys.argv", [module, *arguments])
    spec = find_spec(module)
    assert spec is not None
    package = spec.submodule_search_locations is not None
    with pytest.raises(Parsed):
        importlib.import_module(f"{module}.__main__" if package else module).main()


def test_make_targets_exist() -> None:
    named = {c.words[1] for c in COMMANDS if c.words[0] == "make"}
    assert named and named <= set(TARGETS)


def settings() -> list[tuple[str, str, str]]:
    """Page, key and value of every setting in inline code whose first word is a group."""
    found = (
        (page, *code.partition("=")[::2])
        for page, code in inline_code()
        if re.fullmatch(r"\w+(\.\w+)*=\S*", code) and not page.startswith("docs/howto")
    )
    return sorted({each for each in found if each[1].partition(".")[0] in {*GROUPS, "experiment"}})


@pytest.mark.parametrize(("page", "key", "value"), settings())
def test_a_named_setting_exists(page: str, key: str, value: str) -> None:
    group, _, rest = key.partition(".")
    if not rest:
        names = {path.stem for path in (REPOSITORY / "conf" / group).glob("*.yaml")}
        assert value in names | {""} or value.startswith("<"), page
        return
    if rest.startswith("resources"):
        return
    options = GROUPS[group]
    classes = [options] if isinstance(options, type) else options.values()
    keys = {field.name for kind in classes for field in dataclasses.fields(kind)}
    assert rest.partition(".")[0] in keys, page


def test_pages_link_to_files_that_exist() -> None:
    for page in ("README.md", "CONTRIBUTING.md"):
        for link in re.findall(r"\]\(([^)#:]+)", (REPOSITORY / page).read_text()):
            assert (REPOSITORY / link).exists(), f"{page}: {link}"
