"""Who may act on somebody else's data at all: by how they stand to them and what the action does with it.

What else an action needs, by the age and the consents of whose data it is, the matrix says. A tutor teaches: they see
what teaching needs and write what comes of it. Nothing of their pupil's leaves the service, is processed elsewhere,
rewarded, exported or deleted on their word, whatever was consented to.
"""

from viral_engine.domain.facts import Relation
from viral_engine.domain.matrix import ActionClass

__all__ = ["may_act"]

_TEACHING = frozenset({ActionClass.OPERATE, ActionClass.COLLECT, ActionClass.SHOW_TUTOR})


def may_act(relation: Relation, action_class: ActionClass) -> bool:
    """Whether somebody of this relation to a person may do something of this class with their data."""
    if relation is Relation.TUTOR:
        return action_class in _TEACHING
    return relation is not Relation.NONE
