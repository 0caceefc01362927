"""The routes of the policy and its versions."""

from __future__ import annotations

from viral_engine.messages.policies import PolicyStands
from viral_engine.web.api import policies
from viral_engine.web.routes import NO_BODY, NOTHING, Route


def policy_routes(body_bytes_max: int) -> tuple[Route, ...]:
    """Returns them."""
    return (*_looks(), *_acts(body_bytes_max))


def _looks() -> tuple[Route, ...]:
    return (
        Route(
            name="list_policies",
            method="GET",
            path="/v1/policies",
            summary="Every version of the policy, which one decides, and which one runs in its shadow.",
            handler=policies.list_policies,
            touches=NOTHING,
            scopes=("operate", "review", "audit"),
            body_bytes_max=NO_BODY,
            answers={200: policies.PolicyList},
        ),
        Route(
            name="get_policy",
            method="GET",
            path="/v1/policies/{version}",
            summary="One version whole; `enforced` and `shadow` name what stands now.",
            handler=policies.get_policy,
            touches=NOTHING,
            scopes=("operate", "review", "audit"),
            body_bytes_max=NO_BODY,
            answers={200: policies.PolicyWhole},
        ),
        Route(
            name="get_shadowed",
            method="GET",
            path="/v1/policies/{version}/shadowed",
            summary="How decisions came out, beside how a version in shadow would have decided them.",
            handler=policies.get_shadowed,
            touches=NOTHING,
            scopes=("operate", "review", "audit"),
            body_bytes_max=NO_BODY,
            query=policies.SINCE,
            answers={200: policies.ShadowCounts},
        ),
    )


def _acts(body_bytes_max: int) -> tuple[Route, ...]:
    return (
        Route(
            name="post_policy",
            method="POST",
            path="/v1/policies",
            summary="Takes in a version, which decides, or runs in shadow, from the next check on.",
            handler=policies.post_policy,
            touches=NOTHING,
            scopes=("operate",),
            body_bytes_max=policies.BODY_BYTES_MAX,
            body_type=policies.PolicyBody,
            answers={201: PolicyStands},
            once=True,
        ),
        Route(
            name="switch_policy",
            method="POST",
            path="/v1/policies/switch",
            summary="Lets a known version decide or run in shadow; without a number it goes back.",
            handler=policies.switch_policy,
            touches=NOTHING,
            scopes=("operate",),
            body_bytes_max=body_bytes_max,
            body_type=policies.SwitchBody,
            answers={200: PolicyStands},
            once=True,
        ),
    )
