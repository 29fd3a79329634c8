"""Signed updates: only what the pinned key signed, never silently older, and back where it does not run."""

from __future__ import annotations

import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from config.update import UpdateSection
from update.apply import Wish, apply
from update.confirm import Look, judge
from update.errors import UpdateError
from update.install import install, installed_extras
from update.place import Place
from update.release import Release, read, sha256, sign, version
from update.staging import Staged

KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes_raw().hex()
GOOD = "import sys, time\ndef main():\n    if sys.argv[1] == 'run': time.sleep(600)\n"
CRASHES = "import sys\ndef main():\n    if sys.argv[1] == 'run': sys.exit('cannot')\n"
BROKEN = "import something_that_is_not_there\n"


def write_wheel(folder: Path, number: str, code: str, name: str = "campuswatch") -> Path:
    """Make a wheel whose `campus-agent` runs `code`."""
    info = f"{name}-{number}.dist-info"
    files = {
        "the_program.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "[console_scripts]\ncampus-agent = the_program:main\n",
    }
    record = "".join(f"{file},,\n" for file in [*files, f"{info}/RECORD"])
    wheel = folder / f"{name}-{number}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file, text in {**files, f"{info}/RECORD": record}.items():
            archive.writestr(file, text)
    return wheel


def write_signature(wheel: Path, key: Ed25519PrivateKey = KEY) -> Path:
    file = wheel.with_name("release.sig")
    file.write_text(sign({wheel.name: sha256(wheel.read_bytes())}, key))
    return file


@dataclass
class Program:
    """A unit without systemd: the program that the link leads to, as a process; started again where it ends."""

    place: Place
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0

    def restart(self) -> None:
        self.end()
        command = [str(self.place.link / "bin" / "campus-agent"), "run"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.starts += 1

    def look(self) -> Look:
        if self.process is None or self.process.poll() is not None:
            self.restart()
        return Look(active=True, run=str(self.starts))

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(20)


@dataclass(frozen=True, slots=True)
class Device:
    """A folder that holds the first installation, version 1.0.0, and a stick."""

    place: Place
    program: Program
    stick: Path

    def wish(self, wheel: Path, signature: Path | None = None) -> Wish:
        return Wish(
            wheel, signature or write_signature(wheel), "campus-agent.service", "1.0.0",
            lambda release: [str(release / "bin" / "campus-agent"), "check"],
        )  # fmt: skip

    def update(self, wish: Wish, hold_s: float = 1.0) -> str:
        section = UpdateSection(key=PUBLIC, hold_s=hold_s)
        return apply(wish, section, self.place, self.program, threading.Event())

    def runs(self) -> str:
        done = [path.name for path in self.place.link.glob("lib/python3*/site-packages/campuswatch-*.dist-info")]
        return done[0].removeprefix("campuswatch-").removesuffix(".dist-info")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Device]:
    """A device whose installation lies where a technician put it; made once, for it takes seconds."""
    root = tmp_path_factory.mktemp("opt")
    stick = tmp_path_factory.mktemp("stick")
    place = Place(root / "campuswatch", root / "campuswatch.d")
    install(Staged(write_wheel(stick, "1.0.0", GOOD), "campuswatch", "1.0.0"), place.link, [])
    device = Device(place, Program(place), stick)
    device.program.restart()
    yield device
    device.program.end()


@pytest.mark.timeout(600)  # three environments are made, each with seconds of work
def test_good_then_crashing_then_broken_releases_and_the_good_one_still_runs(installed: Device) -> None:
    device = installed
    assert device.update(device.wish(write_wheel(device.stick, "1.1.0", GOOD))) == "1.1.0"
    assert device.runs() == "1.1.0"
    assert device.place.before.resolve().name == "first"
    assert device.place.pending() is None

    with pytest.raises(UpdateError, match=r"went back to .*1\.1\.0"):
        device.update(device.wish(write_wheel(device.stick, "1.2.0", CRASHES)))
    assert device.runs() == "1.1.0"

    starts = device.program.starts
    with pytest.raises(UpdateError, match=r"something_that_is_not_there.*nothing was switched"):
        device.update(device.wish(write_wheel(device.stick, "1.3.0", BROKEN)))
    assert (device.runs(), device.program.starts) == ("1.1.0", starts)
    assert device.program.look().active


@pytest.mark.timeout(600)
def test_a_power_cut_after_the_switch_is_judged_at_the_next_start(installed: Device) -> None:
    place = installed.place
    place.adopt()
    before = place.link.resolve()
    broken = place.release("9.9.9")
    (broken / "bin").mkdir(parents=True)
    (broken / "bin" / "campus-agent").write_text("#!/bin/sh\nexit 1\n")
    (broken / "bin" / "campus-agent").chmod(0o755)
    place.switch(broken, "campus-agent.service", 1.0)
    pending = Place(place.link, place.folder).pending()
    assert pending is not None
    assert (place.before / "bin" / "python").exists(), "the old release judges the new one"
    installed.program.restart()  # as the machine does when it starts
    with pytest.raises(UpdateError, match="did not run"):
        judge(place, pending, installed.program, threading.Event())
    assert place.link.resolve() == before
    assert place.pending() is None


@pytest.fixture
def bare(tmp_path: Path) -> Device:
    """A device where nothing may get as far as an installation."""
    place = Place(tmp_path / "campuswatch", tmp_path / "campuswatch.d")
    (place.link / "bin").mkdir(parents=True)
    return Device(place, Program(place), tmp_path)


def refused(device: Device, wish: Wish, said: str) -> None:
    with pytest.raises(UpdateError, match=said):
        device.update(wish)
    assert device.program.starts == 0
    assert device.place.link.resolve().name == "first"
    assert not (device.place.folder / "staging").exists()


def test_a_foreign_signature_is_refused(bare: Device) -> None:
    wheel = write_wheel(bare.stick, "1.1.0", GOOD)
    refused(bare, bare.wish(wheel, write_signature(wheel, OTHER)), "not by the key")


def test_a_wheel_that_was_changed_after_signing_is_refused(bare: Device) -> None:
    signature = write_signature(write_wheel(bare.stick, "1.1.0", GOOD))
    refused(bare, bare.wish(write_wheel(bare.stick, "1.1.0", CRASHES), signature), "not the file that was signed")


def test_a_wheel_that_the_list_does_not_name_is_refused(bare: Device) -> None:
    signature = write_signature(write_wheel(bare.stick, "1.1.0", GOOD))
    refused(bare, bare.wish(write_wheel(bare.stick, "1.2.0", GOOD), signature), "not named")


def test_another_program_that_the_key_signed_is_refused(bare: Device) -> None:
    refused(bare, bare.wish(write_wheel(bare.stick, "1.1.0", GOOD, "otherwise")), "holds 'otherwise'")


@pytest.mark.parametrize("number", ["0.9.9", "0.10"])
def test_an_older_release_is_refused_though_it_is_signed(bare: Device, number: str) -> None:
    refused(bare, bare.wish(write_wheel(bare.stick, number, GOOD)), "older than 1.0.0")


def test_an_older_release_that_was_asked_for_by_name_passes_that_check(bare: Device) -> None:
    wish = replace(bare.wish(write_wheel(bare.stick, "0.9.9", GOOD)), allow_older=True)
    bare.place.release("0.9.9").parent.mkdir()
    bare.place.release("0.9.9").write_text("stands where the environment would go")
    with pytest.raises(UpdateError, match="nothing was switched"):
        bare.update(wish)


@pytest.mark.parametrize("number", ["1.0.0", "1.0"])
def test_the_release_that_runs_is_not_installed_again(bare: Device, number: str) -> None:
    refused(bare, bare.wish(write_wheel(bare.stick, number, GOOD)), "runs already")


def test_without_a_pinned_key_nothing_is_installed(bare: Device) -> None:
    with pytest.raises(UpdateError, match="no key is pinned"):
        apply(
            bare.wish(write_wheel(bare.stick, "1.1.0", GOOD)), UpdateSection(), bare.place, bare.program,
            threading.Event(),
        )  # fmt: skip


def test_two_updates_do_not_run_at_once(bare: Device) -> None:
    bare.place.adopt()
    bare.place.switch(bare.place.release("first"), "campus-agent.service", 1.0)
    with pytest.raises(UpdateError, match="not confirmed yet"):
        bare.update(bare.wish(write_wheel(bare.stick, "1.1.0", GOOD)))


def renamed(text: str) -> str:
    return text.replace("a.whl", "b.whl")


def lengthened(text: str) -> str:
    return text + "x"


def emptied(_: str) -> str:
    return ""


def no_text(_: str) -> str:
    return "\ud800"


def repeated(text: str) -> str:
    return text * 10_000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (renamed, "not by the key"),
        (lengthened, "not by the key"),
        (emptied, "not by the key"),
        (no_text, "not by the key"),
        (repeated, "too large"),
    ],
)
def test_a_list_that_was_touched_is_refused(change: Callable[[str], str], said: str) -> None:
    text = sign({"a.whl": "0" * 64}, KEY)
    touched = change(text).encode("utf-8", "surrogatepass")
    with pytest.raises(UpdateError, match=said):
        read(touched, PUBLIC)
    assert read(text.encode(), PUBLIC) == Release({"a.whl": "0" * 64})


@pytest.mark.parametrize("name", ["../a.whl", "/etc/a.whl", "a\nb.whl", "a.sh", ".."])
def test_a_name_that_leads_elsewhere_is_refused_though_it_is_signed(name: str) -> None:
    with pytest.raises(UpdateError, match="not one of a release"):
        read(sign({name: "0" * 64}, KEY).encode(), PUBLIC)


def test_versions_are_compared_by_their_numbers() -> None:
    assert version("0.10") > version("0.9.9")
    assert version("1.0") == version("1.0.0")
    with pytest.raises(UpdateError):
        version("1.0/../../x")


def test_the_extras_that_are_here_are_found() -> None:
    assert {"camera", "server"} <= set(installed_extras("campuswatch"))


def test_a_folder_is_signed_by_the_command_and_read_back(tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, "1.1.0", GOOD)

    def command(*arguments: str) -> str:
        line = [sys.executable, "-m", "update.sign", *arguments]
        return subprocess.run(line, check=True, capture_output=True, text=True, timeout=60).stdout

    public = command("key", str(tmp_path / "release.key")).split('"')[1]
    assert (tmp_path / "release.key").stat().st_mode & 0o777 == 0o600
    command("release", str(tmp_path), str(tmp_path / "release.key"))
    assert set(read((tmp_path / "release.sig").read_bytes(), public).hashes) == {wheel.name}
