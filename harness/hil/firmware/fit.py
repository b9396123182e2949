"""Whether a model can fit at all, checked before anything is built.

What is known without a build: weights, tables, arena and the reserved stack. Code is known only
after linking, so lower bounds replace it; a model that passes here may still overflow in the
linker, one that fails here cannot fit.
"""

from __future__ import annotations

from hil.devices import Profile
from hil.errors import DoesNotFit
from hil.records import EngineSources

# The smallest sections of firmwares with an engine that does nothing, over all ports and cores
# (GCC 12.2, tests/firmware/test_fit.py builds them and checks that the floors stay below):
# .isr_vector + .text + .ARM.exidx + the image of .data, and .data + .bss.
RUNTIME_FLASH_FLOOR_BYTES = 6_000
STATIC_RAM_FLOOR_BYTES = 100


def check_fit(
    sources: EngineSources,
    *,
    device: str,
    flash_bytes: int,
    ram_bytes: int,
    stack_bytes: int,
    heap_bytes: int = 0,
) -> None:
    """Refuse a model that cannot fit into ``flash_bytes`` and ``ram_bytes`` of ``device``.

    Raises:
        DoesNotFit: with the need, its parts and what is there.
    """
    flash = {
        "weights": sources.weights_bytes,
        "tables": sources.tables_bytes,
        "code at least": RUNTIME_FLASH_FLOOR_BYTES,
    }
    ram = {
        "arena": sources.plan.arena_bytes,
        "stack": stack_bytes,
        "heap": heap_bytes,
        "static data at least": STATIC_RAM_FLOOR_BYTES,
    }
    complaints = [
        _complaint(name, parts, size)
        for name, parts, size in (("flash", flash, flash_bytes), ("RAM", ram, ram_bytes))
        if sum(parts.values()) > size
    ]
    if complaints:
        raise DoesNotFit(
            f"the model does not fit {device}: " + "; ".join(complaints),
            hint="take a smaller or a quantized model, or a profile with more memory",
        )


def why_unfit(sources: EngineSources, profile: Profile) -> str:
    """Return why a model cannot fit the device of a profile, '' where it can."""
    try:
        check_fit(
            sources,
            device=profile.name,
            flash_bytes=profile.flash.size_bytes,
            ram_bytes=profile.main_ram.size_bytes,
            stack_bytes=profile.firmware.stack_bytes,
            heap_bytes=profile.firmware.heap_bytes,
        )
    except DoesNotFit as error:
        return error.message
    return ""


def _complaint(name: str, parts: dict[str, int], size: int) -> str:
    listed = " + ".join(f"{part} {count:,} B" for part, count in parts.items() if count)
    return f"it needs at least {sum(parts.values()):,} B of {name} ({listed}), there are {size:,} B"
