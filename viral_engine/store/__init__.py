"""PostgreSQL, the only durable store: the schema, how to reach it, one file of statements and reads per aggregate."""
