# A process of this computer instead of a chip: no start-up, linker script or fault handlers.
set(HIL_RUNTIME_SOURCES
    dut/args.c
    dut/arena.c
    dut/clock.c
    dut/commands.c
    dut/infer.c
    dut/load.c
    dut/main.c
    dut/mlperf.c
    dut/text.c
    ports/host/port.c)
set(HIL_BUILD_ID_STYLE none)
set(HIL_RUNTIME_INCLUDE_DIRS ports/host)
# Inputs and outputs lie below 4 GiB: the protocol's addresses have 32 bits.
set(HIL_LINK_OPTIONS -no-pie)
