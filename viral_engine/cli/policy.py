"""`policy`: the rules as data: look at them, try others on what was recorded, put them in force, go back."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from viral_engine.cli.errors import CliError, ExitCode, wrong_use
from viral_engine.cli.layout import clean, word
from viral_engine.cli.options import SPAN, Session, common, without_none
from viral_engine.cli.records import Policies, records_since, since_ago
from viral_engine.domain.policy import Policy
from viral_engine.domain.policy_file import SOURCE_LENGTH_MAX, BadPolicy, policy_of
from viral_engine.domain.policy_trial import EXAMPLES_MAX, Trial, wilson

EXAMPLES_SHOWN = 10
CAUSES_SHOWN = 20
CHANGES_SHOWN = 20
_REASON = click.option("--reason", required=True, metavar="TEXT", help="Why, for the audit.")
_FILE = click.argument("file", type=click.Path(allow_dash=True))


@click.group()
def policy() -> None:
    """Look at the policy, try another one, put it in force, go back."""


@policy.command(name="list")
@common
def list_policies(session: Session) -> None:
    """List the versions, newest first, and say which one decides."""
    answer = session.daemon.http("GET", "/v1/policies")
    enforced, shadow = answer["enforced"]["version"], (answer["shadow"] or {}).get("version")
    rows = [
        [
            str(one["version"]),
            "in force" if one["version"] == enforced else "shadow" if one["version"] == shadow else "",
            clean(one["policy_id"]),
            "shipped" if one["shipped"] else clean(one["author"]),
            word(one["created_at"]),
            clean(one["reason"] or ""),
        ]
        for one in answer["versions"]
    ]
    columns = ("VERSION", "STANDS", "ID", "BY", "LOADED", "REASON")
    session.printer.answer(answer, session.printer.table(columns, rows))


@policy.command()
@click.argument("version", default="enforced")
@click.option("--toml", is_flag=True, help="Only the file, every number in it: a start for changing one.")
@click.option("--since", type=SPAN, default="24h", show_default=True, metavar="24h", help="For the shadow's counts.")
@common
def show(session: Session, version: str, *, toml: bool, since: float) -> None:
    """Show a version: a number, `enforced` or `shadow`; of a shadow also what it would have decided."""
    whole = session.daemon.http("GET", f"/v1/policies/{version}")
    if toml:
        session.printer.answer(whole, whole["toml"].splitlines())
        return
    number = whole["version"]
    standing = session.daemon.http("GET", "/v1/policies")
    lines = [f"policy {clean(whole['policy_id'])} version {number}{' (shipped)' if whole['shipped'] else ''}"]
    for mode, says in (("enforced", "in force"), ("shadow", "in shadow")):
        one = standing[mode]
        if one is not None and one["version"] == number:
            by = f" by {clean(one['author'])}: {clean(one['reason'])}" if one["author"] else ""
            lines.append(f"  {says} since {word(one['since'])}{by}" if one["since"] else f"  {says}")
    counts = session.daemon.http("GET", f"/v1/policies/{number}/shadowed", query={"since": since_ago(since)})
    lines += _shadowed(counts["counts"])
    lines += ["", "the whole file: viral-engine policy show --toml" + ("" if version == "enforced" else f" {version}")]
    session.printer.answer({**whole, "shadowed": counts}, lines)


def _shadowed(counts: list[dict[str, Any]]) -> list[str]:
    """Returns what a shadow would have decided, as lines."""
    if not counts:
        return []
    total = sum(one["count"] for one in counts)
    other = [one for one in counts if one["decision"] != one["shadow"]]
    denied = sum(one["count"] for one in other if one["shadow"] == "deny")
    lines = ["", f"beside {total:,} decisions; {denied:,} would-be denials that were none"]
    return [*lines, *(f"  {one['decision']} -> {one['shadow']}  {one['count']:,}" for one in other)]


@policy.command()
@_FILE
@_REASON
@common
def load(session: Session, file: str, *, reason: str) -> None:
    """Put a file in force, as a new version, from the next check on."""
    _take_in(session, file, "enforce", reason)


@policy.command()
@click.argument("file", type=click.Path(allow_dash=True), required=False)
@click.option("--off", is_flag=True, help="End the shadow.")
@_REASON
@common
def shadow(session: Session, file: str | None, *, off: bool, reason: str) -> None:
    """Let a file decide beside the policy in force: recorded and counted, changing no answer."""
    if (file is None) != off:
        raise wrong_use("name a file, or end the shadow by --off")
    if file is not None:
        _take_in(session, file, "shadow", reason)
        return
    answer = session.daemon.http("POST", "/v1/policies/switch", {"mode": "shadow", "reason": reason})
    ended = answer["shadow_ended"]
    said = (
        "no policy was in shadow" if ended is None else f"the shadow of version {ended} ended; no policy is in shadow"
    )
    session.printer.answer(answer, [said])


@policy.command()
@click.argument("version", type=click.IntRange(min=1))
@_REASON
@common
def enforce(session: Session, version: int, *, reason: str) -> None:
    """Put a known version in force, the one in shadow for instance."""
    _switch(session, version, reason)


@policy.command()
@click.option("--to", "version", type=click.IntRange(min=1), metavar="VERSION", help="Instead of the one before.")
@_REASON
@common
def rollback(session: Session, version: int | None, *, reason: str) -> None:
    """Put the version in force again that was before.

    The one that was in force when the present one first came there: going back again goes further back, never to a
    version that was gone back from.
    """
    _switch(session, version, reason)


@policy.command()
@_FILE
@click.option("--since", type=SPAN, default="24h", show_default=True, metavar="24h", help="How far to look back.")
@click.option("--examples", type=click.IntRange(0, EXAMPLES_MAX), default=EXAMPLES_SHOWN, show_default=True)
@common
def test(session: Session, file: str, *, since: float, examples: int) -> None:
    """Evaluate what was recorded under a file, and say what would change, why and for whom.

    Nothing is loaded. Each decision is evaluated on the facts that were recorded with it.
    """
    trial = Trial(read_policy(file)[1], Policies(session).of)
    for record in records_since(session, since):
        trial.add(record)
    session.printer.answer(as_json(trial), told(trial, examples, session))


def told(trial: Trial, examples: int, session: Session) -> list[str]:
    """Returns a trial in lines: the sum, the moves, the causes, the reasons, the cohorts, a few decisions."""
    everyone = trial.cohorts["all"]
    lines = [f"{trial.compared:,} decisions, {everyone.changed:,} change ({_share(everyone.changed, trial.compared)})"]
    if trial.left_out:
        lines.append(f"{trial.left_out:,} were answered by an outage policy and left out")
    if trial.unknown_windows:
        names = ", ".join(sorted(trial.unknown_windows))
        lines.append(f"not told: what limits would have refused that no record holds a count of: {names}")
    if not trial.compared:
        return lines
    table = session.printer.table
    if trial.moves:
        rows = [[before, after, f"{count:,}"] for (before, after), count in trial.moves.most_common()]
        lines += ["", *table(("WAS", "WOULD BE", "DECISIONS"), rows)]
    if trial.causes:
        rows = [[clean(name), f"{count:,}"] for name, count in trial.causes.most_common(CAUSES_SHOWN)]
        lines += ["", *table(("CAUSE", "DECISIONS"), rows)]
    reasons = sorted({*trial.gained, *trial.lost})
    if reasons:
        rows = [[name, f"+{trial.gained[name]:,}", f"-{trial.lost[name]:,}"] for name in reasons]
        lines += ["", *table(("REASON", "GAINED", "LOST"), rows)]
    rows = [
        [name, f"{one.decisions:,}", _share(one.changed, one.decisions), _share(one.newly_denied, one.decisions)]
        for name, one in trial.cohorts.items()
        if one.decisions
    ]
    lines += ["", *table(("COHORT", "DECISIONS", "CHANGE", "NEWLY DENIED"), rows)]
    rows = [
        [
            one.decision_id,
            clean(one.user_id),
            clean(one.action_type),
            f"{one.before} -> {one.after}",
            clean("; ".join(one.why)),
            f"{one.score_before} -> {one.score_after}",
        ]
        for one in trial.changes[:examples]
    ]
    if rows:
        lines += ["", *table(("DECISION", "USER", "ACTION", "OUTCOME", "WHY", "SCORE"), rows)]
    return [*lines, *more(everyone.changed, examples)]


def more(changed: int, shown: int) -> list[str]:
    """Returns how many decisions change beside those shown, and how to see them."""
    if changed <= shown:
        return []
    wider = min(changed, EXAMPLES_MAX)
    return [f"{changed - shown:,} more" + (f": --examples {wider}" if wider > shown else "")]


def _share(part: int, whole: int) -> str:
    """Returns a count's share with its 95 % interval."""
    if not whole:
        return "-"
    low, high = wilson(part, whole)
    return f"{part / whole:.1%}, 95 % in {low:.1%} to {high:.1%}"


def as_json(trial: Trial) -> dict[str, Any]:
    """Returns a trial as plain data."""
    return {
        "compared": trial.compared,
        "left_out": trial.left_out,
        "moves": [
            {"before": before, "after": after, "count": count} for (before, after), count in trial.moves.most_common()
        ],
        "gained": dict(trial.gained),
        "lost": dict(trial.lost),
        "causes": dict(trial.causes),
        "cohorts": {
            name: {
                "decisions": one.decisions,
                "changed": one.changed,
                "newly_denied": one.newly_denied,
                "changed_interval": wilson(one.changed, one.decisions),
                "newly_denied_interval": wilson(one.newly_denied, one.decisions),
            }
            for name, one in trial.cohorts.items()
        },
        "unknown_windows": sorted(trial.unknown_windows),
        "changes": [asdict(change) for change in trial.changes],
    }


def _take_in(session: Session, file: str, mode: str, reason: str) -> None:
    source, _ = read_policy(file)
    answer = session.daemon.http("POST", "/v1/policies", {"source": source, "mode": mode, "reason": reason})
    says = "decides from now on" if mode == "enforce" else "runs in shadow from now on: it changes no answer"
    session.printer.answer(answer, _told(answer, says))


def _switch(session: Session, version: int | None, reason: str) -> None:
    body = {"mode": "enforce", "reason": reason, **without_none(version=version)}
    try:
        answer = session.daemon.http("POST", "/v1/policies/switch", body)
    except CliError as error:
        if error.exit_code is not ExitCode.NO_SUCH_THING:
            raise
        hint = "name a version by --to VERSION; `viral-engine policy list` shows them"
        if version is not None:
            hint = "`viral-engine policy list` shows those that do"
        raise CliError(error.exit_code, error.code, error.message, hint) from error
    session.printer.answer(answer, _told(answer, "decides from now on"))


def _told(answer: dict[str, Any], says: str) -> list[str]:
    lines = [f"version {answer['version']} {says}"]
    if answer["shadow_ended"] is not None:
        lines.append(f"the shadow of version {answer['shadow_ended']} ended")
    return [*lines, *_differing(answer)]


def _differing(answer: dict[str, Any]) -> list[str]:
    """Returns what a version has otherwise than the one that was in force, as lines."""
    changes, count, before = answer["changes"], answer["change_count"], answer["before"]
    if changes is None:
        return [f"what it has otherwise than version {before} can't be read now: see `viral-engine policy show`"]
    if not changes:
        return [f"it has nothing otherwise than version {before}"]
    shown = [f"  {clean(change)}" for change in changes[:CHANGES_SHOWN]]
    more = [f"  and {count - len(shown):,} more"] if count > len(shown) else []
    return [f"otherwise than in version {before}:", *shown, *more]


def read_policy(file: str) -> tuple[str, Policy]:
    """Reads a file and refuses a bad one here, before the daemon is asked."""
    try:
        with click.open_file(file, encoding="utf-8") as opened:
            source = opened.read(SOURCE_LENGTH_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is no UTF-8 text"
        raise CliError(ExitCode.WRONG_USE, "not_read", f"{file}: {why}") from error
    try:
        return source, policy_of(source)
    except BadPolicy as bad:
        name = "standard input" if file == "-" else Path(file).name
        raise CliError(
            ExitCode.WRONG_USE, "bad_policy", f"{name}, {bad}", "nothing was changed; docs/policy.md has the form"
        ) from bad
