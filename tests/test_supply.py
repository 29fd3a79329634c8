"""What is shipped: every dependency locked by hash, licensed and kept; a wheel with what it must hold and no more."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from docs.dependencies import PAGE, at_run_time, lock, old, reasons

ROOT = Path(__file__).parent.parent
UV = Path(sys.executable).parent / "uv"
ALLOWED = {
    "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "EPL-2.0", "ISC", "LGPL-2.1-or-later",
    "LGPL-3.0-only", "MIT", "MIT-0", "MPL-2.0", "PSF-2.0", "Zlib",
}  # fmt: skip


def test_every_file_of_every_package_is_locked_with_its_hash() -> None:
    for name, package in lock().items():
        files = [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
        assert files or name == "campuswatch"
        assert all(str(file["hash"]).startswith("sha256:") for file in files), name


@pytest.mark.parametrize("one", at_run_time(lock()), ids=lambda one: one.name)
def test_a_dependency_has_a_licence_that_is_allowed(one: object) -> None:
    licence = str(getattr(one, "licence", ""))
    parts = re.split(r"\s+(?:AND|OR)\s+", licence.strip("()"))
    assert set(parts) <= ALLOWED, licence


def test_what_had_no_release_for_eighteen_months_has_a_reason_and_no_reason_is_left_over() -> None:
    stale = {one.name for one in old(at_run_time(lock()))}
    assert stale - set(reasons()) == set(), "write why into docs/dependencies.toml, then: make docs"


def test_the_page_lists_every_dependency() -> None:
    text = PAGE.read_text(encoding="utf-8")
    missing = [one.name for one in at_run_time(lock()) if f"| {one.name} |" not in text]
    assert missing == [], "run: make docs"


def uv(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run uv, of this environment or of the machine."""
    program = str(UV) if UV.exists() else "uv"
    return subprocess.run(
        [program, *map(str, arguments)], cwd=ROOT, check=True, capture_output=True, text=True, timeout=110
    )


def test_the_bill_of_materials_names_what_runs_with_its_hashes(tmp_path: Path) -> None:
    file = tmp_path / "sbom.json"
    uv("export", "--locked", "--all-extras", "--no-dev", "--format", "cyclonedx1.5", "-o", file)
    bill = json.loads(file.read_text(encoding="utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    listed = {part["name"]: part for part in bill["components"]}
    for one in at_run_time(lock()):
        assert listed[one.name]["version"] == one.version
        assert listed[one.name]["externalReferences"][0]["hashes"]
    assert "pytest" not in listed


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    uv("build", "--wheel", "-q", "--no-build-isolation", "--python", sys.executable, "-o", folder)  # from the lock
    [file] = folder.glob("*.whl")
    return file


def test_the_wheel_holds_the_program_its_data_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert tops <= {"agent", "config", "contracts", "detectors", "drivers", "server", "update"} | {
        top for top in tops if top.endswith(".dist-info")
    }
    for must in ("config/devices/", "server/pages/", "server/migrations/versions/", "server/pages/templates/"):
        assert any(name.startswith(must) for name in names), must
    wrong = re.compile(r"(^|/)(tests?|__pycache__|\.git|\.env|data)/|\.(db|sqlite|pem|key|log|pyc|toml\.bak|p12)$")
    assert [name for name in names if wrong.search(name)] == []


def test_the_wheel_holds_no_secret_and_no_path_of_the_machine_it_was_made_on(wheel: Path) -> None:
    places = b"|".join(re.escape(f"{place}/".encode()) for place in (ROOT, Path.home()))
    private = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY|/home/\w+/|" + places)
    with zipfile.ZipFile(wheel) as opened:
        assert [name for name in opened.namelist() if private.search(opened.read(name))] == []


def test_the_wheel_installs_into_an_empty_environment_and_both_commands_start(wheel: Path, tmp_path: Path) -> None:
    made = tmp_path / "venv"
    venv.create(made, with_pip=False, symlinks=True)
    python = made / "bin" / "python"
    uv("pip", "install", "-q", "--python", python, "--no-deps", wheel)
    # The dependencies are those of this environment: none is fetched. The program is the wheel's own.
    site = next((made / "lib").glob("python*/site-packages"))
    ours = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(f"{ours}\n", encoding="utf-8")
    for command in ("campus-agent", "campus-server"):
        ran = subprocess.run(
            [made / "bin" / command, "--help"], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=60
        )
        assert ran.returncode == 0, ran.stderr
        assert "Usage" in ran.stdout
    check = "import agent, server; print(agent.__file__)"
    said = subprocess.run([python, "-c", check], cwd=tmp_path, check=True, capture_output=True, text=True, timeout=60)
    assert str(made) in said.stdout
