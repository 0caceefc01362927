"""The routes of reports, appeals and cases."""

from __future__ import annotations

from viral_engine.domain.consent import DataClass
from viral_engine.messages.reviews import (
    AppealBody,
    CaseClosed,
    CaseStands,
    CaseView,
    CloseBody,
    ReportBody,
    ReportStands,
)
from viral_engine.web.api import reviews
from viral_engine.web.routes import NO_BODY, Route

_REPORTED = (DataClass.ACCOUNT, DataClass.CONTENT)


def review_routes(body_bytes_max: int) -> tuple[Route, ...]:
    """Returns them."""
    return (*_sayings(body_bytes_max), *_cases(body_bytes_max))


def _sayings(body_bytes_max: int) -> tuple[Route, ...]:
    return (
        Route(
            name="post_report",
            method="POST",
            path="/v1/reports",
            summary="Somebody reports a user, a device or an address; acknowledged once it is written.",
            handler=reviews.post_report,
            touches=_REPORTED,
            scopes=("write", "review"),
            body_bytes_max=body_bytes_max,
            body_type=ReportBody,
            answers={200: ReportStands, 201: ReportStands},
            once=True,
        ),
        Route(
            name="post_appeal",
            method="POST",
            path="/v1/appeals",
            summary="The user of a decision asks for a person to look at it.",
            handler=reviews.post_appeal,
            touches=_REPORTED,
            scopes=("write", "review"),
            body_bytes_max=body_bytes_max,
            body_type=AppealBody,
            answers={200: CaseStands, 201: CaseStands},
            once=True,
        ),
    )


def _cases(body_bytes_max: int) -> tuple[Route, ...]:
    return (
        Route(
            name="list_cases",
            method="GET",
            path="/v1/reviews",
            summary="Cases of a queue that wait for a person, oldest first.",
            handler=reviews.list_cases,
            touches=_REPORTED,
            scopes=("review", "child_safety"),
            body_bytes_max=NO_BODY,
            query=reviews.PAGE,
            answers={200: reviews.Cases},
        ),
        Route(
            name="get_case",
            method="GET",
            path="/v1/reviews/{case_id}",
            summary="One case whole; the reading of one of child safety is in the audit.",
            handler=reviews.get_case,
            touches=_REPORTED,
            scopes=("review", "child_safety"),
            body_bytes_max=NO_BODY,
            answers={200: CaseView},
        ),
        Route(
            name="claim_case",
            method="POST",
            path="/v1/reviews/{case_id}/claim",
            summary="Gives a case to the asker for an hour.",
            handler=reviews.claim_case,
            touches=_REPORTED,
            scopes=("review", "child_safety"),
            body_bytes_max=NO_BODY,
            answers={200: reviews.Claimed},
        ),
        Route(
            name="close_case",
            method="POST",
            path="/v1/reviews/{case_id}/close",
            summary="Upholds or overturns; what is overturned loses its blocks, with the answer.",
            handler=reviews.close_case,
            touches=_REPORTED,
            scopes=("review", "child_safety"),
            body_bytes_max=body_bytes_max,
            body_type=CloseBody,
            answers={200: CaseClosed},
            once=True,
        ),
    )
