"""The children of a guardian are found by the guardian."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX user_guardians_guardian_idx ON user_guardians (guardian_id)")
