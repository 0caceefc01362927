"""A policy as its author writes it: TOML, every table of which may be left out and is then as shipped.

`policy_text` writes the whole of a policy, so that whoever wants to change a number starts from what is in force.
Reading is strict: an unknown key, a number out of bounds, a rule that can't work are refused with line and reason.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from viral_engine.domain.actions import Action
from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import DataClass, RecipientClass
from viral_engine.domain.content import ContentRules
from viral_engine.domain.errors import Invalid
from viral_engine.domain.facts import ListKind
from viral_engine.domain.limits import Limit, WindowKey
from viral_engine.domain.matrix import STRICTEST, STRICTNESS, US, ActionClass, Cells, Matrix, Need
from viral_engine.domain.outage import OutagePolicy
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy import DEFAULT_POLICY, Policy
from viral_engine.domain.policy_file_score import read_weights
from viral_engine.domain.reasons import Reason
from viral_engine.domain.rules import Condition, Fade, Operator, Rule
from viral_engine.domain.toml_lines import NoToml, line_of, parse
from viral_engine.domain.toml_table import COUNT_MAX, Table, list_of, word_of

__all__ = ["SOURCE_LENGTH_MAX", "BadPolicy", "policy_of"]

SOURCE_LENGTH_MAX = 60_000
ACTIONS_MAX = 500
LIMITS_MAX = 50
RULES_MAX = 100
ATTEMPTS_MAX = 4_096
"""What one window can hold (`domain.windows`)."""

SECONDS_MAX = 600
"""The longest window: how far back attempts are counted again after a start."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_ACTION = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_JURISDICTION = re.compile(r"\*|[a-z][a-z0-9_-]{0,15}")


_FILE_NAMES = {"policy.weights": "score.", "policy": ""}


class BadPolicy(ValueError):
    """A text that is no policy.

    Attributes:
        line: Where, counted from 1; 0 when no line is to blame.
        path: Of the key, empty when the text is no TOML.
    """

    def __init__(self, line: int, path: str, reason: str) -> None:
        where = f"line {line}: " if line else ""
        super().__init__(f"{where}{path} {reason}" if path else f"{where}{reason}")
        self.line = line
        self.path = path
        self.reason = reason


def policy_of(source: str, version: int = 0) -> Policy:
    """The policy that a file says, what it leaves out being as shipped.

    Args:
        source: TOML.
        version: Which number it will have.

    Raises:
        BadPolicy: With line and reason.
    """
    if len(source) > SOURCE_LENGTH_MAX:
        line = source.count("\n", 0, SOURCE_LENGTH_MAX) + 1
        raise BadPolicy(line, "", f"the file must have at most {SOURCE_LENGTH_MAX:,} characters")
    try:
        plain = parse(source)
    except NoToml as error:
        raise BadPolicy(error.line, "", error.reason) from None
    try:
        policy = _policy(Table(plain, ""), version)
    except Invalid as invalid:
        # What `Policy` itself finds is called after its fields.
        path = re.sub(r"^(policy\.weights|policy)\.", lambda found: _FILE_NAMES[found[1]], invalid.field)
        raise BadPolicy(line_of(source, path), path, invalid.reason) from None
    shipped = replace(DEFAULT_POLICY, id=policy.id, version=version)
    if policy == shipped and not _says_anything({**plain, "id": []}):
        put = f"it would put the shipped policy in force; `policy enforce {DEFAULT_POLICY.version}` does that"
        raise BadPolicy(0, "", f"says nothing: {put}")
    return policy


def _says_anything(plain: Any) -> bool:
    """Whether there is a value in it, be it a shipped one: a file may say on purpose what is so anyway."""
    return any(_says_anything(item) for item in plain.values()) if isinstance(plain, Mapping) else plain != []


def _policy(top: Table, version: int) -> Policy:
    base = DEFAULT_POLICY
    limits = _limits(top, base)
    signup = top.table("signup") or Table({}, "signup")
    consent = top.table("consent") or Table({}, "consent")
    policy = replace(
        base,
        id=_identifier(top),
        version=version,
        actions=_actions(top, base.actions, limits),
        unlisted=_unlisted(top, base.unlisted, limits),
        matrix=_matrix(top, base.matrix),
        weights=read_weights(top, base.weights),
        allow_lifts=_lifts(top, base.allow_lifts),
        signup_device_others_max=signup.number("device_others_max", base.signup_device_others_max, high=COUNT_MAX),
        household_members_max=signup.number("household_members_max", base.household_members_max, high=COUNT_MAX),
        household_new_max=signup.number("household_new_max", base.household_new_max, high=COUNT_MAX),
        signup_address_others_max=signup.number("address_others_max", base.signup_address_others_max, high=COUNT_MAX),
        consent_version_min=consent.number("version_min", base.consent_version_min, high=COUNT_MAX),
        reconsent_supersedes=consent.flag("reconsent_supersedes", default=base.reconsent_supersedes),
        withdrawal_ends_older=consent.flag("withdrawal_ends_older", default=base.withdrawal_ends_older),
        content=_content(top, base.content),
        rules=_rules(top, version),
    )
    for table in (signup, consent, top):
        table.end()
    return policy


def _identifier(top: Table) -> str:
    name = top.text("id", DEFAULT_POLICY.id, 64)
    if not _NAME.fullmatch(name):
        raise Invalid("id", f"must be like {_NAME.pattern}")
    return name


def _content(top: Table, base: ContentRules) -> ContentRules:
    content = top.table("content") or Table({}, "content")
    private = content.table("private") or Table({}, "content.private")
    rules = ContentRules(
        {band: private.word(band, Outcome, base.private[band]) for band in AgeBand},
        *(content.word(name, Outcome, getattr(base, name)) for name in ("secret", "off_platform", "unseen")),
    )
    for table in (private, content):
        table.end()
    return rules


# Limits and actions.


def _limits(top: Table, base: Policy) -> dict[str, Limit]:
    """Every window that an action may name: the shipped ones, changed or not, and new ones."""
    limits = {limit.window: limit for action in (*base.actions.values(), base.unlisted) for limit in action.limits}
    table = top.table("limits")
    for name, one in table.tables(_NAME) if table is not None else ():
        shipped = limits.get(name)
        limits[name] = Limit(
            name,
            one.word("whose", WindowKey, WindowKey.USER_ACTION if shipped is None else shipped.key),
            one.number("attempts", 0 if shipped is None else shipped.places, low=1, high=ATTEMPTS_MAX),
            one.number("seconds", 60 if shipped is None else shipped.window_ms // 1_000, low=1, high=SECONDS_MAX)
            * 1_000,
            one.word("reason", Reason, Reason.RATE_LIMITED if shipped is None else shipped.reason),
        )
        if limits[name].places == 0:
            raise Invalid(one.at("attempts"), "is missing")
        if limits[name].reason not in (Reason.RATE_LIMITED, Reason.DUPLICATE_SHARE):
            raise Invalid(one.at("reason"), f"must be {Reason.RATE_LIMITED} or {Reason.DUPLICATE_SHARE}")
        one.end()
        if len(limits) > LIMITS_MAX:
            raise Invalid(one.path, f"is one more than the {LIMITS_MAX} limits that there may be")
    return limits


def _actions(top: Table, shipped: Mapping[str, Action], limits: Mapping[str, Limit]) -> dict[str, Action]:
    actions = {name: _relimited(action, limits) for name, action in shipped.items()}
    table = top.table("actions")
    for name, one in table.tables(_ACTION) if table is not None else ():
        actions[name] = _action(one, actions.get(name, Action(limits=_named(("user_action",), limits))), limits)
        if len(actions) > ACTIONS_MAX:
            raise Invalid(one.path, f"is one more than the {ACTIONS_MAX} actions that there may be")
    return actions


def _unlisted(top: Table, shipped: Action, limits: Mapping[str, Limit]) -> Action:
    """The row of what the catalogue lacks: its limits may be changed, its strictness not."""
    action = _relimited(shipped, limits)
    table = top.table("unlisted")
    if table is None:
        return action
    names = table.names("limits")
    table.end()
    return action if names is None else replace(action, limits=_named(names, limits, table.at("limits")))


def _action(one: Table, before: Action, limits: Mapping[str, Limit]) -> Action:
    names = one.names("limits")
    recipient = one.get("recipient")
    action = Action(
        action_class=one.word("class", ActionClass, before.action_class),
        data=one.word("data", DataClass, before.data),
        recipient=before.recipient if recipient is None else word_of(recipient, RecipientClass, one.at("recipient")),
        limits=before.limits if names is None else _named(names, limits, one.at("limits")),
        outage=one.word("outage", OutagePolicy, before.outage),
        sensitive=one.flag("sensitive", default=before.sensitive),
        signup=one.flag("signup", default=before.signup),
    )
    one.end()
    return action


def _relimited(action: Action, limits: Mapping[str, Limit]) -> Action:
    return replace(action, limits=tuple(limits[limit.window] for limit in action.limits))


def _named(names: Any, limits: Mapping[str, Limit], path: str = "limits") -> tuple[Limit, ...]:
    for name in names:
        if name not in limits:
            raise Invalid(path, f"names a limit that is not there; there are {', '.join(sorted(limits))}")
    return tuple(limits[name] for name in dict.fromkeys(names))


def _matrix(top: Table, shipped: Matrix) -> Matrix:
    """Cells that are given replace the shipped ones; a new jurisdiction starts from the strictest table."""
    table = top.table("matrix")
    if table is None:
        return shipped
    matrix = dict(shipped)
    for jurisdiction, rows in table.tables(_JURISDICTION):
        before = dict(matrix.get(jurisdiction, matrix[STRICTEST]))
        for name, cells in rows.tables(_NAME):
            action_class = word_of(name, ActionClass, cells.path)
            before[action_class] = {band: cells.word(band.value, Need, before[action_class][band]) for band in AgeBand}
            if jurisdiction == US:
                _refuse_below_the_law(cells, before[action_class], shipped[US][action_class])
            cells.end()
        matrix[jurisdiction] = before
    return matrix


def _refuse_below_the_law(table: Table, cells: Cells, shipped: Cells) -> None:
    """Refuses less than what 16 CFR 312.5 and 34 CFR 99.30 ask for of a child, and of whoever may be one."""
    for band in (AgeBand.UNKNOWN, AgeBand.UNDER_13):
        if STRICTNESS.index(cells[band]) < STRICTNESS.index(shipped[band]):
            law = "34 CFR 99.30" if shipped[band] is Need.NAMED else "16 CFR 312.5"
            raise Invalid(table.at(band.value), f"is {cells[band]} and must not be less than {shipped[band]} ({law})")


def _lifts(top: Table, shipped: Mapping[ListKind, tuple[WindowKey, ...]]) -> Mapping[ListKind, tuple[WindowKey, ...]]:
    table = top.table("allow_lifts")
    if table is None:
        return shipped
    lifts = {kind: table.words(kind.value, WindowKey, shipped.get(kind, ())) for kind in ListKind}
    table.end()
    return {kind: keys for kind, keys in lifts.items() if keys}


# Rules.


def _rules(top: Table, version: int) -> tuple[Rule, ...]:
    value = top.get("rule")
    if value is None:
        return ()
    listed = list_of(value, "rule")
    if len(listed) > RULES_MAX:
        raise Invalid(f"rule[{RULES_MAX}]", f"is one more than the {RULES_MAX} rules that there may be")
    return tuple(_rule(Table(item, f"rule[{index}]"), version) for index, item in enumerate(listed))


def _rule(one: Table, version: int) -> Rule:
    for needed in ("name", "weight", "when"):
        if one.get(needed) is None:
            raise Invalid(one.at(needed), "is missing")
    name = one.text("name", "", 64)
    if not _NAME.fullmatch(name):
        raise Invalid(one.at("name"), f"must be like {_NAME.pattern}")
    fades = one.table("fades")
    rule = Rule(
        name=name,
        weight=one.number("weight", 0, low=1),
        why=one.text("why", name.replace("_", " ")),
        when=_condition(one.get("when"), one.at("when"), 1),
        each=one.text("each", "", 64),
        free=one.number("free", 0, high=COUNT_MAX),
        cap=one.number("cap", 0),
        fades=None if fades is None else Fade(fades.text("fact", "", 64), fades.number("days", 0, low=1, high=3_650)),
        version=version,
    )
    if fades is not None:
        fades.end()
    one.end()
    return rule


def _condition(plain: Any, path: str, depth: int) -> Condition:
    table = Table(plain, path)
    if depth > 16:  # noqa: PLR2004  (`check_rule` says what is allowed; this only ends the recursion)
        raise Invalid(path, "is nested too deep")
    for joined in (Operator.ALL, Operator.ANY):
        parts = table.get(joined.value)
        if parts is not None:
            table.end()
            listed = list_of(parts, table.at(joined.value))
            return Condition(joined, parts=tuple(
                _condition(part, f"{table.at(joined.value)}[{index}]", depth + 1) for index, part in enumerate(listed)
            ))  # fmt: skip
    denied = table.get(Operator.NOT.value)
    if denied is not None:
        table.end()
        return Condition(Operator.NOT, parts=(_condition(denied, table.at(Operator.NOT.value), depth + 1),))
    return _comparison(table)


def _comparison(table: Table) -> Condition:
    fact = table.text("fact", "", 64)
    if not fact:
        raise Invalid(table.path, "must have `fact`, `all`, `any` or `not`")
    found = [
        Condition(test, fact, table.number(test.value, 0, high=COUNT_MAX))
        for test in (Operator.AT_LEAST, Operator.AT_MOST)
        if table.get(test.value) is not None
    ]
    same, some = table.get(Operator.IS.value), table.names(Operator.ONE_OF.value)
    if isinstance(same, str):
        found.append(Condition(Operator.ONE_OF, fact, words=(same,)))
    elif same is not None:
        found.append(Condition(Operator.IS, fact, int(table.flag(Operator.IS.value, default=False))))
    if some is not None:
        found.append(Condition(Operator.ONE_OF, fact, words=tuple(some)))
    table.end()
    if not found:
        raise Invalid(table.path, "must compare the fact: at_least, at_most, is or one_of")
    return found[0] if len(found) == 1 else Condition(Operator.ALL, parts=tuple(found))
