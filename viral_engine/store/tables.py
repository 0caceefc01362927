"""The schema: what every table looks like now. Migrations lead here, and a test holds both together."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, CIDR, INET, JSON, JSONB, TIMESTAMP, UUID

from viral_engine.store.retention import ColumnClass as C

# The names PostgreSQL itself would give, so that a constraint made by hand and one made here are the same.
metadata = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "ck": "%(table_name)s_%(constraint_name)s_check",
    }
)
_INSTANT = TIMESTAMP(timezone=True)
_FALSE = text("false")


def _column(name: str, kind: Any, data_class: C, *constraints: Any, null: bool = False, **more: Any) -> Column[Any]:
    return Column(name, kind, *constraints, nullable=null, info={"class": data_class}, **more)


users = Table(
    "users",
    metadata,
    _column("user_id", Text, C.PSEUDONYM, primary_key=True),
    _column("persona", Text, C.PROFILE),
    _column("date_of_birth", Date, C.PII_AGE, null=True),
    _column("age_band", Text, C.PII_AGE, null=True),
    _column("stated_on", Date, C.PII_AGE, null=True),
    _column("adulthood_attested", Boolean, C.PII_AGE, server_default=_FALSE),
    _column("household_id", Text, C.PSEUDONYM, null=True),
    _column("school_id", Text, C.PROFILE, null=True),
    _column("jurisdiction", Text, C.PROFILE, null=True),
    _column("email", Text, C.PII_CONTACT, null=True),
    _column("email_domain", Text, C.PROFILE, null=True),
    _column("phone", Text, C.PII_CONTACT, null=True),
    _column("referrer_id", Text, C.PSEUDONYM, null=True),
    _column("created_at", _INSTANT, C.PROFILE),
    _column("updated_at", _INSTANT, C.PROFILE),
    CheckConstraint("persona IN ('student', 'parent', 'tutor', 'staff')", name="persona"),
    CheckConstraint("age_band IN ('unknown', 'under_13', '13_17', '18_plus')", name="age_band"),
)

user_guardians = Table(
    "user_guardians",
    metadata,
    _column("user_id", Text, C.PSEUDONYM, ForeignKey("users.user_id", ondelete="CASCADE"), primary_key=True),
    _column("guardian_id", Text, C.PSEUDONYM, primary_key=True),
    _column("confirmed_at", _INSTANT, C.CONSENT_EVIDENCE, null=True),
    _column("confirmed_by", Text, C.CONSENT_EVIDENCE, null=True),
    _column("created_at", _INSTANT, C.CONSENT_EVIDENCE),
    _column("removed_at", _INSTANT, C.CONSENT_EVIDENCE, null=True),
)
Index("user_guardians_guardian_idx", user_guardians.c.guardian_id)

user_tutors = Table(
    "user_tutors",
    metadata,
    _column("user_id", Text, C.PSEUDONYM, ForeignKey("users.user_id", ondelete="CASCADE"), primary_key=True),
    _column("tutor_id", Text, C.PSEUDONYM, primary_key=True),
    _column("created_at", _INSTANT, C.PROFILE),
)
Index("user_tutors_tutor_idx", user_tutors.c.tutor_id)

schools = Table(
    "schools",
    metadata,
    _column("school_id", Text, C.SCHOOL, primary_key=True),
    _column("name", Text, C.SCHOOL),
    _column("networks", ARRAY(CIDR), C.SCHOOL, server_default=text("'{}'")),
    _column("ferpa", Boolean, C.SCHOOL, server_default=text("true")),
    _column("contract", Text, C.SCHOOL, null=True),
    _column("created_at", _INSTANT, C.SCHOOL),
    _column("updated_at", _INSTANT, C.SCHOOL),
)

device_flags = Table(
    "device_flags",
    metadata,
    _column("id", BigInteger, C.SAFETY, Identity(), primary_key=True),
    _column("device_id", Text, C.NETWORK_ID, null=True),
    _column("ip_address", INET, C.NETWORK_ID, null=True),
    _column("user_id", Text, C.PSEUDONYM, null=True),
    _column("flag_type", Text, C.SAFETY),
    _column("risk_thousandths", Integer, C.SAFETY, server_default=text("0")),
    _column("blocked", Boolean, C.SAFETY, server_default=_FALSE),
    _column("backfill", Boolean, C.SAFETY, server_default=_FALSE),
    _column("inserted_at", _INSTANT, C.SAFETY),
    _column("details", JSONB, C.SAFETY, null=True),
    CheckConstraint("risk_thousandths >= 0", name="risk_thousandths"),
)
Index("device_flags_duplicate_detection_idx", *(device_flags.c[n] for n in ("inserted_at", "flag_type", "device_id")))
Index("device_flags_ip_time_idx", device_flags.c.ip_address, device_flags.c.inserted_at)
Index("device_flags_device_blocked_idx", device_flags.c.device_id, device_flags.c.blocked)

# No foreign keys to users here and in signals: both may be told of somebody before the user is, and evidence stays
# when the user is erased.
parental_consents = Table(
    "parental_consents",
    metadata,
    _column("id", UUID, C.CONSENT_EVIDENCE, primary_key=True),
    _column("user_id", Text, C.PSEUDONYM),
    _column("scope", Text, C.CONSENT_EVIDENCE),
    _column("method", Text, C.CONSENT_EVIDENCE),
    _column("guardian_id", Text, C.PSEUDONYM),
    _column("evidence", JSONB, C.CONSENT_EVIDENCE),
    _column("policy_version", Text, C.CONSENT_EVIDENCE),
    _column("consent_given", Boolean, C.CONSENT_EVIDENCE),
    _column("granted_at", _INSTANT, C.CONSENT_EVIDENCE),
    _column("granted_by", Text, C.CONSENT_EVIDENCE),
    _column("expires_at", _INSTANT, C.CONSENT_EVIDENCE, null=True),
    _column("withdrawn_at", _INSTANT, C.CONSENT_EVIDENCE, null=True),
    _column("withdrawn_by", Text, C.CONSENT_EVIDENCE, null=True),
    CheckConstraint("consent_given = (withdrawn_at IS NULL)", name="consent_given"),
    # The nine of 16 CFR 312.5(b)(2); a checkbox is none of them.
    CheckConstraint(
        "method IN ('signed_form', 'payment', 'toll_free_call', 'video_call', 'government_id', 'knowledge_based',"
        " 'photo_id_match', 'email_plus', 'text_plus')",
        name="method",
    ),
)
Index("parental_consents_user_consent_idx", parental_consents.c.user_id, parental_consents.c.consent_given)
Index("parental_consents_guardian_idx", parental_consents.c.guardian_id)

signals = Table(
    "signals",
    metadata,
    _column("user_id", Text, C.PSEUDONYM, primary_key=True),
    _column("signal", Text, C.PROFILE, primary_key=True),
    _column("value", JSONB, C.PROFILE),
    _column("first_at", _INSTANT, C.PROFILE),
    _column("updated_at", _INSTANT, C.PROFILE),
)


def _entries(name: str, *more: Column[Any], endless: bool = True) -> Table:
    """Blocks, allows and labels have one form: they are added, shown, lifted and loaded by the same code.

    A thing stands on a list once, under each label once.
    """
    table = Table(
        name,
        metadata,
        _column("id", UUID, C.SAFETY, primary_key=True),
        _column("kind", Text, C.SAFETY),
        _column("value", Text, C.NETWORK_ID),
        _column("reason", Text, C.SAFETY),
        _column("author", Text, C.SAFETY),
        _column("created_at", _INSTANT, C.SAFETY),
        _column("expires_at", _INSTANT, C.SAFETY, null=endless),
        _column("lifted_at", _INSTANT, C.SAFETY, null=True),
        _column("lifted_by", Text, C.SAFETY, null=True),
        _column("lift_reason", Text, C.SAFETY, null=True),
        *more,
        CheckConstraint("kind IN ('user', 'device', 'ip', 'network', 'email_domain')", name="kind"),
    )
    once = (table.c.kind, table.c.value, *more)
    Index(f"{name}_live_idx", *once, unique=True, postgresql_where=text("lifted_at IS NULL"))
    return table


blocks = _entries("blocks")
# A network is shared by people who did nothing: no block of one may be forgotten.
blocks.append_constraint(CheckConstraint("kind <> 'network' OR expires_at IS NOT NULL", name="network_expires"))
allows = _entries("allows")
labels = _entries("labels", _column("label", Text, C.SAFETY), endless=False)
Index("labels_label_idx", labels.c.label, labels.c.id, postgresql_where=text("lifted_at IS NULL"))

# Each index costs the journal 5 us a row (measured), hence these; the third is empty but for imported rows.
decisions = Table(
    "decisions",
    metadata,
    _column("id", UUID, C.DECISION, primary_key=True),
    _column("occurred_at", _INSTANT, C.DECISION),
    _column("user_id", Text, C.PSEUDONYM),
    _column("action_type", Text, C.DECISION),
    _column("decision", Text, C.DECISION),
    _column("reasons", ARRAY(Text), C.DECISION),
    _column("score", Integer, C.DECISION),
    _column("policy_version", Integer, C.DECISION),
    _column("device_id", Text, C.NETWORK_ID, null=True),
    _column("ip_address", INET, C.NETWORK_ID, null=True),
    _column("api_key_id", Text, C.DECISION),
    _column("counted", Boolean, C.DECISION),
    _column("backfill", Boolean, C.DECISION),
    # json, not jsonb: the text comes back exactly as it was answered and as it was decided on.
    _column("answer", JSON, C.DECISION),
    _column("facts", JSON, C.DECISION),
    postgresql_partition_by="RANGE (id)",
)
Index("decisions_user_idx", decisions.c.user_id, decisions.c.id)
Index("decisions_backfill_idx", decisions.c.occurred_at, postgresql_where=text("backfill"))

idempotency = Table(
    "idempotency",
    metadata,
    _column("digest", LargeBinary, C.TRANSIENT, primary_key=True),
    _column("body_digest", LargeBinary, C.TRANSIENT),
    _column("boot_id", Text, C.OPERATIONAL),
    _column("status", SmallInteger, C.TRANSIENT, null=True),
    _column("answer", LargeBinary, C.TRANSIENT, null=True),
    _column("created_at", _INSTANT, C.TRANSIENT),
    _column("token", LargeBinary, C.OPERATIONAL, server_default=text("''")),
    CheckConstraint("(status IS NULL) = (answer IS NULL)", name="answer"),
)
Index("idempotency_created_idx", idempotency.c.created_at)

api_keys = Table(
    "api_keys",
    metadata,
    _column("key_id", Text, C.CREDENTIAL, primary_key=True),
    _column("name", Text, C.OPERATIONAL),
    _column("scopes", ARRAY(Text), C.OPERATIONAL),
    _column("networks", ARRAY(Text), C.OPERATIONAL),
    _column("secret_mac", LargeBinary, C.CREDENTIAL),
    _column("author", Text, C.AUDIT),
    _column("created_at", _INSTANT, C.OPERATIONAL),
    _column("expires_at", _INSTANT, C.OPERATIONAL, null=True),
    _column("revoked_at", _INSTANT, C.OPERATIONAL, null=True),
    _column("rate_per_minute", Integer, C.OPERATIONAL, null=True),
)

nodes = Table(
    "nodes",
    metadata,
    _column("boot_id", Text, C.OPERATIONAL, primary_key=True),
    _column("url", Text, C.OPERATIONAL),
    _column("started_at", _INSTANT, C.OPERATIONAL),
    _column("heartbeat_at", _INSTANT, C.OPERATIONAL),
)

# The last four columns are for numbering the rows and chaining them over salted commitments, which nothing does yet:
# they are empty.
audit = Table(
    "audit",
    metadata,
    _column("id", BigInteger, C.AUDIT, Identity(), primary_key=True),
    _column("at", _INSTANT, C.AUDIT),
    _column("author", Text, C.AUDIT),
    _column("act", Text, C.AUDIT),
    _column("subject_kind", Text, C.AUDIT, null=True),
    _column("subject_id", Text, C.PSEUDONYM, null=True),
    _column("details", JSONB, C.AUDIT),
    _column("request_id", Text, C.AUDIT, null=True),
    _column("sequence", BigInteger, C.AUDIT, null=True),
    _column("salt", LargeBinary, C.AUDIT, null=True),
    _column("previous_hash", LargeBinary, C.AUDIT, null=True),
    _column("hash", LargeBinary, C.AUDIT, null=True),
)
Index("audit_sequence_idx", audit.c.sequence, unique=True, postgresql_where=text("sequence IS NOT NULL"))
Index("audit_unsealed_idx", audit.c.id, postgresql_where=text("sequence IS NULL"))
Index("audit_subject_idx", audit.c.subject_kind, audit.c.subject_id, audit.c.id)

ticks = Table(
    "ticks",
    metadata,
    _column("name", Text, C.OPERATIONAL, primary_key=True),
    _column("last_fired_at", _INSTANT, C.OPERATIONAL),
)

# Nothing personal: messages in words with what is marked hidden, errors by their class.
dead_letters = Table(
    "dead_letters",
    metadata,
    _column("id", BigInteger, C.OPERATIONAL, Identity(), primary_key=True),
    _column("at", _INSTANT, C.OPERATIONAL),
    _column("path", Text, C.OPERATIONAL),
    _column("message_type", Text, C.OPERATIONAL),
    _column("message", Text, C.OPERATIONAL),
    _column("error", Text, C.OPERATIONAL),
)

# What operators wrote: no user's data.
policies = Table(
    "policies",
    metadata,
    _column("version", Integer, C.OPERATIONAL, primary_key=True, autoincrement=False),
    _column("policy_id", Text, C.OPERATIONAL),
    _column("source", Text, C.OPERATIONAL),
    _column("body", JSON, C.OPERATIONAL),
    _column("author", Text, C.AUDIT),
    _column("reason", Text, C.AUDIT),
    _column("created_at", _INSTANT, C.AUDIT),
)

policy_switches = Table(
    "policy_switches",
    metadata,
    _column("id", BigInteger, C.OPERATIONAL, Identity(), primary_key=True),
    _column("at", _INSTANT, C.AUDIT),
    _column("mode", Text, C.OPERATIONAL),
    _column("version", Integer, C.OPERATIONAL, null=True),
    _column("author", Text, C.AUDIT),
    _column("reason", Text, C.AUDIT),
    CheckConstraint("mode IN ('enforce', 'shadow')", name="mode"),
    CheckConstraint("version IS NOT NULL OR mode = 'shadow'", name="version"),
)
Index("policy_switches_mode_idx", policy_switches.c.mode, policy_switches.c.id)

# Who reported whom of what: until the case is closed, then as long as decisions may be appealed; child safety longer.
reports = Table(
    "reports",
    metadata,
    _column("id", UUID, C.SAFETY, primary_key=True),
    _column("at", _INSTANT, C.SAFETY),
    _column("day", Date, C.SAFETY),
    _column("reporter_id", Text, C.PSEUDONYM),
    _column("kind", Text, C.SAFETY),
    _column("value", Text, C.NETWORK_ID),
    _column("category", Text, C.SAFETY),
    _column("severity", Text, C.SAFETY),
    _column("trusted", Boolean, C.SAFETY),
    _column("content", Text, C.SAFETY, null=True),
    _column("state", Text, C.SAFETY),
    _column("author", Text, C.SAFETY),
    CheckConstraint("kind IN ('user', 'device', 'ip')", name="kind"),
    CheckConstraint("state IN ('open', 'upheld', 'dismissed')", name="state"),
)
Index(
    "reports_once_idx", reports.c.reporter_id, reports.c.day, reports.c.kind, reports.c.value, reports.c.category,
    reports.c.severity, text("md5(coalesce(content, ''))"), unique=True,
)  # fmt: skip
Index("reports_at_idx", reports.c.at, postgresql_where=text("state <> 'dismissed'"))

cases = Table(
    "cases",
    metadata,
    _column("id", UUID, C.SAFETY, primary_key=True),
    _column("queue", Text, C.SAFETY),
    _column("kind", Text, C.SAFETY),
    _column("subject_kind", Text, C.SAFETY),
    _column("subject_value", Text, C.NETWORK_ID),
    _column("decision_id", UUID, C.SAFETY, null=True),
    _column("report_id", UUID, C.SAFETY, null=True),
    _column("block_id", UUID, C.SAFETY, null=True),
    _column("content", Text, C.SAFETY, null=True),
    _column("state", Text, C.SAFETY),
    _column("opened_at", _INSTANT, C.SAFETY),
    _column("claimed_by", Text, C.SAFETY, null=True),
    _column("claimed_at", _INSTANT, C.SAFETY, null=True),
    _column("outcome", Text, C.SAFETY, null=True),
    _column("closed_by", Text, C.SAFETY, null=True),
    _column("closed_at", _INSTANT, C.SAFETY, null=True),
    _column("note", Text, C.SAFETY, null=True),
    _column("held_until", _INSTANT, C.SAFETY, null=True),
    _column("paged_at", _INSTANT, C.SAFETY, null=True),
    _column("reminded_at", _INSTANT, C.SAFETY, null=True),
    CheckConstraint("queue IN ('review', 'child_safety')", name="queue"),
    CheckConstraint("kind IN ('decision', 'report', 'appeal')", name="kind"),
    CheckConstraint("state IN ('open', 'claimed', 'closed')", name="state"),
    CheckConstraint("(state = 'closed') = (outcome IS NOT NULL)", name="outcome"),
)
Index("cases_waiting_idx", cases.c.queue, cases.c.id, postgresql_where=text("state <> 'closed'"))
Index("cases_user_idx", cases.c.subject_value, postgresql_where=text("kind = 'decision' AND state <> 'closed'"))
Index("cases_block_idx", cases.c.block_id, postgresql_where=text("block_id IS NOT NULL"))
Index("cases_decision_idx", cases.c.decision_id, postgresql_where=text("decision_id IS NOT NULL"))
Index(
    "cases_appeal_idx", cases.c.decision_id, unique=True,
    postgresql_where=text("kind = 'appeal' AND state <> 'closed'"),
)  # fmt: skip

# An id per entry that sorts by time; of a refused check it is the decision's.
disclosures = Table(
    "disclosures",
    metadata,
    _column("id", UUID, C.DISCLOSURE, primary_key=True),
    _column("at", _INSTANT, C.DISCLOSURE),
    _column("subject_id", Text, C.PSEUDONYM),
    _column("record", Text, C.DISCLOSURE),
    _column("record_id", Text, C.DISCLOSURE, null=True),
    _column("asked_by", Text, C.DISCLOSURE),
    _column("on_behalf_of", Text, C.PSEUDONYM, null=True),
    _column("grounds", Text, C.DISCLOSURE),
    _column("reason", Text, C.DISCLOSURE, null=True),
    _column("request_id", Text, C.DISCLOSURE, null=True),
    CheckConstraint("record IN ('user', 'decision', 'decisions', 'case', 'disclosures', 'action')", name="record"),
    CheckConstraint("grounds IN ('self', 'guardian', 'school', 'host', 'none')", name="grounds"),
)
Index("disclosures_subject_idx", disclosures.c.subject_id, disclosures.c.id)
