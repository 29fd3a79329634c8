"""Inside the machine: run pytest as ordered, leave its code where the host finds it; a skip is a failure."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PLACE = Path("/mnt/machine")
MARKED = "machine or kernel"


class NothingMayBeSkipped:
    """This machine was made so that nothing is missing."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Iterator[None]:
        """Turn a skip into a failure."""
        report = yield
        if report.skipped and not hasattr(report, "wasxfail"):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} skipped in the machine that is made for it: {report.longrepr}"
        return report


def main() -> int:
    """Run the tests."""
    order = json.loads((PLACE / "order.json").read_text(encoding="utf-8"))
    os.environ.update(HOME="/root", LANG="C.UTF-8", MACHINE="1")
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    fixed = ["-n", "0", "-m", MARKED, "-p", "no:cacheprovider", "--basetemp=/var/tmp/machine"]
    code = pytest.main([*fixed, *order], plugins=[NothingMayBeSkipped()])
    (PLACE / "code").write_text(str(int(code)), encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
