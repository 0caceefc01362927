"""Can one log in to the database? Run as a module; the URL comes in the environment, where `ps` does not show it."""

from __future__ import annotations

import os
import sys

import psycopg

CONNECT_TIMEOUT_S = 5


def probe(url: str) -> tuple[bool, str]:
    """Returns whether it worked, and the server's version or the reason in one line without the password."""
    try:
        with psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT_S) as connection:
            return True, f"PostgreSQL {connection.info.server_version // 10_000}"
    except psycopg.Error as error:
        return False, " ".join(str(error).split()) or type(error).__name__


def main() -> int:
    """Prints one line; exits 0 when one can log in."""
    ok, told = probe(os.environ["PROBED_URL"])
    sys.stdout.write(told + "\n")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
