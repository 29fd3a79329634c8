"""What runs a network's file: OpenCV's own engine, onnxruntime or LiteRT, behind one call."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

import cv2
import numpy as np

from detectors.people.hushed import hushed
from detectors.people.onnx_input import declared_size, is_graph
from detectors.people.ssd_text import declared_side
from drivers.errors import DriverError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Plane = NDArray[np.float32]


class Engine(Protocol):
    """Pictures in, raw outputs out."""

    name: str
    size: int | None
    """Pixels a side that its file declares; None where it does not."""

    def forward(self, plane: Plane) -> Sequence[Array]:
        """Run the network on one picture (3, size, size); raise ValueError for a size it does not take."""
        ...


class OpenCvEngine:
    """`cv2.dnn`: ONNX, and TensorFlow's .pb with its .pbtxt beside it."""

    name = "opencv"
    size: int | None

    def __init__(self, path: Path) -> None:
        try:
            with hushed():
                self._read(path)
        except (cv2.error, ValueError) as e:
            raise DriverError(f"{path}: is no model that OpenCV can read (ONNX, or .pb with .pbtxt beside it)") from e
        self._names = self._net.getUnconnectedOutLayersNames()

    def _read(self, path: Path) -> None:
        if path.suffix == ".pb":
            if not is_graph(path.read_bytes()):
                raise ValueError(f"{path}: is no graph")  # some such end the process within OpenCV
            text = path.with_suffix(".pbtxt")
            self._net = cv2.dnn.readNetFromTensorflow(str(path), str(text) if text.exists() else "")
            self.size = declared_side(text.read_text(encoding="utf-8")) if text.exists() else None
        else:
            self._net = cv2.dnn.readNetFromONNX(str(path))
            self.size = declared_size(path.read_bytes())

    def forward(self, plane: Plane) -> Sequence[Array]:
        """Run it."""
        self._net.setInput(plane[None])
        try:
            outputs = self._net.forward(self._names)
        except cv2.error as e:
            raise ValueError(str(e).splitlines()[0]) from e
        return [np.asarray(output, dtype=np.float64) for output in outputs]


class OnnxEngine:
    """onnxruntime: often faster than OpenCV; one thread, as a camera may have."""

    name = "onnxruntime"

    def __init__(self, path: Path) -> None:
        try:
            runtime: Any = import_module("onnxruntime")
            errors: Any = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
        except ImportError as e:
            raise DriverError(f"{path}: onnxruntime is not installed: uv sync --extra onnxruntime") from e
        kinds = ("Fail", "InvalidProtobuf", "InvalidGraph", "InvalidArgument", "NotImplemented")
        refused: tuple[type[Exception], ...] = tuple(getattr(errors, kind) for kind in kinds)
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        try:
            self._session: Any = runtime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except refused as e:
            raise DriverError(f"{path}: is no ONNX model that onnxruntime can read") from e
        self._input: str = self._session.get_inputs()[0].name
        self.size = declared_size(path.read_bytes())

    def forward(self, plane: Plane) -> Sequence[Array]:
        """Run it."""
        outputs: list[Any] = self._session.run(None, {self._input: plane[None]})
        return [np.asarray(output, dtype=np.float64) for output in outputs]


class LiteRtEngine:
    """LiteRT: .tflite with TensorFlow's own post-processing; its outputs are brought into the shape of an SSD."""

    name = "litert"

    def __init__(self, path: Path) -> None:
        try:
            make: Any = import_module("ai_edge_litert.interpreter").Interpreter
        except ImportError as e:
            raise DriverError(f"{path}: LiteRT is not installed: uv sync --extra litert") from e
        try:
            with hushed():
                self._net: Any = make(model_path=str(path), num_threads=1)
                self._net.allocate_tensors()
        except (ValueError, RuntimeError) as e:
            raise DriverError(f"{path}: is no model that LiteRT can read") from e
        self._input: Any = self._net.get_input_details()[0]
        self._outputs: list[Any] = self._net.get_output_details()
        self._side = int(self._input["shape"][1])
        self.size: int | None = self._side

    def forward(self, plane: Plane) -> Sequence[Array]:
        """Run it; return rows of image, class, score, box 0..1, as OpenCV's DetectionOutput gives them."""
        picture = plane.transpose(1, 2, 0)[None]
        if picture.shape != tuple(self._input["shape"]):
            raise ValueError(f"takes {self._side} pixels a side")
        kind = self._input["dtype"]
        given = picture.astype(kind) if kind == np.uint8 else (picture / 127.5 - 1).astype(kind)
        self._net.set_tensor(self._input["index"], given)
        self._net.invoke()
        found = [np.asarray(self._net.get_tensor(one["index"]), np.float64) for one in self._outputs]
        boxes = next((one[0] for one in found if one.ndim == 3 and one.shape[2] == 4), None)
        flat = [one[0] for one in found if one.ndim == 2]
        if boxes is None or len(flat) != 2:
            return found
        classes, scores = sorted(flat, key=lambda one: bool((one == one.round()).all()), reverse=True)
        order = boxes[:, (1, 0, 3, 2)]
        return [np.column_stack((np.zeros(len(boxes)), classes + 1, scores, order)).reshape(1, 1, -1, 7)]


def engine_for(path: Path, runtime: str) -> Engine:
    """Return what runs this file: LiteRT for .tflite, else what is asked for."""
    if path.suffix == ".tflite":
        return LiteRtEngine(path)
    if runtime == "onnxruntime":
        return OnnxEngine(path)
    return OpenCvEngine(path)
