"""What the HTTP side keeps while its actor is restarted: keys, requests under way, counts."""

from __future__ import annotations

import os

from viral_engine.domain.uuid7 import Uuid7Source
from viral_engine.web.auth import KeyRing
from viral_engine.web.client import Network, parse_networks
from viral_engine.web.context import WebContext
from viral_engine.web.idempotency import OnceDesk
from viral_engine.web.outage import OutageDesk
from viral_engine.web.traffic import Traffic


class WebState:
    """Made once and handed from incarnation to incarnation.

    Requests of a killed incarnation go on to their end, and a repeated one that reaches the next incarnation must
    find the first one under way. The keys outlive it so that a restart during an outage locks nobody out.
    """

    def __init__(self, context: WebContext) -> None:
        self.context = context
        self.keys = KeyRing(context.system, context.instance_key)
        self.once = OnceDesk(context)
        self.traffic = Traffic(context.log, context.boot_id)
        self.outage = OutageDesk(context, self.traffic)
        self.ids = Uuid7Source(os.urandom)
        self.trusted_proxies: tuple[Network, ...] = parse_networks(context.settings.server.trusted_proxies)
