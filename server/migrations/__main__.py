"""`python -m server.migrations "What changed"`: write the next revision from the tables, for developers."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from server.database import connect, sqlite_address
from server.migrate import migrate, revise

with tempfile.TemporaryDirectory() as scratch:
    database = connect(sqlite_address(Path(scratch) / "scratch.db"))
    migrate(database)
    revise(database, sys.argv[1])
    database.close()
