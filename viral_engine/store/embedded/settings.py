"""What the embedded server is told, and why: the only place that knows a name of a PostgreSQL setting.

Everything travels on the command line, which outranks `postgresql.conf` and `ALTER SYSTEM`: a data folder restored from
elsewhere cannot bring a weaker durability or an open port with it.
"""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedSettings:
    """Sizes and time-outs of the embedded server; the defaults fit one company on a small machine."""

    # The working set (weeks of decisions) fits, and a machine of 1 GB is not driven into swap.
    shared_buffers_mib: int = 128
    # Sorts of the weekly recaps stay in memory; times connections_max it still stays below 0.5 GB.
    work_mem_mib: int = 8
    # Index builds of migrations and vacuum.
    maintenance_work_mem_mib: int = 64
    # Segments kept for reuse: the journal's bursts write into files that exist already.
    wal_size_min_mib: int = 128
    # Bounds the disk taken, and the time a recovery takes after a crash.
    wal_size_max_mib: int = 1024
    # Pools, journal, listener, worker and clock take about 30; the rest is for people with psql.
    connections_max: int = 60
    # A transaction forgotten open holds back vacuum and keeps locks; none of ours pauses for longer than a second.
    idle_in_transaction_timeout_s: float = 60.0
    # A statement whose client is gone is ended after this. No statement_timeout here: migrations may take long.
    client_check_interval_s: float = 10.0
    # Two files of history beside the current one: a fault that repeats fills 30 MB, never the disk.
    log_file_size_bytes_max: int = 10 * 1024 * 1024
    log_files_max: int = 3
    # How long connected clients and the last checkpoint get before the fast shutdown turns into an immediate one.
    stop_fast_timeout_s: float = 20.0
    # An immediate shutdown takes milliseconds; what outlives this is killed.
    stop_immediate_timeout_s: float = 5.0


def server_options(settings: EmbeddedSettings, socket_dir: Path) -> dict[str, str]:
    """The settings in PostgreSQL's own names."""
    return {
        # Only a Unix socket that only our own user may open: nothing listens on the network.
        "listen_addresses": "",
        "unix_socket_directories": str(socket_dir),
        "unix_socket_permissions": "0700",
        "cluster_name": "viral-engine",
        "shared_buffers": f"{settings.shared_buffers_mib}MB",
        "work_mem": f"{settings.work_mem_mib}MB",
        "maintenance_work_mem": f"{settings.maintenance_work_mem_mib}MB",
        "min_wal_size": f"{settings.wal_size_min_mib}MB",
        "max_wal_size": f"{settings.wal_size_max_mib}MB",
        "max_connections": str(settings.connections_max),
        "idle_in_transaction_session_timeout": f"{round(settings.idle_in_transaction_timeout_s * 1000)}ms",
        "client_connection_check_interval": f"{round(settings.client_check_interval_s * 1000)}ms",
        # A decision is answered after its commit: a commit that may be lost would make the answer a lie.
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        # Files in the data folder instead of /dev/shm: that one is 64 MB in a container, and emptied by systemd when a
        # plain user logs out while the daemon runs on.
        "dynamic_shared_memory_type": "mmap",
        # Our statements take milliseconds: compiling them costs more than it saves.
        "jit": "off",
        "timezone": "UTC",
        "log_timezone": "UTC",
        # English whatever the machine speaks: the start reads these lines.
        "lc_messages": "C",
        # The keeper writes and rotates the log (bounded by size, which PostgreSQL's own collector cannot promise).
        "logging_collector": "off",
        "log_destination": "stderr",
        "log_line_prefix": "%m [%p] %a ",
        # Neither statements nor the values of a violated key reach the log: they may be personal.
        "log_error_verbosity": "terse",
        "log_min_error_statement": "panic",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    }


def option_arguments(options: dict[str, str]) -> list[str]:
    """As arguments of `postgres`."""
    return [argument for name, value in options.items() for argument in ("-c", f"{name}={value}")]
