"""The timing table of a core: costs that the rules in ``pricing`` read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class TimingTable:
    """Costs in cycles at zero wait states. Fractions are means over what programs do.

    Field by field:

    - ``load``, ``load_pipelined``: a load by itself; directly after another single load whose
      result its address does not need. ``load_use``: more where the next instruction reads it.
      ``literal``: more for a load of a constant beside the code, which contends with fetching.
    - ``store``, ``store_register_offset``: the latter not directly after a load.
    - ``multiple``: LDM, STM, PUSH, POP, LDRD, STRD, VLDM, VSTM are this plus one each word.
    - ``address_after_alu``, ``address_after_load``: more where an address register was written by
      the instruction before.
    - ``*_taken``: more than the instruction's own cost where control flow leaves: ``branch`` direct
      (B, CBZ), ``call`` direct (BL), ``indirect`` through a register (BX, BLX, MOV pc), ``pc_load``
      from memory (POP {pc}, LDR pc, TBB).
    - ``branch_not_taken``: more where a conditional branch falls through.
    - ``misprediction``: more for every conditional branch, the mean of right and wrong predictions.
    - ``halfword_target``: more where a branch goes to a 32-bit instruction that is not
      word-aligned.
    - ``wide_group``: more where three or more 32-bit instructions that are not word-aligned follow
      each other, once for each such group.
    - ``it``: an IT instruction (0 where it always folds).
    - ``fp_hazard``: more where the next instruction reads the result of FP arithmetic.
    - ``issue_width`` 2: two independent neighbours of different units share a cycle, if neither is
      longer than ``issue_bytes``.

    ``counts_only``: instructions are counted, no cycles are given; no cost holds.

    ``fitted`` names the fields whose values were fitted to measurements; all others come from
    ``source``. ``validated_as`` is the name under which comparisons with silicon are kept
    (``reports/validation/<name>.json``); bands come from there, see ``measure.cycles.bands``.
    ``name`` and ``title`` are the core's, from ``hil.cores``.
    """

    source: str
    validated_as: str
    name: str = ""
    title: str = ""
    fitted: tuple[str, ...] = ()
    counts_only: bool = False
    alu: float = 1
    mul: float = 1
    mla: float = 1
    mul_long: float = 1
    mla_long: float = 1
    divide: float = 7
    load: float = 2
    load_pipelined: float = 1
    load_use: float = 0
    literal: float = 0
    store: float = 1
    store_register_offset: float = 2
    multiple: float = 1
    address_after_alu: float = 1
    address_after_load: float = 1
    branch_taken: float = 1
    branch_not_taken: float = 0
    misprediction: float = 0
    call_taken: float = 1
    indirect_taken: float = 2
    pc_load_taken: float = 3
    halfword_target: float = 1
    wide_group: float = 0
    it: float = 0.3
    barrier: float = 3
    fp_alu: float = 1
    fp_mul: float = 1
    fp_mac: float = 3
    fp_div: float = 14
    fp_sqrt: float = 14
    fp_hazard: float = 1
    issue_width: int = 1
    issue_bytes: int = 4
