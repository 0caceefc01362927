"""Who saw which record of a minor, and who was refused it."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE disclosures (
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    subject_id text NOT NULL,
    record text NOT NULL,
    record_id text,
    asked_by text NOT NULL,
    on_behalf_of text,
    grounds text NOT NULL,
    reason text,
    request_id text,
    CONSTRAINT disclosures_pkey PRIMARY KEY (id),
    CONSTRAINT disclosures_record_check
        CHECK (record IN ('user', 'decision', 'decisions', 'case', 'disclosures', 'action')),
    CONSTRAINT disclosures_grounds_check CHECK (grounds IN ('self', 'guardian', 'school', 'host', 'none'))
);
CREATE INDEX disclosures_subject_idx ON disclosures (subject_id, id);
"""


def upgrade() -> None:
    op.execute(_TABLES)
