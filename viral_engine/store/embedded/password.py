"""The database's password: random, written once, handed to libpq by file so that no log or process list shows it."""

import os
import re
import secrets
from pathlib import Path

from viral_engine.store.embedded.errors import PasswordFileDamaged
from viral_engine.store.embedded.layout import sync_folder

# Owns the program's database and nothing else: whoever slips SQL into it reaches no file and no program of the machine.
DATABASE_USER = "viral_engine"
# PostgreSQL's first user, who may do everything; used to make the other one, and by people.
ADMIN_USER = "postgres"
_SIZE_BYTES = 32
_PASSFILE = re.compile(rb"(?:\*:\*:\*:[!-~]+:[!-~]+\n)+")


def ensure_password(password_file: Path) -> tuple[str, bool]:
    """The password and whether it was made just now; the file is whole or absent, never half.

    The form is libpq's (host:port:database:user:password), so that psycopg, psql and pg_dump all read it.

    Raises:
        PasswordFileDamaged: it holds something else.
    """
    try:
        found = password_file.read_bytes()
    except FileNotFoundError:
        pass
    else:
        if _PASSFILE.fullmatch(found) is None:
            raise PasswordFileDamaged(password_file)
        return found.decode().strip().rpartition(":")[2], False
    # Hexadecimal: nothing in it needs quoting, in SQL as little as in the file.
    password = secrets.token_hex(_SIZE_BYTES)
    part = password_file.with_name(f"{password_file.name}.part")
    part.unlink(missing_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.writelines(f"*:*:*:{user}:{password}\n" for user in (ADMIN_USER, DATABASE_USER))
        file.flush()
        os.fsync(file.fileno())
    part.rename(password_file)
    sync_folder(password_file.parent)
    return password, True
