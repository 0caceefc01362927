"""uvicorn's flags, the daemon's own."""

from __future__ import annotations

from typing import Any

FLAGS: dict[str, Any] = {
    "host": "127.0.0.1",
    "loop": "uvloop",
    "http": "httptools",
    "interface": "asgi3",
    "lifespan": "off",
    "access_log": False,
    "log_level": "warning",
    "server_header": False,
    "proxy_headers": False,
    "backlog": 4096,
    "timeout_keep_alive": 65,
}
