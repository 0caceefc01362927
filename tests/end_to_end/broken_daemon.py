"""The daemon with a fault: whoever asks about `poison` ends trust_safety, with an error that quotes the whole check."""

import importlib
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

actor: Any = importlib.import_module("viral_engine.actors.growth.trust_safety.actor")
decide = actor.decide


def broken(memory: Any, request: Any, *rest: Any) -> Any:
    """Decides everything but one."""
    if request.session_id == "poison-session":
        raise KeyError(request.content, [f"{request}"])
    return decide(memory, request, *rest)


if __name__ == "__main__":
    actor.decide = broken
    import supervisor

    sys.exit(supervisor.main(sys.argv[1:]))
