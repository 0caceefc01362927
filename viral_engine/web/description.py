"""The description of the API, made when somebody first asks for it: the start has better things to do."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from viral_engine.web.routes import Route


class Description:
    """The description for machines and for people; each part is made once, which takes some tens of milliseconds.

    Args:
        routes: what it describes.
        version: the program's.
    """

    def __init__(self, routes: tuple[Route, ...], version: str) -> None:
        self._routes = routes
        self._version = version

    @functools.cached_property
    def _document(self) -> dict[str, Any]:
        from viral_engine.web.openapi import describe  # noqa: PLC0415  (see above)

        return describe(self._routes, self._version)

    @functools.cached_property
    def openapi(self) -> bytes:
        """OpenAPI 3.1 as JSON."""
        return msgspec.json.encode(self._document)

    @functools.cached_property
    def page(self) -> bytes:
        """HTML."""
        from viral_engine.web.docs import page  # noqa: PLC0415  (see above)

        return page(self._document)

    @functools.cached_property
    def style(self) -> bytes:
        """The page's style sheet."""
        from viral_engine.web.docs import style  # noqa: PLC0415  (see above)

        return style()
