"""The data class of a column: what kind of data it is decides how long it stays and who may read it.

Every column of `tables.py` carries one of these as `info["class"]`; the retention schedule and the notice at
`/privacy/retention` are made from them (16 CFR 312.10: no personal data without a stated end).
"""

from enum import StrEnum


class ColumnClass(StrEnum):
    """What a column holds, seen from the person it is about."""

    PSEUDONYM = "pseudonym"
    """An id that only the company can resolve to a person: erased with its row, or replaced by a tombstone."""
    PII_CONTACT = "pii_contact"
    """Reaches a person: e-mail, phone. Shown to keys of scope `pii_read` only."""
    PII_AGE = "pii_age"
    """A date of birth or what was stated about an age."""
    PROFILE = "profile"
    """What the company tells about a user: persona, school, jurisdiction, signals."""
    NETWORK_ID = "network_id"
    """Device and address: personal information (16 CFR 312.2), shortened after 30 days."""
    CONSENT_EVIDENCE = "consent_evidence"
    """Proof that consent was given or withdrawn: outlives the account it allowed."""
    DECISION = "decision"
    """What was decided and why: 400 days."""
    SAFETY = "safety"
    """Blocks, allows, labels, flags and their reasons: until lifted, then as long as decisions may be appealed."""
    AUDIT = "audit"
    """The trail of acts, redacted: 90 days at least."""
    DISCLOSURE = "disclosure"
    """Who saw which record of a minor: as long as the record itself (34 CFR 99.32(a)(2)), never purged before it."""
    SCHOOL = "school"
    """About an organisation, not a person."""
    CREDENTIAL = "credential"
    """Digests of secrets: gone when the key is."""
    TRANSIENT = "transient"
    """Answers kept for a retry: 24 hours."""
    OPERATIONAL = "operational"
    """About the engine itself."""
