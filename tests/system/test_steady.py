"""One chain without faults at a steady load for STEADY_MINUTES (40): what memory, threads and files do over time."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from brokers import Broker
from chain import chain, wait_for
from rich.console import Console
from rich.table import Table
from tally import Vitals

MINUTES = float(os.environ.get("STEADY_MINUTES", "40"))
RATE = float(os.environ.get("STEADY_RATE", "5"))  # events a second
EVERY_S = 10.0
MOST_MB_A_DAY = 24.0  # a leak that matters shows as more; what the second half says exactly is in the table


@pytest.mark.soak
@pytest.mark.timeout(int(MINUTES * 60) + 600)
def test_memory_threads_and_files_stay_where_they_are_at_a_steady_load(mosquitto: Broker, tmp_path: Path) -> None:
    with chain(tmp_path, mosquitto, rate=RATE) as whole:
        wait_for("events flow", lambda: len(whole.recorded()) > 10, 90)
        followed = [Vitals(program.name, program.pid) for program in (whole.agent, whole.server)]
        began, events = time.monotonic(), len(whole.accepted())
        while (at_s := time.monotonic() - began) < MINUTES * 60:
            for each in followed:
                each.sample(at_s)
            time.sleep(EVERY_S)
        events = len(whole.accepted()) - events
        whole.quiet()
        wait_for("all is recorded", whole.settled, 60)
        assert whole.verdict().clean()
    slopes = [each.slopes(from_share=0.5) for each in followed]
    shown = Table(*slopes[0], "MB a day", "bytes an event", title=f"{MINUTES:.0f} minutes, {events} events, 2nd half")
    for each in slopes:
        an_hour = float(each["rss_mb_per_hour"])
        bytes_an_event = an_hour * 2**20 / (events / MINUTES * 60)
        shown.add_row(*map(str, each.values()), f"{24 * an_hour:.1f}", f"{bytes_an_event:.0f}")
    Console(width=160).print(shown)
    for each in slopes:
        assert float(each["rss_mb_per_hour"]) * 24 < MOST_MB_A_DAY, each
        assert float(each["threads_last"]) <= float(each["threads_first"]), each
        assert float(each["files_last"]) <= float(each["files_first"]) + 2, each
