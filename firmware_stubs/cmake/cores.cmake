# Compiler flags of a core; the names are those of device profiles.
set(HIL_CORE_FLAGS_cortex-m0+ -mcpu=cortex-m0plus -mthumb)
set(HIL_CORE_FLAGS_cortex-m3 -mcpu=cortex-m3 -mthumb)
set(HIL_CORE_FLAGS_cortex-m4 -mcpu=cortex-m4 -mthumb -mfloat-abi=soft)
set(HIL_CORE_FLAGS_cortex-m4f -mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard)
set(HIL_CORE_FLAGS_cortex-m7f -mcpu=cortex-m7 -mthumb -mfpu=fpv5-d16 -mfloat-abi=hard)
set(HIL_CORE_FLAGS_cortex-m33f -mcpu=cortex-m33 -mthumb -mfpu=fpv5-sp-d16 -mfloat-abi=hard)

if(NOT DEFINED HIL_CORE_FLAGS_${HIL_CORE})
  message(FATAL_ERROR "there are no compiler flags for the core '${HIL_CORE}'")
endif()
set(HIL_CORE_FLAGS ${HIL_CORE_FLAGS_${HIL_CORE}})
