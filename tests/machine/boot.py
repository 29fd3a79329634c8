"""Boot this machine's own files under a kernel in user mode, and run there the tests that ask for such a kernel."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from user_kernel import MissingPartError, user_kernel

HERE = Path(__file__).parent
PROJECT = HERE.parents[1]
LIMIT_S = 5400.0
MEMORY_MB = 2560
TEST_FILES = ("tests/machine", "tests/test_drivers_gpio.py", "tests/system/test_faults_machine.py")
CAMERAS = (  # a webcam; and a grabber beside an output that it is wired to, which takes pictures at their size only
    "n_devs=2 node_types=0x1,0x101 vid_cap_nr=10,20 vid_out_nr=11,21 num_inputs=1,1 input_types=0,3 num_outputs=1,1"
    " output_types=1,1 ccs_cap_mode=-1,0 ccs_out_mode=-1,0"
)


def main() -> int:
    """Run the tests, or what the arguments say instead; return pytest's code, 2 where nothing could be started."""
    cache = PROJECT / ".venv" / "machine"
    cache.mkdir(parents=True, exist_ok=True)
    if os.geteuid() != 0:
        print("make machine: run it as root: the machine reads all files of this one", file=sys.stderr)
        return 2
    try:
        linux = user_kernel(cache)
    except MissingPartError as e:
        print(f"make machine: {e}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="machine-") as folder:
        return _boot(linux, Path(folder), sys.argv[1:])


def _boot(linux: Path, out: Path, arguments: list[str]) -> int:
    (out / "order.json").write_text(json.dumps(arguments or TEST_FILES), encoding="utf-8")
    for unit in ("machine-tests.service", "machine.target"):
        text = (HERE / unit).read_text(encoding="utf-8")
        (out / unit).write_text(text.replace("@PROJECT@", str(PROJECT)), encoding="utf-8")
    command = [
        str(linux), f"mem={MEMORY_MB}M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "panic=-1",
        f"init={HERE / 'first.sh'}", f"uml_dir={out}", "con=null", "con0=null,fd:1", "ssl=null",
        *("loglevel=7" if "VERBOSE" in os.environ else "quiet loglevel=3").split(),
        "systemd.unit=machine.target", "systemd.show_status=0", "systemd.log_target=journal-or-kmsg",
        *(f"vivid.{word}" for word in CAMERAS.split()),
        f"MACHINE_OUT={out}", "TERM=linux",  # what the kernel does not know, it hands to the first program
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        process.wait(LIMIT_S)
    except subprocess.TimeoutExpired:
        print(f"make machine: not at its end after {LIMIT_S:.0f} s", file=sys.stderr)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(60)
    code = out / "code"
    if code.exists():
        return int(code.read_text(encoding="ascii"))
    print("make machine: it ended without a result; VERBOSE=1 shows what its kernel said", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
