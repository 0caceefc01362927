"""The action catalogue: what each action is, as data.

An action that is not listed gets `UNLISTED`, the strictest row of every column: consent for everybody who is not known
to be an adult, refused during an outage, a weight in the score and the reason `unknown_action`. It is no denial by
itself: a host that ships a new button before its row would lock out every adult, and would learn to keep the check off.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from viral_engine.domain.consent import DataClass, Purpose, RecipientClass, Scope
from viral_engine.domain.limits import READS, SHARE, WRITES, Limit
from viral_engine.domain.matrix import ActionClass
from viral_engine.domain.outage import OutagePolicy

__all__ = ["CATALOGUE", "UNLISTED", "Action", "effective_class", "required_scope"]


@dataclass(frozen=True, slots=True)
class Action:
    """One row of the catalogue.

    Attributes:
        action_class: Its row in the consent matrix.
        data: Data class it touches unless the request names another.
        recipient: Who gets the data; None if it stays with the operator.
        limits: Windows it is counted in.
        outage: What is answered while nothing can be recorded.
        sensitive: Shown to operators; what it needs stands in the matrix.
        signup: Whether it creates an account and so stands in the book of signups.
    """

    action_class: ActionClass = ActionClass.OPERATE
    data: DataClass = DataClass.ANY
    recipient: RecipientClass | None = None
    limits: tuple[Limit, ...] = WRITES
    outage: OutagePolicy = OutagePolicy.UNAVAILABLE
    sensitive: bool = False
    signup: bool = False


UNLISTED = Action(
    ActionClass.UNLISTED,
    recipient=RecipientClass.PUBLIC,
    outage=OutagePolicy.FAIL_CLOSED,
    sensitive=True,
)

CATALOGUE: Mapping[str, Action] = {
    "general": Action(),
    "login": Action(outage=OutagePolicy.FAIL_OPEN),
    "signup": Action(data=DataClass.ACCOUNT, signup=True),
    "invite": Action(),
    "share": Action(limits=(*WRITES, SHARE)),
    "profile_view": Action(limits=READS, outage=OutagePolicy.FAIL_OPEN),
    "message": Action(ActionClass.COLLECT, DataClass.CONTENT),
    "upload": Action(ActionClass.COLLECT, DataClass.CONTENT),
    "profile_update": Action(ActionClass.COLLECT, DataClass.PROFILE),
    "recording": Action(ActionClass.COLLECT, DataClass.RECORDING, outage=OutagePolicy.FAIL_CLOSED, sensitive=True),
    "ai_processing": Action(
        ActionClass.AI_PROCESS, DataClass.TRANSCRIPT, outage=OutagePolicy.FAIL_CLOSED, sensitive=True
    ),
    "transcript_view": Action(ActionClass.SHOW_TUTOR, DataClass.TRANSCRIPT, limits=READS),
    "recap_view": Action(ActionClass.SHOW_OWN_PARENT, DataClass.PROFILE, RecipientClass.PARENT, limits=READS),
    "share_personal_info": Action(
        ActionClass.DISCLOSE,
        DataClass.CONTACT,
        RecipientClass.OTHER_USERS,
        outage=OutagePolicy.FAIL_CLOSED,
        sensitive=True,
    ),
    "public_profile": Action(
        ActionClass.PUBLIC_SHARE,
        DataClass.PROFILE,
        RecipientClass.PUBLIC,
        outage=OutagePolicy.FAIL_CLOSED,
        sensitive=True,
    ),
    "social_features": Action(
        ActionClass.SOCIAL,
        DataClass.PROFILE,
        RecipientClass.OTHER_USERS,
        outage=OutagePolicy.FAIL_CLOSED,
        sensitive=True,
    ),
    "record_share": Action(
        ActionClass.RECORD_SHARE,
        DataClass.EDUCATION_RECORD,
        RecipientClass.PUBLIC,
        outage=OutagePolicy.FAIL_CLOSED,
        sensitive=True,
    ),
    "data_export": Action(ActionClass.EXPORT, outage=OutagePolicy.FAIL_CLOSED, sensitive=True),
    "data_delete": Action(ActionClass.DELETE),
    "loop_prompt": Action(ActionClass.PROMPT_INVITE),
    "reward_grant": Action(ActionClass.REWARD, outage=OutagePolicy.FAIL_CLOSED),
}

_PURPOSES = {
    ActionClass.AI_PROCESS: Purpose.AI_PROCESSING,
    ActionClass.SHOW_OWN_PARENT: Purpose.THIRD_PARTY,
    ActionClass.SOCIAL: Purpose.THIRD_PARTY,
    ActionClass.DISCLOSE: Purpose.THIRD_PARTY,
    ActionClass.PUBLIC_SHARE: Purpose.THIRD_PARTY,
    ActionClass.RECORD_SHARE: Purpose.THIRD_PARTY,
    ActionClass.UNLISTED: Purpose.THIRD_PARTY,
    ActionClass.PROMPT_INVITE: Purpose.INVITE,
    ActionClass.REWARD: Purpose.REWARD,
    ActionClass.EXPORT: Purpose.EXPORT,
}
_ALREADY_DISCLOSING = frozenset(
    {ActionClass.SOCIAL, ActionClass.DISCLOSE, ActionClass.PUBLIC_SHARE, ActionClass.RECORD_SHARE, ActionClass.UNLISTED}
)
# Their own parent and tutor see a child's data as part of the service; everybody else is a third party.
_WITHIN_SERVICE = frozenset({RecipientClass.PARENT, RecipientClass.TUTOR})


def effective_class(action: Action, data: DataClass | None, recipient: RecipientClass | None) -> ActionClass:
    """The matrix row for a request that names its data or its recipient.

    Naming a third party turns any action into a disclosure, and disclosing an education record into the stricter
    `record_share`; nothing a caller names makes an action milder than its row.
    """
    action_class = action.action_class
    if recipient is not None and recipient not in _WITHIN_SERVICE and action_class not in _ALREADY_DISCLOSING:
        action_class = ActionClass.PUBLIC_SHARE if recipient is RecipientClass.PUBLIC else ActionClass.DISCLOSE
    if data is DataClass.EDUCATION_RECORD and action_class in _ALREADY_DISCLOSING:
        return ActionClass.RECORD_SHARE
    return action_class


def required_scope(
    action: Action, action_class: ActionClass, data: DataClass | None, recipient: RecipientClass | None
) -> Scope:
    """The scope a consent must cover where the matrix asks for one."""
    purpose = _PURPOSES.get(action_class, Purpose.SERVICE)
    to = (recipient or action.recipient or RecipientClass.PUBLIC) if purpose is Purpose.THIRD_PARTY else None
    if action_class is ActionClass.RECORD_SHARE:
        data = DataClass.EDUCATION_RECORD
    return Scope(purpose, to, data or action.data)
