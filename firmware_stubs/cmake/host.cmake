# Toolchain file: this computer's own compiler, HIL_CC.
if(NOT HIL_CC)
  set(HIL_CC cc)
endif()
set(CMAKE_C_COMPILER "${HIL_CC}")
set(CMAKE_C_FLAGS_INIT -fno-pie)

# Asking the compiler who it is takes longer than compiling the DUT program.
set(CMAKE_C_COMPILER_WORKS TRUE)
set(CMAKE_C_ABI_COMPILED TRUE)
