"""Both programs under the project's own units, in the machine's systemd: installed as the documents say."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from brokers import Broker, Mosquitto

PROJECT = Path(__file__).parents[2]
UNITS = PROJECT / "systemd"
OPT = Path("/opt/campuswatch")
ETC = Path("/etc/campuswatch")
SYSTEM = Path("/etc/systemd/system")
DATABASE = Path("/var/lib/campus-server/named-by-the-secret.db")
USER, PASSWORD = "campus", "Nur-zur-Probe-42"


def run(*command: str, text: str = "") -> str:
    """Run a command; return what it says, fail with what it complains of."""
    done = subprocess.run(command, check=False, input=text, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}{done.stdout}"
    return done.stdout.strip()


def shown(unit: str, name: str) -> str:
    """A property of a unit."""
    return run("systemctl", "show", "--property", name, "--value", unit)


def wait_for(what: str, true: Callable[[], bool], limit_s: float = 120.0) -> float:
    """Wait until something is true; return the seconds that took, or fail with its name and the journal's end."""
    began = time.monotonic()
    while not true():
        if time.monotonic() - began > limit_s:
            journal = run("journalctl", "-n", "40", "--no-pager", "-o", "cat")
            raise AssertionError(f"not within {limit_s:.0f} s: {what}\n{journal}")
        time.sleep(0.1)
    return time.monotonic() - began


class GuardedMosquitto(Mosquitto):
    """Lets in who knows the password, nobody else."""

    def command(self, folder: Path, port: int) -> list[str]:
        """Write its files."""
        command = super().command(folder, port)
        passwords = folder / "passwords"
        run("mosquitto_passwd", "-c", "-b", str(passwords), USER, PASSWORD)
        config = Path(command[-1])
        text = config.read_text(encoding="utf-8").replace("allow_anonymous true", "allow_anonymous false")
        config.write_text(f"{text}user root\npassword_file {passwords}\n", encoding="utf-8")
        return command


class GuardedBroker(Broker):
    """One that is only asked whether it answers at all."""

    def _answers(self) -> bool:
        time.sleep(1.0)
        return True


def install() -> None:
    """Install programs, units and secrets, once a machine."""
    if not OPT.exists():
        install_programs()
        install_units()
        write_secrets()


def install_programs() -> None:
    """Give /opt/campuswatch what `pip install` would: a Python of its own, the packages, the two commands.

    Packages and sources are this checkout's, laid where the units may see them: nothing below /root or /home is.
    """
    python, parts = Path("/opt/python"), Path("/opt/parts")
    packages = next((PROJECT / ".venv" / "lib").glob("python3*/site-packages"))
    for source, place in ((Path(sys.base_prefix), python), (packages, parts / "packages"), (PROJECT, parts / "source")):
        place.mkdir(parents=True)
        run("mount", "--bind", str(source), str(place))
    Path("/etc/ld.so.conf.d/000-python.conf").write_text(f"{python}/lib\n", encoding="ascii")  # it may be a shared one
    run("ldconfig")
    run(str(python / "bin" / "python3"), "-m", "venv", "--without-pip", str(OPT))
    (here,) = (OPT / "lib").glob("python3*/site-packages")
    (here / "parts.pth").write_text(f"{parts / 'packages'}\n{parts / 'source'}\n", encoding="utf-8")
    for name, module in (("campus-agent", "agent"), ("campus-server", "server")):
        script = OPT / "bin" / name
        text = f"#!{OPT}/bin/python\nimport sys\nfrom {module}.__main__ import main\nsys.exit(main())\n"
        script.write_text(text, encoding="utf-8")
        script.chmod(0o755)


def install_units() -> None:
    """Do what docs/agent.md says, for both programs."""
    for name in ("campus-agent", "campus-server"):
        shutil.copy(UNITS / f"{name}.sysusers", f"/usr/lib/sysusers.d/{name}.conf")
        shutil.copy(UNITS / f"{name}.tmpfiles", f"/usr/lib/tmpfiles.d/{name}.conf")
    for unit in (*UNITS.glob("*.service"), *UNITS.glob("*.path"), *UNITS.glob("*.timer")):
        shutil.copy(unit, SYSTEM / unit.name)
    run("systemd-sysusers")
    run("systemd-tmpfiles", "--create", "campus-agent.conf", "campus-server.conf")


def write_secrets() -> None:
    """Encrypt the secrets to this machine, and keep the lines of the drop-ins that are used."""
    place = ETC / "credentials"
    place.mkdir(mode=0o700)
    secrets = {"mqtt-password": PASSWORD, "database": f"sqlite:///{DATABASE}"}
    for name, secret in secrets.items():
        run("systemd-creds", "encrypt", f"--name={name}", "-", str(place / name), text=secret)
    for program, more in (
        ("campus-agent", ""),
        ("campus-server", f"LoadCredentialEncrypted=mqtt-password:{place}/mqtt-password\n"),
    ):
        lines = (UNITS / f"{program}-credentials.conf").read_text(encoding="utf-8").splitlines()
        used = [line for line in lines if "=" not in line or any(f"={name}:" in line for name in secrets)]
        (SYSTEM / f"{program}.service.d").mkdir()
        (SYSTEM / f"{program}.service.d" / "credentials.conf").write_text(
            "\n".join(used) + "\n" + more, encoding="utf-8"
        )


def write_configurations(broker_port: int, http_port: int, key: str) -> None:
    """One simulated bus that rises and falls all the time; a server that hears it."""
    mqtt = f'[mqtt]\nport = {broker_port}\nuser = "{USER}"\npassword_file = "credential:mqtt-password"\n'
    points = "".join(
        f'[[bus.point]]\nid = "wave-{n}"\nname = "wave {n}"\nkind = "level"\nmiddle = 20\nswing = 10\n'
        f"period_s = {0.8 + n / 100}\nrule.high = 20\n" for n in range(3)
    )  # fmt: skip
    (ETC / "agent.toml").write_text(
        f'site = "test-school"\nagent = "pi"\nname = "终端"\nheartbeat_s = 1.0\n{mqtt}'
        '[outbox]\ndirectory = "/var/lib/campus-agent"\naccepted_log = "/var/lib/campus-agent/accepted.jsonl"\n'
        f'[update]\nkey = "{key}"\nhold_s = 8\n'
        f'[[bus]]\ntype = "simulated"\nname = "waves"\ninterval_s = 0.05\n{points}',
        encoding="utf-8",
    )
    (ETC / "server.toml").write_text(
        'data = "/var/lib/campus-server"\ndatabase_file = "credential:database"\n'
        f'[http]\nport = {http_port}\n[broker]\ntype = "external"\n{mqtt}',
        encoding="utf-8",
    )
    run("systemd-tmpfiles", "--create", "campus-agent.conf", "campus-server.conf")  # the services may read them now


def recorded() -> set[str]:
    """Ids of all that the server has committed."""
    if not DATABASE.exists():
        return set()
    with closing(sqlite3.connect(f"file:{DATABASE}?mode=ro", uri=True, timeout=10)) as database:
        try:
            return {str(row[0]) for row in database.execute("select id from durables")}
        except sqlite3.OperationalError:
            return set()  # a server that is still at its first start


def in_group(unit: str, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the control group of a unit, bound by what binds it."""
    group = f"/sys/fs/cgroup{shown(unit, 'ControlGroup')}/cgroup.procs"
    shell = ["sh", "-c", f'echo $$ > {group} && exec "$@"', "sh", *command]
    return subprocess.run(shell, check=False, capture_output=True, text=True, timeout=120)
