"""What a technician's commands make and print: it belongs to the service, and works on the device as it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.ownership import give_to_owner
from server.enrol.commands import certify, enroll

SERVICE = 65534


def owners(folder: Path) -> dict[str, int]:
    return {path.relative_to(folder).as_posix(): path.lstat().st_uid for path in sorted(folder.rglob("*"))}


def made(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    (data / "ca").mkdir(parents=True)
    (data / "ca" / "server.pem").write_text("key", encoding="utf-8")
    (tmp_path / "shadow").write_text("of another", encoding="utf-8")
    (data / "link").symlink_to(tmp_path / "shadow")
    (data / "away").symlink_to(tmp_path)
    os.link(tmp_path / "shadow", data / "second")
    if os.geteuid() == 0:
        os.chown(data, SERVICE, SERVICE)
    return data


def test_files_that_root_made_go_to_the_folders_owner_and_no_others_do(tmp_path: Path) -> None:
    data = made(tmp_path)
    give_to_owner(data)
    me = os.geteuid()
    ours = SERVICE if me == 0 else me  # who is not root gives nothing away
    assert owners(data) == {"away": ours, "ca": ours, "ca/server.pem": ours, "link": ours, "second": me}
    assert ((tmp_path / "shadow").stat().st_uid, tmp_path.stat().st_uid) == (me, me)


def test_a_new_folder_goes_to_its_parents_owner_and_what_lies_beside_it_does_not(tmp_path: Path) -> None:
    home = made(tmp_path)
    (home / "identity").mkdir()
    (home / "identity" / "key.pem").write_text("key", encoding="utf-8")
    me = os.geteuid()
    give_to_owner(home / "identity", like=home)
    ours = SERVICE if me == 0 else me
    assert owners(home) == {
        "away": me, "ca": me, "ca/server.pem": me, "identity": ours, "identity/key.pem": ours, "link": me, "second": me,
    }  # fmt: skip


def test_the_command_for_the_device_names_the_server_as_its_certificate_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "server.toml"
    config.write_text(f'data = "{tmp_path / "data"}"\n', encoding="utf-8")
    for first, shown in (("campus.lan", "campus.lan"), ("10.0.0.5", "10.0.0.5"), ("fd00::5", "[fd00::5]")):
        certify([first, "second.lan"], config)
        file = tmp_path / "data" / "ca" / "server.pem"
        door = f'[http]\nhost = "0.0.0.0"\ncert_file = "{file}"\nkey_file = "{file}"\n'
        config.write_text(f'data = "{tmp_path / "data"}"\n{door}', encoding="utf-8")
        enroll("no1/lab", config)
        assert f"enroll https://{shown}:8000 " in capsys.readouterr().out


@pytest.mark.parametrize("option", [["--config", "{}"], ["--config={}"]])
def test_a_command_run_with_sudo_leaves_the_server_what_it_made(option: list[str], tmp_path: Path) -> None:
    data = made(tmp_path)
    config = tmp_path / "server.toml"
    config.write_text(f'data = "{data}"\n', encoding="utf-8")
    certify = [sys.executable, "-m", "server", "certify", "campus.local", *(one.format(config) for one in option)]
    said = subprocess.run(certify, check=True, capture_output=True, text=True, cwd=Path(__file__).parent.parent).stdout
    assert "Restart the server" in said
    mine = {owner for name, owner in owners(data).items() if name.startswith("ca")}
    assert mine == {SERVICE if os.geteuid() == 0 else os.geteuid()}
    assert (data / "ca" / "ca.key").stat().st_mode & 0o777 == 0o600
