"""Why a report blocks says nothing of the report, and the cases of a block are found by it."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# As the release before wrote them.
NEUTRAL = """
UPDATE blocks SET reason = 'reported, until somebody has looked' WHERE reason
~ '^reported: (spam|abuse|harassment|fraud|impersonation|child_safety|other), (low|medium|high|critical)$'
"""


def upgrade() -> None:
    op.execute(NEUTRAL)
    op.execute("CREATE INDEX cases_block_idx ON cases (block_id) WHERE block_id IS NOT NULL")
