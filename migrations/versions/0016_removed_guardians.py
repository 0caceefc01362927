"""Who was a guardian is remembered: whoever comes after them must be confirmed all the same."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE user_guardians ADD COLUMN removed_at timestamptz")
