"""The cases of a decision are found by the decision."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("CREATE INDEX cases_decision_idx ON cases (decision_id) WHERE decision_id IS NOT NULL")
