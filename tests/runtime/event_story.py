"""What happened in a tree, in short, and the few things that most tests of supervisors do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scripted_actors import Script, scripted

from viral_engine.runtime.events import ActorEnded, ActorStarted, ActorStartFailed
from viral_engine.runtime.operations import WhichChildren
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.testing import settle

if TYPE_CHECKING:
    from viral_engine.runtime.actor import Actor
    from viral_engine.runtime.system import System


@dataclass
class Story:
    """A listener: `+a.2` started, `-a.1:killed` ended, `!a.2:Boom: x` did not start."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, event: Any) -> None:
        if not isinstance(event, ActorStarted | ActorEnded | ActorStartFailed):
            return
        who = f"{event.path.rsplit('/')[-1] or 'root'}.{event.incarnation}"
        match event:
            case ActorStarted():
                self.lines.append(f"+{who}")
            case ActorEnded(exit_reason=reason):
                self.lines.append(f"-{who}:{reason}")
            case ActorStartFailed(exit_reason=reason):
                self.lines.append(f"!{who}:{reason}")

    def since(self) -> str:
        """Returns what happened since it was asked last."""
        told, self.lines = " ".join(self.lines), []
        return told


def worker(name: str, placement: type[Actor], script: Script | None = None, **options: Any) -> Worker:
    """Returns the specification of a scripted actor."""
    return Worker(name=name, actor_class=scripted(placement), args=(script or Script(),), **options)


def kill(system: System, *paths: str) -> None:
    """Kills who is at these paths now, and waits until their supervisors have done what follows."""
    actors = [system.registry.actors[path] for path in paths]
    for actor in actors:
        actor.kill()
    settle(system)


def phases(system: System, path: str = "/") -> list[tuple[str, str]]:
    """Returns the children of a supervisor as it lists them."""
    return [(info.name, info.phase) for info in system.call(path, WhichChildren()).get()]
