"""What the store knows of runs' models besides the runs: evaluations, agreement of variants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hil.records import Agreement, Evaluation, RunRecord, Variant
from hil.verdict.kinship import scheme

if TYPE_CHECKING:
    from hil.store import Store


@dataclass(frozen=True)
class Evidence:
    """``evaluations`` are newest first, ``variants`` by the SHA-256 of their bytes."""

    evaluations: tuple[Evaluation, ...] = ()
    variants: Mapping[str, Variant] = field(default_factory=dict)

    def of_model(self, run: RunRecord) -> tuple[Evaluation, ...]:
        """Evaluations that came to an end, of the run's model on its profile, with any engine."""
        if run.model is None:
            return ()
        asked = (run.model.sha256, run.profile_name)
        return tuple(
            one
            for one in self.evaluations
            if one.accuracy is not None and (one.model_sha256, one.profile_name) == asked
        )

    def of(self, run: RunRecord) -> tuple[Evaluation, ...]:
        """The same of the run's engine: the result of one engine does not hold for another.

        Of those that ask the same (by whatever firmware, emulator and way in) the newest.
        """
        own = [one for one in self.of_model(run) if one.engine == run.engine]
        newest = {(one.data_sha256, *question(one)[1:]): one for one in reversed(own)}
        return tuple(sorted(newest.values(), key=own.index))

    def agreement(self, run: RunRecord) -> Agreement | None:
        """How a variant's outputs agree with its float parent's, on held-out samples if there are.

        None for a model as given, and where nothing was kept.
        """
        variant = self.variants.get(run.model.sha256) if run.model and scheme(run) else None
        if variant is None:
            return None
        return min(variant.agreements, key=lambda one: one.data != "held-out", default=None)


def question(one: Evaluation) -> tuple[object, ...]:
    """What an evaluation asks, whatever the model's input type: data, metric, and which part.

    Data is the same by the hash of its files; by that of the prepared arrays where there is none.
    """
    data = one.provenance.get("data_source_sha256") or one.data_sha256
    return (data, one.metric, one.options.get("limit"), one.options.get("seed"))


def evidence(store: Store, runs: Sequence[RunRecord]) -> Evidence:
    """Read what is known of the runs' models.

    Raises:
        StoreError: the store cannot be read.
    """
    hashes = dict.fromkeys(run.model.sha256 for run in runs if run.model and scheme(run))
    found = ((sha256, store.variants.get(sha256)) for sha256 in hashes)
    return Evidence(
        tuple(store.evaluations.matching(runs)),
        {sha256: variant for sha256, variant in found if variant is not None},
    )
