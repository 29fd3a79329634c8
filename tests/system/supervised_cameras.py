"""Cameras' processes under the real supervisor, ended when a test is over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

from agent.camera_worker import CameraWorker, Taker
from agent.clock import system_clock
from agent.supervisor import Supervisor
from config.cameras import CameraSection


@contextmanager
def supervised(heard: Taker) -> Generator[Callable[..., CameraWorker]]:
    """Give what starts a camera's process (its command, where another one is meant) and tells `heard` what it finds."""
    stop, threads, workers = threading.Event(), list[threading.Thread](), list[CameraWorker]()

    def watch(camera: CameraSection, command: tuple[str, ...] = ()) -> CameraWorker:
        worker = CameraWorker(camera, heard, system_clock(), command)
        workers.append(worker)
        supervisor = Supervisor([worker], lambda: None, lambda _: None)
        threads.append(threading.Thread(target=supervisor.run, args=(stop,), daemon=True))
        threads[-1].start()
        return worker

    try:
        yield watch
    finally:
        stop.set()
        for thread in threads:
            thread.join(10)
        for worker in workers:
            worker.stop()
            worker.join(3.0)
            worker.kill()
            worker.join(5.0)
