"""The ledger's and the duties' pages as HTTP requests to a server of its own, over a ledger that is filled already."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
from sqlalchemy import insert

from bench.flood import wait_ready
from bench.ledger_data import DAY, NOW
from bench.nats import free_port
from bench.row import Row
from server.accounts import users
from server.accounts.permissions import Role
from server.accounts.reach import Reach
from server.database import Database
from server.duties.tables import records, subjects

TRIES, PASSWORD = 100, "a-password-of-the-bench"
PAGES = (
    "/hazards", "/hazards/7", "/hazards/7/record", "/hazards/7/notice", "/hazards/report", "/hazards/review",
    f"/hazards/packs/week?day={DAY}", f"/hazards/packs/month?day={DAY}", "/duties", "/duties/month", "/duties/coverage",
)  # fmt: skip
ASKED = (
    "/hazards", "/hazards?view=overdue&sort=due_at", "/hazards?view=major", "/hazards?view=unjudged",
    "/hazards?view=mine", "/hazards?q=灭火器", "/hazards?category=food&source=inspection&state=rectifying",
    "/hazards/counts", "/hazards/counts?view=overdue", "/hazards/counts?q=灭火器", "/hazards/words",
    "/hazards/precision", "/hazards/7",
    f"/hazards/packs/week?day={DAY}", f"/hazards/packs/month?day={DAY}", "/duties/today", "/duties/subjects",
    "/duties/coverage",
)  # fmt: skip
OF_A_SCHOOL = ("/reviews?site=s7", f"/duties/month?year={DAY.year}&month={DAY.month}&site=s7")


def add_people(database: Database, schools: int) -> dict[str, int]:
    """Register schools with a month of daily checks, and let in who asks; return how many schools each sees."""
    since = NOW - timedelta(days=60)
    seen = {"safety": 1, "county": 40, "city": schools}
    with database.write.begin() as connection:
        connection.execute(
            insert(subjects),
            [
                {"site": f"s{n}", "kind": "school", "id": f"s{n}", "name": f"第{n}小学", "stage": "primary",
                 "boarding": False, "person": "", "since": since}
                for n in range(schools)
            ],
        )  # fmt: skip
        connection.execute(
            insert(records),
            [
                {"duty": "M01", "site": f"s{n}", "subject": "", "at": NOW - timedelta(days=day), "by": "安全乙",
                 "amount": 1, "evidence": {"零报告": "是"}, "source": "person", "ref": f"M01/{n}/{day}"}
                for n in range(schools) for day in range(30)
            ],
        )  # fmt: skip
        for name, sites in seen.items():
            reach = Reach() if sites == schools else Reach.of(*(f"s{n}" for n in range(7, 7 + sites)))
            users.add(connection, name, Role(name), PASSWORD, since, reach)
    return seen


def timed(address: str, on: str, seen: dict[str, int]) -> list[Row]:
    """Ask for every page and every list as each of them; return how long each took."""
    found: list[Row] = []
    with served(address) as url:
        for name, sites in seen.items():
            asked = [*PAGES, *(f"/api/v1{path}" for path in ASKED)]
            asked += [f"/api/v1{path}" for path in OF_A_SCHOOL] if name != "city" else []
            with httpx.Client(base_url=url, timeout=60) as client:
                client.post("/api/v1/session", json={"name": name, "password": PASSWORD}).raise_for_status()
                found += [
                    _row(f"{on}: HTTP, {name} of {sites} schools: {path}", _asked(client, path)) for path in asked
                ]
    return found


def _asked(client: httpx.Client, path: str) -> list[float]:
    took: list[float] = []
    for _ in range(TRIES):
        begun = time.perf_counter()
        client.get(path).raise_for_status()
        took.append((time.perf_counter() - begun) * 1000)
        if len(took) == 10 and min(took) > 1000:  # hopeless: ten will do
            break
    return sorted(took)


def _row(name: str, took: list[float]) -> Row:
    p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    return Row(name, f"p50 {p50:.1f} ms, p99 {p99:.1f} ms", "p99 < 100 ms", {"p50_ms": p50, "p99_ms": p99})


@contextmanager
def served(address: str) -> Generator[str]:
    """Show the pages of a database in a process of its own, without the rounds that would work on the ledger."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "server.toml"
        config.write_text(f'data = "{folder}/data"\ndatabase = "{address}"\n[http]\nport = {port}\n', encoding="utf-8")
        process = subprocess.Popen([sys.executable, "-m", "bench.ledger_pages", str(config)])
        try:
            wait_ready(port, process, path="/healthz")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


async def _show(file: Path) -> None:
    from config import load  # noqa: PLC0415 - of the process that serves only
    from config.server import ServerConfig  # noqa: PLC0415
    from server.assembling import assemble  # noqa: PLC0415
    from server.ledger.judgement import load_judgement  # noqa: PLC0415
    from server.ledger.sensors import Ledger  # noqa: PLC0415
    from server.moments import now  # noqa: PLC0415
    from server.pages.session_rooms import rooms  # noqa: PLC0415
    from server.running import running  # noqa: PLC0415
    from server.web import bound, make_web, serve_web  # noqa: PLC0415

    config = load(file, ServerConfig)
    config.data.mkdir(mode=0o700)
    parts = assemble(config, config.mqtt, Ledger(load_judgement(), now).record_alert)
    with bound(config.http) as listener:
        async with running(parts, []) as going:
            web = make_web(config.http, parts.services, rooms(parts.services))
            await serve_web(web, listener, parts.services, going, asyncio.Event(), lambda: None)


if __name__ == "__main__":
    asyncio.run(_show(Path(sys.argv[1])))
