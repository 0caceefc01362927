"""A report in other words, or of another severity, is another report."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("DROP INDEX reports_once_idx")
    op.execute(
        "CREATE UNIQUE INDEX reports_once_idx ON reports"
        " (reporter_id, day, kind, value, category, severity, md5(coalesce(content, '')))"
    )
