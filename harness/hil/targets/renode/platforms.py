"""Renode's platforms that can run our firmware, as data, and the choice among them.

Their descriptions are ``firmware_stubs/emulation/renode/NAME.repl``: memories, a core called
``cpu``, a UART called ``uart``, and the registers that the port's clock set-up waits for.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hil.devices import Profile
from hil.errors import MissingTool
from hil.records import MemoryRegion, Platform
from hil.resources import data_dir
from hil.targets.machines import MPS2, Machine, Machines

_KIB = 1024


def _stm32(
    name: str,
    chip: str,
    port: str,
    flash_kib: int,
    ram_kib: int,
    *,
    cores: tuple[str, ...] = ("cortex-m4", "cortex-m4f"),
    ram: int = 0x2000_0000,
    board: str = "",
) -> Machine:
    """A chip of ST's; ``board`` is its board's name in ``firmware_stubs/ports/PORT/board.h``."""
    return Machine(
        name,
        port=port,
        cores=cores,
        flash=MemoryRegion(0x0800_0000, flash_kib * _KIB),
        ram=MemoryRegion(ram, ram_kib * _KIB),
        chips=(chip,),
        defines={f"HIL_BOARD_{board}": "1"} if board else {},
    )


MACHINES: Mapping[str, Machine] = {
    machine.name: machine
    for machine in (
        *MPS2,
        _stm32("stm32l4", "STM32L475VG", "stm32l4", 1024, 96),
        _stm32("nucleo-l452re", "STM32L452RE", "stm32l4", 512, 160, board="NUCLEO_L452RE"),
        _stm32("nucleo-l4r5zi", "STM32L4R5ZI", "stm32l4", 2048, 640, board="NUCLEO_L4R5ZI"),
        _stm32("stm32f411", "STM32F411RE", "stm32f4", 512, 128, board="NUCLEO_F411RE"),
        _stm32(
            "stm32f746",
            "STM32F746NG",
            "stm32f7",
            1024,
            320,
            cores=("cortex-m7f",),
            board="DISCO_F746NG",
        ),
        _stm32(
            "stm32h743",
            "STM32H743ZI",
            "stm32h7",
            2048,
            512,
            cores=("cortex-m7f",),
            ram=0x2400_0000,
            board="NUCLEO_H743ZI2",
        ),
        _stm32(
            "stm32u575",
            "STM32U575ZI",
            "stm32u5",
            2048,
            768,
            cores=("cortex-m33f",),
            board="NUCLEO_U575ZI_Q",
        ),
        Machine(
            "nrf52840",
            port="nrf52",
            cores=("cortex-m4", "cortex-m4f"),
            flash=MemoryRegion(0x0000_0000, 1024 * _KIB),
            ram=MemoryRegion(0x2000_0000, 256 * _KIB),
            chips=("nRF52840",),
        ),
        Machine(
            "sparkfun-edge",
            port="apollo3",
            cores=("cortex-m4", "cortex-m4f"),
            flash=MemoryRegion(0x0000_C000, 976 * _KIB),
            ram=MemoryRegion(0x1000_0000, 384 * _KIB),
            chips=("AMA3B1KK",),
        ),
    )
}
_CHOICE = Machines("renode", "Renode", MACHINES)


def description(machine: str) -> Path:
    """Return the file that describes a platform to Renode.

    Raises:
        MissingTool: it is not there (a broken installation).
    """
    file = data_dir("firmware_stubs") / "emulation" / "renode" / f"{machine}.repl"
    if not file.is_file():
        raise MissingTool(f"the platform file {file} does not exist", hint="install hil again")
    return file


def choose_platform(profile: Profile, machine: str | None = None) -> Platform:
    """Choose where the profile's firmware runs: ``machine``, else its chip's own platform, else one
    that stands in for it; errors as :meth:`Machines.choose`.
    """
    return _CHOICE.choose(profile, machine, list(MACHINES))


def roomiest(platform: Platform) -> Platform:
    """See :meth:`Machines.roomiest`."""
    return _CHOICE.roomiest(platform, list(MACHINES))
