"""The HTTP application: one table of routes, checked, described and served."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.routing import Route as StarletteRoute

from viral_engine.web.api import operations
from viral_engine.web.check import CHECK_PATH, CheckEndpoint, Checker
from viral_engine.web.context import WebContext
from viral_engine.web.description import Description
from viral_engine.web.endpoint import Endpoint
from viral_engine.web.errors import ApiError, internal
from viral_engine.web.hot_check import HotRoute
from viral_engine.web.refusing import App
from viral_engine.web.routes import NO_BODY, NOBODY, NOTHING, Route, check_declared
from viral_engine.web.state import WebState
from viral_engine.web.table import route_table

_NOT_FOUND = 404


class _NarrowRoute(StarletteRoute):
    """A route whose parameters do not match what has a path of its own: `switch` is no version of a policy."""

    def __init__(self, route: Route, endpoint: App, literals: frozenset[str]) -> None:
        super().__init__(route.path, endpoint, methods=[route.method], name=route.name)
        self._literals = literals

    def matches(self, scope: MutableMapping[str, Any]) -> tuple[Match, MutableMapping[str, Any]]:
        """Tells whether the route takes a request."""
        if self.param_convertors and scope["path"] in self._literals:
            return Match.NONE, {}
        return super().matches(scope)


class Application:
    """The ASGI application, and the way past ASGI for its hottest route."""

    def __init__(self, hot: HotRoute, check: App, others: App) -> None:
        self.hot = hot
        self._check = check
        self._others = others

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]:
        """Serves one request."""
        if scope["path"] == CHECK_PATH and scope["method"] == "POST":
            return self._check(scope, receive, send)
        # Cut at slashes before decoding: an id may hold one, percent-encoded.
        scope["path"] = scope["raw_path"].decode("ascii")
        return self._others(scope, receive, send)


def build_app(context: WebContext, state: WebState | None = None, extra: tuple[Route, ...] = ()) -> Application:
    """Returns the application.

    Args:
        context: what main() gives.
        state: what an earlier incarnation left; a new one when absent.
        extra: routes beside those of the table.

    Raises:
        UndeclaredRoute: a route does not say what it touches, which scope it needs or how large its body may be.
    """
    state = state or WebState(context)
    checker = Checker(state)
    routes = (*route_table(context.settings, checker), *extra)
    routes = (*routes, *_described(routes, context.version))
    check_declared(routes)
    check = CheckEndpoint(state, checker)
    literals = frozenset(route.path for route in routes if "{" not in route.path)
    starlette = Starlette(
        routes=[
            _NarrowRoute(route, check if route.path == CHECK_PATH else Endpoint(state, route), literals)
            for route in routes
        ],
        exception_handlers={HTTPException: _no_route(state), Exception: _fault(state)},
    )
    starlette.router.redirect_slashes = False

    return Application(HotRoute(state, checker), check, starlette)


def _described(routes: tuple[Route, ...], version: str) -> tuple[Route, ...]:
    """Returns the routes that serve the table itself."""
    description = Description(routes, version)

    def of(name: str, path: str, summary: str, body: Callable[[], bytes], media_type: str) -> Route:
        return Route(
            name=name,
            method="GET",
            path=path,
            summary=summary,
            handler=operations.made_once(body, media_type),
            touches=NOTHING,
            scopes=NOBODY,
            body_bytes_max=NO_BODY,
            answers={200: None},
            media_type=media_type,
        )

    return (
        of("openapi", "/openapi.json", "This description.", lambda: description.openapi, "application/json"),
        of("docs", "/docs", "This description, for people.", lambda: description.page, operations.HTML),
        of("docs_style", "/docs/style.css", "The page's style.", lambda: description.style, "text/css; charset=utf-8"),
    )


def _no_route(state: WebState) -> Any:
    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == _NOT_FOUND:
            return _response(state, request, ApiError(404, "not_found", "there is no such path"), {})
        refusal = ApiError(error.status_code, "method_not_allowed", "this path does not take this method")
        return _response(state, request, refusal, {"allow": ", ".join(_methods(request))})

    return answer


def _methods(request: Request) -> list[str]:
    """Returns what a path takes: each of its methods is a route of its own, and Starlette names those of one."""
    return sorted(
        method
        for route in request.app.routes
        if isinstance(route, StarletteRoute) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods or ()
    )


def _fault(state: WebState) -> Any:
    async def answer(request: Request, error: Exception) -> Response:
        state.traffic.failed("unknown", b"-", error)
        return _response(state, request, internal(), {})

    return answer


def _response(state: WebState, request: Request, error: ApiError, headers: dict[str, str]) -> Response:
    given = request.headers.get("x-request-id")
    request_id = state.traffic.request_id(None if given is None else given.encode("latin-1"))
    # Any path can be asked for, so none of these gets a count of its own.
    state.traffic.note("none", request.method, error.status, 0.0, request_id, error.code)
    return Response(
        error.body(),
        error.status,
        {**headers, "x-request-id": request_id.decode()},
        media_type="application/json",
    )
