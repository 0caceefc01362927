"""What is wrong with a node of the tree, as the end of a sentence that begins with its path. Pure."""

from __future__ import annotations

from viral_engine.runtime.snapshot import Node

BUSY_S = 4.0
"""An actor that handles one message for so long hangs, most likely in a frozen database."""

BEHIND_S = 5.0
"""An actor whose oldest message waits for longer is a trouble, and works all the same."""


def ill(node: Node) -> str | None:
    """Returns why a node does not do its work; None when it does."""
    if node.state != "running":
        return f"is {node.state.replace('_', ' ')}"
    if node.status is not None:
        return f"is {node.status}"
    if node.kind == "worker" and node.busy_s is not None and node.busy_s > BUSY_S:
        return f"has been handling {node.current_message or 'a batch'} for {node.busy_s:.0f} s"
    return None


def trouble(node: Node) -> str | None:
    """Returns what an operator should look at; None when there is nothing."""
    why = ill(node)
    if why is None and node.oldest_age_s is not None and node.oldest_age_s >= BEHIND_S:
        return f"is behind: its oldest message waits for {node.oldest_age_s:.1f} s"
    return why
