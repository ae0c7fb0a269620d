"""A MariaDB whose defaults are unlike ours: nothing in SQL may depend on them."""

from __future__ import annotations

from service.local.servers import MariaDB


class UnlikeOurs(MariaDB):
    """The server of most tests. A test that fails only here depends on a server's defaults."""

    def command(self) -> list[str]:
        """Append to the options of `make run`: of two that are equal, the last one counts."""
        return [
            *super().command(),
            "--character-set-server=latin1",
            "--collation-server=latin1_swedish_ci",
            "--sql-mode=ANSI_QUOTES,PIPES_AS_CONCAT",
            "--group-concat-max-len=1024",
            "--transaction-isolation=SERIALIZABLE",
            "--default-storage-engine=Aria",
            "--default-time-zone=+05:30",
            "--div-precision-increment=0",
            # as on every server that has a replica or can be recovered to a moment
            "--log-bin=binlog",
            "--log-bin-trust-function-creators=OFF",
        ]
