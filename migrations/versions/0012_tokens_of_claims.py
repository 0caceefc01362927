"""Whoever works for an Idempotency-Key has a token of their own: once somebody took over, they can commit no more."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Claims of before have no work under way: their daemon has ended.
    op.execute("ALTER TABLE idempotency ADD COLUMN token bytea NOT NULL DEFAULT ''")
