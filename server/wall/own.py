"""The server's own certificates, disk and queues: faults on every wall it serves, for nobody else would look."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from sqlalchemy import Connection

from config.server import ServerConfig
from server.alerts.alert import AlertHook
from server.alerts.rules import Signal
from server.alerts.store import hear
from server.enrol.authority import REVOKED_FILE, folder_of

LOOK_EVERY_S = 60.0
ENDING = timedelta(days=14)
DISK_MB = 500.0
NAMES = {"_certificate": "服务器证书", "_disk": "服务器磁盘", "_history": "读数历史", "_queue": "服务器队列"}
REASONS = {
    "_certificate": "certificate-ending", "_disk": "disk-low", "_history": "history-away", "_queue": "messages-dropped",
}  # fmt: skip
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class OwnHealth:
    """Belongs to the writer's thread."""

    hook: AlertHook
    data: Path
    certificates: Sequence[Path]
    least_mb: float = DISK_MB
    history: Callable[[], str] = str
    """Says why the history is not well; empty where it is."""
    dropped: Callable[[], float] = lambda: 0.0
    """How much full queues have dropped since the start."""
    _dropped: float = 0.0
    _looked_s: float = float("-inf")
    _said: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    _unread: set[Path] = field(default_factory=set[Path])

    def tick(self, connection: Connection, sites: Collection[str], now: datetime, mono_s: float) -> None:
        """Judge once a minute, and say what changed."""
        if mono_s - self._looked_s < LOOK_EVERY_S:
            return
        self._looked_s = mono_s
        for point, reason in self._found(now).items():
            for site in sites:
                if self._said.get((site, point)) != reason:
                    self._said[site, point] = reason
                    hear(connection, _signal(site, point, now, reason), self.hook)

    def _found(self, now: datetime) -> Mapping[str, str]:
        """Return the reason of each fault; empty where there is none."""
        ends = [end for file in self.certificates for end in self._end(file)]
        free_mb = shutil.disk_usage(self.data).free / 2**20
        before, self._dropped = self._dropped, self.dropped()
        wrong = {
            "_certificate": any(end - now < ENDING for end in ends),
            "_disk": free_mb < self.least_mb,
            "_queue": self._dropped > before,
        }
        return {**{point: REASONS[point] if one else "" for point, one in wrong.items()}, "_history": self.history()}

    def _end(self, file: Path) -> Sequence[datetime]:
        try:
            found = [one.not_valid_after_utc for one in x509.load_pem_x509_certificates(file.read_bytes())]
        except (OSError, ValueError) as e:
            if file not in self._unread:
                _log.warning("certificate %s: cannot be read, its end is not watched: %s", file, e)
            self._unread.add(file)
            return []
        self._unread.discard(file)
        return found


def own_certificates(config: ServerConfig) -> Sequence[Path]:
    """Name the files of the certificates this server shows to others."""
    given = (config.http.cert_file, config.broker.cert_file, config.mqtt.cert_file)
    made = sorted(set(folder_of(config.data).glob("*.pem")) - {folder_of(config.data) / REVOKED_FILE})
    return [file for file in (*given, *made) if file is not None]


def _signal(site: str, point: str, at: datetime, reason: str) -> Signal:
    return Signal(
        site=site, agent="server", point=point, kind="fault", active=bool(reason), severity="fault",
        reason=reason or REASONS[point], at=at, received_at=at, name=NAMES[point],
    )  # fmt: skip
