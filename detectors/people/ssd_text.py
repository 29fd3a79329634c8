"""The text that OpenCV needs beside a TensorFlow SSD's frozen graph: its layers, and boxes made of its outputs.

A frozen graph ends in TensorFlow's own loops (resizing, anchors, suppression), which OpenCV cannot run. The text keeps
the layers between picture and predictors, takes their weights from the .pb by name, and puts OpenCV's own PriorBox and
DetectionOutput behind them. For SSD with MobileNet of the Object Detection API: six predictors, 300 pixels.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import cv2

from drivers.errors import DriverError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SIDE = 300  # pixels
PREDICTORS = 6
SMALLEST, LARGEST = 0.2, 0.95  # of the side: anchors of the first and of the last predictor
SHAPES = (2.0, 0.5, 3.0, 1 / 3)  # width over height, after the square one
PICTURE = "image_tensor"
FIRST = "Preprocessor/mul"  # everything before it is TensorFlow's own resizing
KEPT = ("data_format", "dilations", "epsilon", "padding", "strides")
_PLAIN = re.compile(r'  (name|op|input): "(.*)"')
_LENGTH = re.compile(r"size: (-?\d+)")
_KEY = re.compile(r'    key: "(.*)"')


@dataclass(slots=True)
class Node:
    """One operation of a graph: what it takes, and the text of its attributes by name."""

    name: str
    op: str
    inputs: list[str]
    attributes: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    def text(self) -> str:
        """Return the node as protobuf text."""
        lines = ["node {", f'  name: "{self.name}"', f'  op: "{self.op}"', *(f'  input: "{i}"' for i in self.inputs)]
        for key, value in self.attributes.items():
            lines += ["  attr {", f'    key: "{key}"', *value, "  }"]
        return "\n".join([*lines, "}"])


def text_for(graph: Path) -> str:
    """Return the text for a frozen graph; raise DriverError where it is no SSD of this kind."""
    with TemporaryDirectory() as folder:
        whole = Path(folder) / "graph.pbtxt"
        try:
            cv2.dnn.writeTextGraph(str(graph), str(whole))
        except cv2.error as e:
            raise DriverError(f"{graph}: is no TensorFlow graph") from e
        nodes = {node.name: node for node in parsed(whole.read_text(encoding="utf-8"))}
    try:
        return "\n".join(node.text() for node in simplified(nodes)) + "\n"
    except KeyError as e:
        raise DriverError(f"{graph}: is no SSD as TensorFlow's Object Detection API exports it: no {e}") from e


def declared_side(text: str) -> int | None:
    """Return the side in pixels of the square picture that a graph's text declares; None where it declares none."""
    for node in parsed(text):
        if node.op == "Placeholder":
            lengths = [int(length) for length in _LENGTH.findall(" ".join(node.attributes.get("shape", [])))]
            return lengths[1] if len(lengths) == 4 and lengths[1] == lengths[2] > 0 else None
    return None


def parsed(text: str) -> list[Node]:
    """Read the nodes of a graph's text, as OpenCV writes it."""
    nodes: list[Node] = []
    for block in text.split("node {\n")[1:]:
        node = Node("", "", [])
        for part in block.split("  attr {\n"):
            lines = part.splitlines()
            if key := _KEY.fullmatch(lines[0]):
                end = lines.index("  }")
                node.attributes[key[1]] = lines[1:end]
                lines = lines[end:]
            for word, value in (found.groups() for line in lines if (found := _PLAIN.fullmatch(line))):
                match word:
                    case "name":
                        node.name = value
                    case "op":
                        node.op = value
                    case _:
                        node.inputs.append(value)
        nodes.append(node)
    return nodes


def simplified(nodes: Mapping[str, Node]) -> list[Node]:
    """Return what OpenCV shall run, each node after those it takes; raise KeyError for a part that is not there."""
    picture = Node(PICTURE, "Placeholder", [], {"dtype": _value("type: DT_UINT8"), "shape": _shape(-1, SIDE, SIDE, 3)})
    kept = {nodes[PICTURE].name: picture}
    boxes = [f"BoxPredictor_{number}/BoxEncodingPredictor" for number in range(PREDICTORS)]
    classes = [f"BoxPredictor_{number}/ClassPredictor" for number in range(PREDICTORS)]
    for predictor in (*boxes, *classes):
        _keep(nodes, f"{predictor}/BiasAdd", kept)
    for predictor in boxes:  # TensorFlow says y before x, OpenCV x before y
        kept[f"{predictor}/Conv2D"].attributes["loc_pred_transposed"] = _value("b: true")
    return [*kept.values(), *_boxes_made(boxes, classes)]


def _keep(nodes: Mapping[str, Node], name: str, kept: dict[str, Node]) -> None:
    node = nodes[name]
    if name in kept or node.op == "Const":  # weights: OpenCV takes them from the .pb
        return
    inputs = [_source(nodes, one) for one in node.inputs]
    if name == FIRST:
        inputs = [PICTURE, *(one for one in inputs if nodes[one].op == "Const")]
    for one in inputs:
        _keep(nodes, one, kept)
    kept[name] = Node(name, node.op, inputs, {key: node.attributes[key] for key in KEPT if key in node.attributes})


def _source(nodes: Mapping[str, Node], name: str) -> str:
    """Follow a name through nodes that only hand on."""
    while nodes[name].op == "Identity":
        name = nodes[name].inputs[0]
    return name


def _boxes_made(boxes: Sequence[str], classes: Sequence[str]) -> list[Node]:
    """Return the nodes that make boxes of what the predictors say."""
    nodes = [Node("axis", "Const", [], {"value": _tensor("DT_INT32", "int_val", [-1])})]
    for kind, predictors in (("boxes", boxes), ("classes", classes)):
        flat = [f"{predictor}/flat" for predictor in predictors]
        nodes += [Node(name, "Flatten", [f"{name.removesuffix('/flat')}/BiasAdd"]) for name in flat]
        nodes.append(Node(kind, "ConcatV2", [*flat, "axis"]))
    priors = [f"priors_{number}" for number in range(PREDICTORS)]
    for name, predictor, (widths, heights) in zip(priors, boxes, anchors(), strict=True):
        sizes = {key: _tensor("DT_FLOAT", "float_val", v) for key, v in (("width", widths), ("height", heights))}
        fixed = {"clip": _value("b: false"), "flip": _value("b: false")}
        spread = {"variance": _tensor("DT_FLOAT", "float_val", [0.1, 0.1, 0.2, 0.2])}
        nodes.append(Node(name, "PriorBox", [f"{predictor}/BiasAdd", PICTURE], {**fixed, **sizes, **spread}))
    options = {
        "background_label_id": "i: 0", "code_type": 's: "CENTER_SIZE"', "confidence_threshold": "f: 0.1",
        "keep_top_k": "i: 100", "nms_threshold": "f: 0.6", "num_classes": "i: 2", "share_location": "b: true",
        "top_k": "i: 100",
    }  # fmt: skip
    made = {key: _value(value) for key, value in options.items()}
    return [
        *nodes,
        Node("priors", "ConcatV2", [*priors, "axis"]),
        Node("pairs", "Const", [], {"value": _tensor("DT_INT32", "int_val", [0, -1, 2])}),
        Node("by_class", "Reshape", ["classes", "pairs"]),
        Node("scores", "Sigmoid", ["by_class"]),
        Node("scores/flat", "Flatten", ["scores"]),
        Node("people", "DetectionOutput", ["boxes", "scores/flat", "priors"], made),
    ]


def anchors() -> list[tuple[list[float], list[float]]]:
    """Return widths and heights of each predictor's anchors, pixels: scales evenly spaced, each with its shapes."""
    step = (LARGEST - SMALLEST) / (PREDICTORS - 1)
    scales = [*(SMALLEST + step * number for number in range(PREDICTORS)), 1.0]
    found: list[tuple[list[float], list[float]]] = []
    for number, scale in enumerate(scales[:-1]):
        between = math.sqrt(scale * scales[number + 1])  # one more square, on the way to the next predictor
        if number:
            sizes = [(scale, 1.0), *((scale, shape) for shape in SHAPES), (between, 1.0)]
        else:  # the finest has few, and one for what is very small
            sizes = [(SMALLEST / 2, 1.0), *((scale, shape) for shape in SHAPES[:2])]
        widths = [SIDE * size * math.sqrt(shape) for size, shape in sizes]
        found.append((widths, [SIDE * size / math.sqrt(shape) for size, shape in sizes]))
    return found


def _value(text: str) -> list[str]:
    return ["    value {", f"      {text}", "    }"]


def _tensor(kind: str, key: str, values: Sequence[float]) -> list[str]:
    size = f"tensor_shape {{ dim {{ size: {len(values)} }} }}"
    return _value(f"tensor {{ dtype: {kind} {' '.join(f'{key}: {value}' for value in values)} {size} }}")


def _shape(*lengths: int) -> list[str]:
    return _value("shape { " + " ".join(f"dim {{ size: {length} }}" for length in lengths) + " }")
