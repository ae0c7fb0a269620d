"""Access to MariaDB and Redis, and their health."""
