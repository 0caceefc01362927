"""Abuse reports, and the cases that people look at: reports, decisions under review, appeals."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = """
CREATE TABLE reports (
    id uuid NOT NULL,
    at timestamptz NOT NULL,
    day date NOT NULL,
    reporter_id text NOT NULL,
    kind text NOT NULL,
    value text NOT NULL,
    category text NOT NULL,
    severity text NOT NULL,
    trusted boolean NOT NULL,
    content text,
    state text NOT NULL,
    author text NOT NULL,
    CONSTRAINT reports_pkey PRIMARY KEY (id),
    CONSTRAINT reports_kind_check CHECK (kind IN ('user', 'device', 'ip')),
    CONSTRAINT reports_state_check CHECK (state IN ('open', 'upheld', 'dismissed'))
);
CREATE UNIQUE INDEX reports_once_idx ON reports (reporter_id, day, kind, value, category);
CREATE INDEX reports_at_idx ON reports (at) WHERE state <> 'dismissed';

CREATE TABLE cases (
    id uuid NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    subject_kind text NOT NULL,
    subject_value text NOT NULL,
    decision_id uuid,
    report_id uuid,
    block_id uuid,
    content text,
    state text NOT NULL,
    opened_at timestamptz NOT NULL,
    claimed_by text,
    claimed_at timestamptz,
    outcome text,
    closed_by text,
    closed_at timestamptz,
    note text,
    held_until timestamptz,
    CONSTRAINT cases_pkey PRIMARY KEY (id),
    CONSTRAINT cases_queue_check CHECK (queue IN ('review', 'child_safety')),
    CONSTRAINT cases_kind_check CHECK (kind IN ('decision', 'report', 'appeal')),
    CONSTRAINT cases_state_check CHECK (state IN ('open', 'claimed', 'closed')),
    CONSTRAINT cases_outcome_check CHECK ((state = 'closed') = (outcome IS NOT NULL))
);
CREATE INDEX cases_waiting_idx ON cases (queue, id) WHERE state <> 'closed';
CREATE INDEX cases_user_idx ON cases (subject_value) WHERE kind = 'decision' AND state <> 'closed';
CREATE UNIQUE INDEX cases_appeal_idx ON cases (decision_id) WHERE kind = 'appeal' AND state <> 'closed';
"""


def upgrade() -> None:
    op.execute(_TABLES)
