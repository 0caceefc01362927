"""Labels: what a user, a device, an address, a network or an e-mail domain is called for a while."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE labels (
    id uuid NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    reason text NOT NULL,
    author text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    lifted_at timestamptz,
    lifted_by text,
    lift_reason text,
    label text NOT NULL,
    CONSTRAINT labels_pkey PRIMARY KEY (id),
    CONSTRAINT labels_kind_check CHECK (kind IN ('user', 'device', 'ip', 'network', 'email_domain'))
);
CREATE UNIQUE INDEX labels_live_idx ON labels (kind, value, label) WHERE lifted_at IS NULL;
CREATE INDEX labels_label_idx ON labels (label, id) WHERE lifted_at IS NULL;
"""


def upgrade() -> None:
    op.execute(_TABLES)
