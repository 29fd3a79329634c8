"""What people ask of cameras from afar: a still, or other lines and zones. Kept only once the camera watches them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from agent.camera_orders import Order
from agent.camera_words import Applied, Picture
from agent.camera_worker import CameraWorker
from agent.drawn import DrawnShapes, shapes_of
from config.agent import AgentConfig
from config.cameras import CameraSection
from contracts.messages import Answer, Configure, Still

_MOST_PENDING = 8


class Cameras:
    """Passes orders on to the cameras' processes and answers when they have."""

    def __init__(
        self,
        workers: Sequence[CameraWorker],
        drawn: DrawnShapes,
        say: Callable[[Answer], None],
        watch: Callable[[AgentConfig], None],
    ) -> None:
        self._workers = {worker.name: worker for worker in workers}
        self._drawn = drawn
        self._say = say
        self._watch = watch
        self._pending: dict[str, tuple[CameraWorker, Configure | None, CameraSection]] = {}
        self._lock = threading.Lock()
        for worker in workers:
            worker.heard = self._heard

    def obey(self, command: Still | Configure) -> None:
        """Take a command, from the link's thread; refusals are answered at once."""
        worker = self._workers.get(command.camera)
        if worker is None:
            self._refuse(command.id, f"{command.camera}: this agent has no such camera")
            return
        section = worker.section
        match command:
            case Still():
                if section.private:
                    self._refuse(command.id, f"{section.id}: is private: no still of it is given")
                    return
                order, drawn = Order(command.id), None
            case Configure():
                try:
                    section = self._drawn.redrawn(section, command)
                except ValueError as e:
                    self._refuse(command.id, str(e))
                    return
                order, drawn = Order(command.id, section), command
        with self._lock:
            while len(self._pending) >= _MOST_PENDING:
                self._pending.pop(next(iter(self._pending)))
            self._pending[command.id] = (worker, drawn, section)
        if not worker.order(order):
            self._refuse(command.id, f"{section.id}: its program does not run now")

    def _heard(self, words: Picture | Applied) -> None:
        with self._lock:
            pending = self._pending.pop(words.id, None)
        if pending is None:
            return
        worker, drawn, section = pending
        shapes = self._shapes(section)
        match words:
            case Picture(jpeg=jpeg, width=width, height=height):
                self._say(
                    Answer.model_validate(
                        {"id": words.id, "ok": bool(jpeg), "image": jpeg, "width": width, "height": height, **shapes}
                    )
                )
            case Applied():
                self._applied(worker, drawn, section)

    def _applied(self, worker: CameraWorker, drawn: Configure | None, section: CameraSection) -> None:
        if drawn is None:
            return
        before = worker.section
        try:
            config = self._drawn.keep(drawn, before, section)
        except (OSError, ValueError) as e:
            worker.order(Order(f"undo-{drawn.id}"[:64], before))  # not on disk: a restart would forget it
            self._refuse(drawn.id, f"{section.id}: cannot be kept: {getattr(e, 'strerror', None) or e}")
            return
        worker.keep(section)
        self._watch(config)
        self._say(Answer.model_validate({"id": drawn.id, "ok": True, **self._shapes(section)}))

    def _shapes(self, section: CameraSection) -> dict[str, object]:
        return {**shapes_of(section), "drawn": self._drawn.drawn_of(section)}

    def _refuse(self, id_: str, reason: str) -> None:
        self._say(Answer(id=id_, ok=False, reason=reason[:300]))
