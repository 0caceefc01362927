"""What is wrong with a command line, in one line. Pure.

The library that reads it says it for programmers: "not a valid integer range", words one below the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from viral_engine.cli.errors import CliError, wrong_use


def told(error: click.ClickException, arguments: Sequence[str]) -> CliError:
    """Returns the error to be shown.

    Args:
        error: the library's.
        arguments: the command line.
    """
    context = getattr(error, "ctx", None)
    hint = f"see `{context.command_path} --help`" if context is not None else None
    if isinstance(error, click.NoSuchOption) and context is not None and isinstance(context.command, click.Group):
        hint = f"options go behind the verb: `{_verb(context.find_root(), arguments)} {error.option_name} ...`"
    return wrong_use(_sentence(error), hint)


def _sentence(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    parameter = getattr(error, "param", None)
    must = must_be(parameter.type) if parameter is not None else None
    if must is None:
        return message
    if isinstance(error, click.MissingParameter):
        return f"{message.partition('. Choose from:')[0]}: {must}"
    given, is_ours, _ = error.message.rpartition(" is not ")
    if not is_ours:
        return message
    return f"{message.removesuffix(error.message.rstrip('.'))}{must}, not {given}"


def must_be(wanted: click.ParamType[object]) -> str | None:
    """Returns what a value must be, None for a type that says it well."""
    match wanted:
        case click.Choice():
            return f"must be one of {', '.join(map(str, wanted.choices))}"
        case click.IntRange():
            return f"must be a whole number{_bounds(wanted.min, wanted.max)}"
        case click.FloatRange():
            return f"must be a number{_bounds(wanted.min, wanted.max)}"
        case _:
            return None


def _bounds(low: float | None, high: float | None) -> str:
    if high is None:
        return f", {low} or more"
    return f" from {low} to {high}"


def _verb(context: click.Context, arguments: Sequence[str]) -> str:
    """Returns the verb that the command line names, groups before it: where an option would have been right."""
    words, command = [context.command_path], context.command
    for argument in arguments:
        if not isinstance(command, click.Group):
            break
        if (inner := command.get_command(context, argument)) is not None:
            words.append(argument)
            command = inner
    return " ".join(words if not isinstance(command, click.Group) else [*words, "VERB"])
