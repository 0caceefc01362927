"""Who teaches whom."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE user_tutors (
            user_id text NOT NULL REFERENCES users ON DELETE CASCADE,
            tutor_id text NOT NULL,
            created_at timestamptz NOT NULL,
            PRIMARY KEY (user_id, tutor_id)
        )
        """
    )
    op.execute("CREATE INDEX user_tutors_tutor_idx ON user_tutors (tutor_id)")
