"""The tree of the daemon, whole, and its entry point: `python supervisor.py serve --data-dir D --port P`.

Start order is top to bottom, stop order bottom to top. `one_for_one` throughout: callers hold names, not references,
so nobody has to die with another. The times to shut down stay below ten seconds in all: then `docker stop` would kill.
"""

import gc
import signal
import sys

if __name__ == "__main__":
    gc.disable()  # it rests until the daemon is ready: all that is made before is kept
    for number in (STOPS := (signal.SIGTERM, signal.SIGINT)):
        signal.signal(number, lambda _number, _frame: sys.exit(0))  # nothing was promised to anybody yet
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)  # `viral-engine serve` has them wait until here
    from viral_engine.actors import start

    # Before the rest is loaded: PostgreSQL takes as long to start, and nobody need wait for both.
    start.begin(sys.argv[1:])

from viral_engine.actors.control.actor import Control
from viral_engine.actors.daemon import run
from viral_engine.actors.database.actor import DatabaseActor
from viral_engine.actors.growth.content.actor import ContentActor
from viral_engine.actors.growth.pager.actor import Pager
from viral_engine.actors.growth.redaction.actor import Redaction
from viral_engine.actors.growth.trust_safety.actor import TrustSafety
from viral_engine.actors.jobs.clock.actor import Clock
from viral_engine.actors.journal.actor import Journal
from viral_engine.actors.reader.actor import Reader
from viral_engine.actors.web.actor import Web
from viral_engine.runtime.heartbeat import Heartbeat
from viral_engine.runtime.spec import Supervisor, Worker

# For actors whose handlers wait for nobody. Database and reader wait for PostgreSQL, which may be frozen for as long as
# it likes: that is answered by the outage policies, and ending them for it would use up the root's three restarts.
HEARTBEAT = Heartbeat(every_s=2, missed_max=5)

GROWTH = (
    Worker(name="trust_safety", actor_class=TrustSafety, shutdown_s=0.5, mailbox_capacity=50_000),
    Worker(name="content", actor_class=ContentActor, shutdown_s=0.1, mailbox_capacity=50_000),
    Worker(name="redaction", actor_class=Redaction, shutdown_s=0.25),
    # No answer needs it: it gives up alone.
    Worker(name="pager", actor_class=Pager, shutdown_s=0.1, on_give_up="suspend"),
)

TREE = Supervisor(
    name="viral_engine",
    # Three, then the process ends with exit 70: whoever started it gets a fresh one rather than a limping one.
    restarts_max=3,
    restarts_window_s=60,
    children=(
        # First up, last down: everything else can be looked into through it.
        Worker(name="control", actor_class=Control, shutdown_s=1, heartbeat=HEARTBEAT),
        # Its server is main's and outlives it. Like the reader it may hang in a frozen socket: no stop waits for that.
        Worker(name="database", actor_class=DatabaseActor, shutdown_s=0.5),
        # Ends when all that it accepted is committed or refused. Its mailbox takes a burst of every connection.
        Worker(name="journal", actor_class=Journal, shutdown_s=2.5, mailbox_capacity=50_000),
        Worker(name="reader", actor_class=Reader, shutdown_s=0.5, mailbox_capacity=50_000),
        # A bad message that clients repeat must not end the process before an operator can see it.
        Supervisor(name="growth", restarts_max=20, restarts_window_s=60, children=GROWTH),
        Supervisor(
            name="jobs",
            restarts_max=10,
            restarts_window_s=60,
            children=(Worker(name="clock", actor_class=Clock, shutdown_s=0.5, heartbeat=HEARTBEAT),),
        ),
        # Last up, first down: nobody is let in before there is somebody to answer, and open requests are served out.
        Worker(name="web", actor_class=Web, shutdown_s=3),
    ),
)


def main(arguments: list[str] | None = None) -> int:
    """Runs the daemon and returns its exit code: 0 stopped, 1 could not start, 70 gave up."""
    return run(TREE, sys.argv[1:] if arguments is None else arguments)


if __name__ == "__main__":
    sys.exit(main())
