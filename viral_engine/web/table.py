"""The route table: everything that can be asked, what it touches, who may ask it."""

from __future__ import annotations

from viral_engine.config import Settings
from viral_engine.domain.consent import DataClass
from viral_engine.messages.access import BlockBody, EntryBody, LabelBody, ListName
from viral_engine.messages.checks import CheckAnswer, CheckRequest
from viral_engine.messages.disclosures import DisclosurePage
from viral_engine.messages.keys import KeyBody, Scope
from viral_engine.messages.people import ConfirmBody, ConsentBody, SignalBody, UserBody, UserView
from viral_engine.messages.redaction import RedactionAnswer, RedactionBody
from viral_engine.messages.would_hit import WouldHit, WouldHitBody
from viral_engine.web.api import access, decisions, disclosures, keys, operations, redactions, users, would_hit
from viral_engine.web.api.bulk import BulkAnswers, BulkItems, bulk
from viral_engine.web.check import CHECK_PATH, Checker
from viral_engine.web.disclosing import ON_BEHALF_OF
from viral_engine.web.history_table import history_routes
from viral_engine.web.policy_table import policy_routes
from viral_engine.web.review_table import review_routes
from viral_engine.web.routes import NO_BODY, NOBODY, NOTHING, Route

_CHECKED = (DataClass.ACCOUNT, DataClass.CONTACT, DataClass.CONTENT)
_PERSON = (DataClass.ACCOUNT, DataClass.CONTACT, DataClass.PROFILE)
_IDENTIFIERS = (DataClass.ACCOUNT,)
_REDACTED = (DataClass.CONTENT, DataClass.PROFILE)


def route_table(settings: Settings, checker: Checker) -> tuple[Route, ...]:
    """Returns every route but the pages made of the table itself."""
    return (
        *_checks(settings, checker),
        *_decisions(),
        *history_routes(),
        *_redactions(),
        *_users(settings.web.body_bytes_max),
        *_guardians(settings.web.body_bytes_max),
        *_lists(settings.web.body_bytes_max),
        *policy_routes(settings.web.body_bytes_max),
        *review_routes(settings.web.body_bytes_max),
        *_keys(settings.web.body_bytes_max),
        *_operations(),
    )


def _checks(settings: Settings, checker: Checker) -> tuple[Route, ...]:
    return (
        Route(
            name="check",
            method="POST",
            path=CHECK_PATH,
            summary="May this user do this action now? The decision is recorded before it is answered.",
            touches=_CHECKED,
            scopes=("check",),
            body_bytes_max=settings.web.body_bytes_max,
            body_type=CheckRequest,
            answers={200: CheckAnswer},
            once=True,
        ),
        Route(
            name="check_bulk",
            method="POST",
            path=f"{CHECK_PATH}/bulk",
            summary=f"Up to {settings.web.bulk_items_max} checks, answered in order; one bad item sinks nobody.",
            handler=bulk(checker, settings.web.bulk_items_max),
            touches=_CHECKED,
            scopes=("check",),
            body_bytes_max=settings.web.bulk_bytes_max,
            answers={200: BulkAnswers},
            described_body=BulkItems,
            once=True,
        ),
    )


def _decisions() -> tuple[Route, ...]:
    return (
        Route(
            name="get_decision",
            method="GET",
            path="/v1/decisions/{decision_id}",
            summary="One decision as recorded; with `as=user` or in a user's name the words that its user may read.",
            handler=decisions.get_decision,
            touches=_IDENTIFIERS,
            scopes=("review", "audit"),
            body_bytes_max=NO_BODY,
            query=(decisions.AS, decisions.LOCALE, ON_BEHALF_OF),
            answers={200: (decisions.DecisionRecord, decisions.DecisionInName, decisions.DecisionForUser)},
        ),
        Route(
            name="list_decisions",
            method="GET",
            path="/v1/decisions",
            summary="Recorded decisions, newest first; in a user's name each as its user may read it.",
            handler=decisions.list_decisions,
            touches=_IDENTIFIERS,
            scopes=("review", "audit"),
            body_bytes_max=NO_BODY,
            query=decisions.PAGE,
            answers={200: (decisions.DecisionRecords, decisions.DecisionsInName)},
        ),
    )


def _redactions() -> tuple[Route, ...]:
    return (
        # Of scope check: the host asks before it publishes, as before any action, and gets less than it sent. Takes no
        # Idempotency-Key: the kept answer would be a text.
        Route(
            name="post_redaction",
            method="POST",
            path="/v1/redactions",
            summary="A text with placeholders for what identifies people, and counts by kind; nothing of it is kept.",
            handler=redactions.post_redaction,
            touches=_REDACTED,
            scopes=("check",),
            body_bytes_max=redactions.BODY_BYTES_MAX,
            body_type=RedactionBody,
            answers={200: RedactionAnswer},
        ),
    )


def _users(body_bytes_max: int) -> tuple[Route, ...]:
    return (
        Route(
            name="put_user",
            method="PUT",
            path="/v1/users/{user_id}",
            summary="Replaces what is known of a user; 201 when the user is new.",
            handler=users.put_user,
            touches=_PERSON,
            scopes=("write",),
            body_bytes_max=body_bytes_max,
            body_type=UserBody,
            answers={200: users.UserStored, 201: users.UserStored},
        ),
        Route(
            name="get_user",
            method="GET",
            path="/v1/users/{user_id}",
            summary="What is known of a user; e-mail and phone for keys of scope `pii_read` only.",
            handler=users.get_user,
            touches=_PERSON,
            scopes=("write", "review", "audit"),
            body_bytes_max=NO_BODY,
            query=(ON_BEHALF_OF,),
            answers={200: UserView},
        ),
        Route(
            name="list_disclosures",
            method="GET",
            path="/v1/users/{user_id}/disclosures",
            summary="Who asked for a user's records and was shown or refused them, newest first; is logged itself.",
            handler=disclosures.list_disclosures,
            touches=_IDENTIFIERS,
            scopes=("audit",),
            body_bytes_max=NO_BODY,
            query=disclosures.PAGE,
            answers={200: DisclosurePage},
        ),
        Route(
            name="post_signal",
            method="POST",
            path="/v1/users/{user_id}/signals",
            summary="Records a signal about a user: the last report of a proof counts, the first one of a referrer.",
            handler=users.post_signal,
            touches=_IDENTIFIERS,
            scopes=("write",),
            body_bytes_max=body_bytes_max,
            body_type=SignalBody,
            answers={201: users.SignalStored},
            once=True,
        ),
    )


def _guardians(body_bytes_max: int) -> tuple[Route, ...]:
    return (
        Route(
            name="post_consent",
            method="POST",
            path="/v1/users/{user_id}/consents",
            summary="Records a guardian's consent with its evidence.",
            handler=users.post_consent,
            touches=_PERSON,
            scopes=("write",),
            body_bytes_max=body_bytes_max,
            body_type=ConsentBody,
            answers={201: users.ConsentStored},
            once=True,
        ),
        Route(
            name="confirm_guardian",
            method="POST",
            path="/v1/users/{user_id}/guardians/{guardian_id}/confirm",
            summary="Lets a further guardian count: an existing one or the school's staff says so.",
            handler=users.confirm_guardian,
            touches=_PERSON,
            scopes=("write",),
            body_bytes_max=body_bytes_max,
            body_type=ConfirmBody,
            answers={204: None},
        ),
        Route(
            name="delete_consent",
            method="DELETE",
            path="/v1/users/{user_id}/consents/{consent_id}",
            summary="Withdraws a consent; processing stops at once.",
            handler=users.delete_consent,
            touches=_PERSON,
            scopes=("write",),
            body_bytes_max=NO_BODY,
            answers={204: None},
        ),
    )


def _lists(body_bytes_max: int) -> tuple[Route, ...]:
    return (
        Route(
            name="would_hit",
            method="POST",
            path="/v1/blocks/would-hit",
            summary="Whom a block would have hit within 30 days; nothing is blocked or kept.",
            handler=would_hit.would_hit,
            touches=_IDENTIFIERS,
            scopes=("write", "review"),
            body_bytes_max=body_bytes_max,
            body_type=WouldHitBody,
            answers={200: WouldHit},
        ),
        *_list("blocks", "block", BlockBody, access.BlockStored, access.Blocks, body_bytes_max),
        *_list("allows", "allow", EntryBody, access.AllowStored, access.Allows, body_bytes_max),
        *_list("labels", "label", LabelBody, access.LabelStored, access.Labels, body_bytes_max, ("write",), "label_id"),
    )


def _list(
    list_name: ListName,
    one: str,
    body_type: type,
    stored: type,
    page: type,
    body_bytes_max: int,
    writers: tuple[Scope, ...] = ("write", "review"),
    placeholder: str = "entry_id",
) -> tuple[Route, ...]:
    return (
        Route(
            name=f"post_{one}",
            method="POST",
            path=f"/v1/{list_name}",
            summary=f"Adds to the {one} list; in force with the answer.",
            handler=access.add(list_name),
            touches=_IDENTIFIERS,
            scopes=writers,
            body_bytes_max=body_bytes_max,
            body_type=body_type,
            answers={200: stored, 201: stored},
            once=True,
        ),
        Route(
            name=f"list_{list_name}",
            method="GET",
            path=f"/v1/{list_name}",
            summary=f"Live entries of the {one} list, newest first.",
            handler=access.listing(list_name),
            touches=_IDENTIFIERS,
            scopes=("write", "review", "audit"),
            body_bytes_max=NO_BODY,
            query=access.LABEL_PAGE if list_name == "labels" else access.PAGE,
            answers={200: page},
        ),
        Route(
            name=f"delete_{one}",
            method="DELETE",
            path=f"/v1/{list_name}/{{{placeholder}}}",
            summary=f"Lifts an entry of the {one} list.",
            handler=access.remove(list_name),
            touches=_IDENTIFIERS,
            scopes=writers,
            body_bytes_max=NO_BODY,
            query=access.WHY,
            answers={204: None},
        ),
    )


def _keys(body_bytes_max: int) -> tuple[Route, ...]:
    return (
        # Takes no Idempotency-Key: the kept answer would be the secret.
        Route(
            name="post_key",
            method="POST",
            path="/v1/keys",
            summary="Makes an API key; its text is in this answer and nowhere else.",
            handler=keys.post_key,
            touches=NOTHING,
            scopes=("operate",),
            body_bytes_max=body_bytes_max,
            body_type=KeyBody,
            answers={201: keys.KeyMade},
        ),
        Route(
            name="list_keys",
            method="GET",
            path="/v1/keys",
            summary="Every key that is not revoked, without its secret.",
            handler=keys.list_keys,
            touches=NOTHING,
            scopes=("operate", "audit"),
            body_bytes_max=NO_BODY,
            answers={200: keys.Keys},
        ),
        Route(
            name="delete_key",
            method="DELETE",
            path="/v1/keys/{key_id}",
            summary="Ends a key for good, everywhere within a second.",
            handler=keys.delete_key,
            touches=NOTHING,
            scopes=("operate",),
            body_bytes_max=NO_BODY,
            answers={204: None},
        ),
    )


def _operations() -> tuple[Route, ...]:
    return (
        Route(
            name="healthz",
            method="GET",
            path="/healthz",
            summary="The process is alive.",
            handler=operations.healthz,
            touches=NOTHING,
            scopes=NOBODY,
            body_bytes_max=NO_BODY,
            answers={200: operations.Health},
        ),
        Route(
            name="readyz",
            method="GET",
            path="/readyz",
            summary="The daemon should get traffic; 503 with the parts that are not well when not.",
            handler=operations.readyz,
            touches=NOTHING,
            scopes=NOBODY,
            body_bytes_max=NO_BODY,
            answers={200: operations.Ready, 503: operations.Ready},
        ),
        # Counts by reason and restarts tell an outsider how a defence is doing: a scraper has a key of its own.
        Route(
            name="metrics",
            method="GET",
            path="/metrics",
            summary="Everything counted, in Prometheus' text format.",
            handler=operations.metrics,
            touches=NOTHING,
            scopes=("operate",),
            body_bytes_max=NO_BODY,
            answers={200: str},
            media_type=operations.PROMETHEUS,
        ),
        Route(
            name="home",
            method="GET",
            path="/",
            summary="Leads to the description of the API.",
            handler=operations.home,
            touches=NOTHING,
            scopes=NOBODY,
            body_bytes_max=NO_BODY,
            answers={307: None},
        ),
    )
