"""Referrers told with a user so far count as the first report of a signal, where there is none."""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "INSERT INTO signals (user_id, signal, value, first_at, updated_at)"
        " SELECT user_id, 'referrer_id', to_jsonb(referrer_id), updated_at, updated_at FROM users"
        " WHERE referrer_id IS NOT NULL ON CONFLICT (user_id, signal) DO NOTHING"
    )
