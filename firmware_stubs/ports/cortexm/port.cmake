# What every firmware for a Cortex-M shares: start-up, faults, marks, memory and the linker script.
#
# The order of the sources is their order in flash. Waits of the runtime depend on it, and with them
# the figures that were published: add new ones at the end.
file(GLOB HIL_OWN_SOURCES ports/${HIL_PORT}/*.c)
set(HIL_RUNTIME_SOURCES
    dut/args.c
    dut/clock.c
    dut/commands.c
    ports/cortexm/fault.c
    dut/infer.c
    dut/load.c
    dut/main.c
    ports/cortexm/marks.c
    dut/arena.c
    ports/cortexm/memory.c
    dut/text.c
    ports/cortexm/counter.c
    ports/cortexm/startup.c
    dut/mlperf.c
    ${HIL_OWN_SOURCES}
    ports/cortexm/build_id.c)
set(HIL_BUILD_ID_STYLE sha1)
set(HIL_RUNTIME_INCLUDE_DIRS ports/cortexm ports/${HIL_PORT})
set(HIL_LINK_SCRIPT ${CMAKE_SOURCE_DIR}/ports/cortexm/link.ld)
set(HIL_LINK_OPTIONS -nostartfiles -T ${HIL_LINK_SCRIPT})
foreach(symbol FLASH_ORIGIN FLASH_SIZE RAM_ORIGIN RAM_SIZE STACK_BYTES HEAP_BYTES MARK_RECORDS)
  list(APPEND HIL_LINK_OPTIONS -Wl,--defsym=HIL_${symbol}=${HIL_${symbol}})
endforeach()
