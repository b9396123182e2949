# Toolchain file: GCC for bare-metal Arm. HIL_CC_PREFIX names another one (default arm-none-eabi-).
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_SYSTEM_PROCESSOR arm)

if(NOT HIL_CC_PREFIX)
  set(HIL_CC_PREFIX "arm-none-eabi-")
endif()
set(CMAKE_C_COMPILER "${HIL_CC_PREFIX}gcc")
set(CMAKE_CXX_COMPILER "${HIL_CC_PREFIX}g++")
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES HIL_CC_PREFIX)

# Firmware cannot be linked without our linker script, and asking the compiler who it is takes
# longer than compiling the DUT program.
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_C_COMPILER_WORKS TRUE)
set(CMAKE_C_ABI_COMPILED TRUE)
set(CMAKE_CXX_COMPILER_WORKS TRUE)
set(CMAKE_CXX_ABI_COMPILED TRUE)
set(CMAKE_SIZEOF_VOID_P 4)
