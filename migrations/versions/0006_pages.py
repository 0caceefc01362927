"""When somebody was paged for a case of child safety."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COLUMNS = """
ALTER TABLE cases ADD COLUMN paged_at timestamptz, ADD COLUMN reminded_at timestamptz;
"""


def upgrade() -> None:
    op.execute(_COLUMNS)
