"""Ports of chips on the chips' own peripherals in a real Renode, compared with QEMU's MPS2."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from hil.devices import load
from hil.firmware.build import build
from hil.records import EngineSources, Firmware, Platform
from hil.targets import session
from hil.targets.dut.answers import HardwareFault
from hil.targets.interface import Options, Target
from hil.targets.qemu.target import QemuTarget
from hil.targets.renode import platforms
from hil.targets.renode.platforms import choose_platform
from hil.targets.renode.target import RenodeSession, RenodeTarget

from tests.support.hil import DIGITS, hil
from tests.support.processes import WAIT_S
from tests.support.tiny_engine import tiny_inputs, tiny_outputs, tiny_sources, tiny_specs


class Chip(NamedTuple):
    """``output``: the register that shows what pins are driven to, the window pin's bit in it.

    ``left``: what the port leaves in registers, by address.
    """

    output: int
    pin: int
    left: Mapping[int, int]


CHIPS = {
    "nrf52840": Chip(
        0x50000804,  # P1.OUT
        8,
        left={
            0x4001E540: 1,  # NVMC.ICACHECNF
            0x40002524: 0x01D7E000,  # UART0.BAUDRATE
            0x50000504: 1 << 6 | 1 << 8,  # P0.OUT: TXD, and RXD's pull-up, which Renode shows here
            0x50000718: 3,  # P0.PIN_CNF of TXD
            0x50000720: 0xC,  # P0.PIN_CNF of RXD
        },
    ),
    "sparkfun-edge": Chip(
        0x4001008C,  # GPIO.WTB
        38 - 32,
        left={
            0x40004014: 0,  # CLKGEN.CLKKEY
            0x40004018: 0,  # CLKGEN.CCTRL
            0x40010030: 0xC300,  # GPIO.PADREGM
            0x40010060: 0,  # GPIO.PADKEY
            0x40018000: 0x00100751,  # CACHECTRL.CACHECFG
            0x4001C024: 13,  # UART0.IBRD: 24 MHz / 16 / 115200 = 13 + 1 / 64
            0x4001C028: 1,  # UART0.FBRD
        },
    ),
    "stm32l4": Chip(
        0x48000014,  # GPIOA->ODR
        4,
        left={
            0x40021008: 0xF,  # RCC->CFGR: PLL
            0x4002100C: 0x01002801,  # RCC->PLLCFGR: MSI, 4 MHz times 40 by 2
            0x40022000: 0x704,  # FLASH->ACR
            0x48000420: 0x77000000,  # GPIOB->AFR[0]: PB6 and PB7
            0x4001380C: 694,  # USART1->BRR: 80 MHz / 115200
        },
    ),
    "nucleo-l452re": Chip(
        0x48000014,  # GPIOA->ODR
        8,
        left={
            0x48000020: 0x7700,  # GPIOA->AFR[0]: PA2 and PA3
            0x4000440C: 694,  # USART2->BRR
        },
    ),
    "nucleo-l4r5zi": Chip(
        0x48001414,  # GPIOF->ODR
        13,
        left={
            0x4002100C: 0x01003C01,  # RCC->PLLCFGR: MSI, 4 MHz times 60 by 2
            0x40007004: 0x200,  # PWR->CR2: IOSV
            0x40007080: 0,  # PWR->CR5: boost
            0x40022000: 0x705,  # FLASH->ACR
            0x48001820: 0x80000000,  # GPIOG->AFR[0]: PG7
            0x48001824: 0x8,  # GPIOG->AFR[1]: PG8
            0x4000800C: 266667,  # LPUART1->BRR: 256 * 120 MHz / 115200
        },
    ),
    "stm32f411": Chip(
        0x40020014,  # GPIOA->ODR
        8,
        left={
            0x40023804: 0x24403208,  # RCC->PLLCFGR: HSE, 8 MHz by 8, times 200, by 2
            0x40023808: 0x100A,  # RCC->CFGR: PLL, APB1 at half of it
            0x40023C00: 3,  # FLASH->ACR; Renode keeps the wait states only
            0x40020020: 0x7700,  # GPIOA->AFR[0]: PA2 and PA3
            0x40004408: 434,  # USART2->BRR: 50 MHz / 115200
        },
    ),
    "stm32f746": Chip(
        0x40022014,  # GPIOI->ODR
        3,
        left={
            0x40023804: 0x24406C19,  # RCC->PLLCFGR: HSE, 25 MHz by 25, times 432, by 2
            0x40023808: 0x940A,  # RCC->CFGR: PLL, APB1 at a quarter, APB2 at half of it
            0x40023C00: 7,  # FLASH->ACR
            0x40020024: 0x70,  # GPIOA->AFR[1]: PA9
            0x40020420: 0x70000000,  # GPIOB->AFR[0]: PB7
            0x4001100C: 938,  # USART1->BRR: 108 MHz / 115200
            0xE000ED14: 0x30000,  # SCB->CCR: both caches
        },
    ),
    "stm32h743": Chip(
        0x58021814,  # GPIOG->ODR
        12,
        left={
            0x58024410: 0x1B,  # RCC->CFGR: PLL1
            0x58024418: 0x48,  # RCC->D1CFGR: AXI at half, APB3 at a quarter of it
            0x5802441C: 0x440,  # RCC->D2CFGR: APB1 and APB2
            0x58024420: 0x40,  # RCC->D3CFGR: APB4
            0x58024428: 0x02020042,  # RCC->PLLCKSELR: HSE by 4
            0x5802442C: 0x01FF0004,  # RCC->PLLCFGR: 2 to 4 MHz, the wide VCO
            0x58024430: 0x010103DF,  # RCC->PLL1DIVR: times 480, by 2
            0x5802480C: 0x42,  # PWR->CR3: LDO, configured
            0x58024818: 0xE000,  # PWR->D3CR: VOS1
            0x52002000: 0x24,  # FLASH->ACR
            0x58020C24: 0x77,  # GPIOD->AFR[1]: PD8 and PD9
            0x4000480C: 1042,  # USART3->BRR: 120 MHz / 115200
            0xE000ED14: 0x30000,  # SCB->CCR: both caches
        },
    ),
    "stm32u575": Chip(
        0x42021414,  # GPIOF->ODR
        13,
        left={
            0x46020C1C: 0xF,  # RCC->CFGR1: PLL1
            0x46020C28: 0x40001,  # RCC->PLL1CFGR: MSIS
            0x46020C34: 0x0101024F,  # RCC->PLL1DIVR: times 80, R by 2
            0x46020808: 2,  # PWR->CR3: SMPS
            0x4602080C: 0x7C000,  # PWR->VOSR: range 1, booster
            0x40022000: 0x104,  # FLASH->ACR
            0x40030400: 1,  # ICACHE->CR
            0x42020024: 0x770,  # GPIOA->AFR[1]: PA9 and PA10
            0x4001380C: 1389,  # USART1->BRR: 160 MHz / 115200
        },
    ),
}


@pytest.fixture(autouse=True)
def _real(renode: Path) -> None:
    """All of these need it."""


def made(sources: EngineSources, platform: Platform, cache: Path) -> Firmware:
    return build(sources, platform, stack_bytes=4096, heap_bytes=0, baud=115200, cache=cache)


@pytest.mark.parametrize("name", CHIPS)
def test_outputs_and_counts_are_those_of_qemu(session_cache: Path, name: str) -> None:
    profile = load(name)
    found = {}
    targets: Mapping[str, Target] = {"renode": RenodeTarget(), "qemu": QemuTarget()}
    for title, target in targets.items():
        platform = target.platform(profile, name if title == "renode" else None)
        firmware = made(tiny_sources(), platform, session_cache / "firmware")
        settings: Any = Options(timeout_s=WAIT_S, profile_windows=1, flash=profile.flash)
        trace = session.run(
            target, firmware, platform, [tiny_inputs(0)], tiny_specs(), settings, n_ops=3
        )
        outputs = [data.tobytes() for data in trace.inferences[0].outputs]
        assert outputs == [data.tobytes() for data in tiny_outputs(tiny_inputs(0), 1)]
        counted = trace.inferences[0].profile
        assert counted is not None
        found[title] = counted.instructions
        assert platform.exact or title == "qemu"
    assert found["renode"] == found["qemu"]


def read(device: RenodeSession, address: int) -> int:
    (value,) = device.process.ask(f"sysbus ReadDoubleWord {address:#x}")
    return int(value, 16)


def out(device: RenodeSession, chip: Chip) -> int:
    """Whether the window pin is driven high now."""
    return read(device, chip.output) >> chip.pin & 1


@pytest.mark.parametrize("with_pin", [True, False])
@pytest.mark.parametrize("name", CHIPS)
def test_the_clock_the_registers_and_the_window_pin(
    session_cache: Path, name: str, with_pin: bool
) -> None:
    chip = CHIPS[name]
    platform = choose_platform(load(name), name)
    if with_pin:
        platform = dataclasses.replace(
            platform, defines={**platform.defines, "HIL_WINDOW_PIN": "1"}
        )
    sources = tiny_sources()
    seen = f"(int32_t)(*(volatile uint32_t *){chip.output:#x}u >> {chip.pin}u & 1u)"
    files = {
        name: text.replace("sums[1] = add;", f"sums[1] = {seen};")
        for name, text in sources.files.items()
    }
    firmware = made(dataclasses.replace(sources, files=files), platform, session_cache / "firmware")
    with RenodeTarget().open(firmware, platform, Options(timeout_s=WAIT_S)) as device:
        assert device.client.info().clock_hz == platform.clock_hz
        assert {address: read(device, address) for address in chip.left} == chip.left
        device.client.load(tiny_inputs(0))
        for _ in range(2):
            assert out(device, chip) == with_pin
            device.client.infer(2, warmups=1)
            inside = np.frombuffer(device.client.outputs()[1], "<i4")[1]
            assert inside == 0
        assert out(device, chip) == with_pin


@pytest.mark.parametrize("name", CHIPS)
def test_a_fault_is_reported_on_the_chips_uart(session_cache: Path, name: str) -> None:
    platform = choose_platform(load(name), name)
    firmware = made(tiny_sources(), platform, session_cache / "firmware")
    with (
        pytest.raises(HardwareFault, match="on the device in hil_provoke_fault"),
        RenodeTarget().open(firmware, platform, Options(timeout_s=WAIT_S)) as device,
    ):
        device.client._command("hil-fault", WAIT_S)


@pytest.mark.parametrize(
    ("clock", "registers"),
    [
        ("24MHz", {0x40004018: 1, 0x40004034: 0}),  # CLKGEN.CCTRL, FREQCTRL
        ("96MHz", {0x40004018: 0, 0x40004034: 7, 0x40020368: 0x64C}),  # and MCUCTRL.BLEBUCK2
    ],
)
def test_other_clocks_of_an_apollo3(
    session_cache: Path, clock: str, registers: Mapping[int, int]
) -> None:
    platform = choose_platform(load(f"sparkfun-edge@{clock}"))
    firmware = made(tiny_sources(), platform, session_cache / "firmware")
    with RenodeTarget().open(firmware, platform, Options(timeout_s=WAIT_S)) as device:
        assert device.client.info().clock_hz == platform.clock_hz
        assert {address: read(device, address) for address in registers} == registers


@pytest.mark.parametrize(
    ("name", "ready", "clock_hz"),
    [
        ("stm32h743", "        value = value | 1 << 13\n", 64_000_000),
        ("stm32u575", "        value = value & ~(1 << 14) | 1 << 15", 4_000_000),
    ],
)
def test_a_voltage_that_never_comes(
    name: str,
    ready: str,
    clock_hz: int,
    session_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The port stays at the clock after reset, at which the UART has its baud rate, and says so."""
    description = platforms.description(name)
    text = description.read_text(encoding="utf-8")
    assert text.count(ready) == 1
    without = tmp_path / description.name
    without.write_text(text.replace(ready, ready.replace("1 << 13", "0").replace("1 << 15", "0")))
    monkeypatch.setattr(platforms, "description", lambda machine: without)
    platform = choose_platform(load(name), name)
    firmware = made(tiny_sources(), platform, session_cache / "firmware")
    with RenodeTarget().open(firmware, platform, Options(timeout_s=WAIT_S)) as device:
        assert device.client.info().clock_hz == clock_hz


@pytest.mark.parametrize("name", ["stm32f411", "stm32f746", "stm32h743", "stm32u575"])
def test_a_model_executes_the_instructions_of_qemu(name: str, tmp_path: Path) -> None:
    found = {}
    for target, machine in (("renode", ["--emulator-machine", name]), ("qemu", [])):
        command = ("run", "--target", target, "-p", name, *machine, "--samples", "1", "--json")
        result = hil(*command, "--db", tmp_path / "hil.db", DIGITS / "digits_int8.tflite")
        assert result.code == 0, result
        data = result.envelope["data"]
        assert (data["check"]["exact"], data["check"]["mismatches"]) == (True, 0)
        assert data["machine"]["exact"] == (target == "renode")
        found[target] = data["measurements"]["instructions"]["value"]
    assert found["renode"] == found["qemu"]
