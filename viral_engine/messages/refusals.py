"""The answer to a request that cannot be carried out: data for the caller, not a crash."""


class Refused(Exception):
    """A request that was understood and refused; nothing was recorded.

    Attributes:
        code: stable word for programs, such as `not_found`.
        message: one sentence that names the situation.
        field: path of the offending field, when there is one.
        http_status: what the HTTP API answers with.
    """

    def __init__(self, code: str, message: str, *, field: str | None = None, http_status: int = 422) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.http_status = http_status


def not_found(what: str) -> Refused:
    """Returns the refusal for something that is not there."""
    return Refused("not_found", f"{what} does not exist", http_status=404)


def untimely(field: str, reason: str) -> Refused:
    """Returns the refusal of a well-formed time that can't be at this time."""
    return Refused("untimely", f"{field} {reason}", field=field, http_status=409)


def no_guardian(field: str, message: str) -> Refused:
    """Returns the refusal of somebody who is no guardian of the user, can't be one, or may not say who is."""
    return Refused("no_guardian", message, field=field, http_status=409)


def no_tutor(field: str, message: str) -> Refused:
    """Returns the refusal of somebody who can't be a tutor of the user."""
    return Refused("no_tutor", message, field=field, http_status=409)


def warming_up(what: str) -> Refused:
    """Returns the refusal for an actor that has not loaded its state yet."""
    return Refused("unavailable", f"{what} is still loading its state", http_status=503)


OUTCOME_UNKNOWN = "outcome_unknown"


def outcome_unknown(why: str) -> Refused:
    """Returns the refusal of a change that may have been made all the same: look before asking again."""
    return Refused(OUTCOME_UNKNOWN, f"{why}; it may have been made all the same", http_status=503)
