"""What every test may ask for; the fixtures live in modules of their own beside this file."""

pytest_plugins = [
    "postgres",
    "postgres_daemon",
    "migrated",
    "running_daemon",
    "runtime_fixtures",
    "browser",
    "matrix_cells",
]
