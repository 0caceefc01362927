"""`/growth/redaction`: texts without what identifies people."""
