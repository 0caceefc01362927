"""Paths as operators type them."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from viral_engine.control.protocol import Refusal
from viral_engine.runtime.snapshot import Node

PATH_CHARACTERS_MAX = 1_024


def normal(path: str) -> str:
    """Returns the path with one leading and no trailing slash: `growth/trust_safety/` is fine too."""
    return "/" + path.strip("/")


def flat(node: Node) -> Iterator[Node]:
    """Yields a node and everything below it, in start order."""
    yield node
    for child in node.children:
        yield from flat(child)


def find(root: Node, path: str) -> Node:
    """Returns the node at a path.

    Raises:
        Refusal: there is none; the hint names the nearest ones.
    """
    wanted = normal(path[:PATH_CHARACTERS_MAX])
    for node in flat(root):
        if node.path == wanted:
            return node
    raise Refusal("no_such_actor", f"there is no actor at {wanted}", _did_you_mean(root, wanted))


def _did_you_mean(root: Node, wanted: str) -> str:
    paths = [node.path for node in flat(root)]
    last = wanted.rsplit("/", 1)[-1]
    near = [path for path in paths if path.rsplit("/", 1)[-1] == last and path != "/"]
    near += [path for path in difflib.get_close_matches(wanted, paths, n=3, cutoff=0.5) if path not in near]
    if near:
        return f"did you mean {' or '.join(near[:3])}?"
    return "`viral-engine ps` lists every actor"
