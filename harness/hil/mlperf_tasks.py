"""The benchmarks of MLPerf Tiny: what their runner sends to a device and expects back.

Sources, in https://github.com/mlcommons/tiny: ``benchmark/MLPerfTiny_Rules.adoc`` (quality),
``benchmark/evaluation/datasets/README.md`` (formats), ``benchmark/runner/tests_*.yaml`` (counts)
and ``th_load_tensor`` of ``benchmark/reference_submissions`` (what the numbers mean). The scales of
kws01 are those of the reference model, with which its data set was quantized.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hil.errors import UsageError, did_you_mean

DataType = Literal["float32", "int8", "uint8"]


@dataclass(frozen=True)
class MlperfTask:
    """One benchmark.

    ``model_id`` is what the device calls its model and the data set's folder, ``short`` the folder
    in a submission. The runner sends ``elements`` numbers of type ``data``; one stands for ``scale
    * (number - zero_point)``. ``scored`` tasks are answered by one number, the mean square of
    (output - sent), the others by the ``classes`` outputs. ``quality`` is the closed division's
    target of ``metric``, 0 to 1. The official scripts ask for ``official_inferences`` after
    ``official_warmups`` in a window; a submitter changes the first until the window is long enough.
    """

    model_id: str
    short: str
    title: str
    elements: int
    data: DataType
    scale: float
    zero_point: int
    classes: int
    scored: bool
    metric: Literal["top1", "auc"]
    quality: float
    official_inferences: int
    official_warmups: int

    @property
    def element_bytes(self) -> int:
        """Bytes of one number that is sent."""
        return 4 if self.data == "float32" else 1

    @property
    def sent_bytes(self) -> int:
        """Bytes of one load."""
        return self.elements * self.element_bytes


TASKS = {
    task.model_id: task
    for task in (
        MlperfTask(
            *("kws01", "kws", "keyword spotting", 490, "int8", 0.5847029089927673, 83),
            *(12, False, "top1", 0.90, 70, 10),
        ),
        MlperfTask(
            *("vww01", "vww", "visual wake words", 27_648, "uint8", 1 / 255, 0),
            *(2, False, "top1", 0.80, 20, 5),
        ),
        MlperfTask(
            *("ic01", "ic", "image classification", 3_072, "uint8", 1.0, 0),
            *(10, False, "top1", 0.85, 20, 5),
        ),
        MlperfTask(
            *("ad01", "ad", "anomaly detection", 640, "float32", 1.0, 0),
            *(2, True, "auc", 0.85, 1500, 10),
        ),
    )
}

STREAMING = "sww01"
MODEL_IDS = (*TASKS, STREAMING)


def find(model_id: str) -> MlperfTask:
    """Return the task of a model id.

    Raises:
        UsageError: there is none, or it is the streaming one.
    """
    if model_id == STREAMING:
        raise UsageError(
            "sww01 streams audio over I2S from the runner's interface board into a device that "
            "extracts features; hil's firmware does neither",
            hint="`hil run` measures an inference of the model by itself",
        )
    if model_id not in TASKS:
        raise UsageError(
            f"MLPerf Tiny has no benchmark '{model_id}'",
            hint=f"{did_you_mean(model_id, MODEL_IDS)}benchmarks: {', '.join(MODEL_IDS)}",
        )
    return TASKS[model_id]
