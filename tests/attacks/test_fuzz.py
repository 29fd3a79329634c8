"""Whatever bytes come, each reader reads them or says no: it never fails and never takes long."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fuzzing import ROOT, Target, inputs, slowest, targets

IN_TEST = {"workbook": 40, "agent.toml": 60, "server.toml": 150, "school.toml": 60, "profile": 150}
OF_TEN_MILLION = {
    "sheet": 20_000,
    "workbook": 20_000,
    "agent.toml": 30_000,
    "server.toml": 60_000,
    "school.toml": 30_000,
    "profile": 60_000,
}
TARGETS = targets()


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_reader_never_fails(target: Target) -> None:
    assert target.seeds
    slowest(target, inputs(target, 1), IN_TEST.get(target.name, 1_500))


@pytest.mark.parametrize(
    ("name", "unit"),
    [("dc09", b"\n"), ("dc09", b"\n00000FFF"), ("gb26875", b"@@"), ("text line", b"a=1 "), ("text line", b"$,"),
     ("events", b"["), ("events", b'{"a":'), ("command", b"["), ("mqtt device", b"["), ("agent.toml", b"a = [["),
     ("topic", b"campus/")],
)  # fmt: skip
def test_a_quarter_of_a_megabyte_of_the_worst_kind_is_refused_in_bounded_time(name: str, unit: bytes) -> None:
    [target] = [one for one in TARGETS if one.name == name]
    worst = unit * (256 * 1024 // len(unit))
    assert slowest(target, iter([worst]), 1) < 20.0  # CPU seconds; what grows with the square of the size takes minutes


@pytest.mark.soak
@pytest.mark.timeout(6 * 3600)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_reader_never_fails_over_its_share_of_ten_million_inputs(target: Target) -> None:
    cheap = len(TARGETS) - len(OF_TEN_MILLION)
    share = OF_TEN_MILLION.get(target.name, (10_000_000 - sum(OF_TEN_MILLION.values())) // cheap)
    count = int(share * float(os.environ.get("CAMPUS_FUZZ_SHARE", "1")))
    number = random.randrange(2**31)
    longest_s = slowest(target, inputs(target, number), count)
    print(f"{target.name}: seed {number}, {count:,} inputs, longest {longest_s * 1e3:.1f} ms")


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_reader_never_fails_where_atheris_leads(target: Target, tmp_path: Path) -> None:
    uv = shutil.which("uv", path=f"{ROOT / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}")
    assert uv, "uv is missing; make setup brings it"
    share = 0.01 if target.name in OF_TEN_MILLION else 1.0
    runs = int(500_000 * share * float(os.environ.get("CAMPUS_FUZZ_SHARE", "1")))
    guided = [uv, "run", "--no-sync", "--with", "atheris==3.0.0", "python", str(Path(__file__).parent / "guided.py")]
    command = [*guided, target.name, str(tmp_path / "found"), str(runs)]
    ran = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=3500)
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-4000:]
    rss = [int(one) for one in re.findall(r"rss: (\d+)Mb", ran.stderr + ran.stdout)]
    print(f"{target.name}: {runs:,} inputs led by atheris, rss {rss[0]} to {rss[-1]} MB")
    assert rss[-1] < rss[0] + 200
