// What the Renode profiler must know of a Thumb instruction. ../hil_thumb.h is its original.
// Copyright the hil authors. SPDX-License-Identifier: Apache-2.0

namespace Hil
{
    // What must be known of a Thumb instruction: ../hil_thumb.h has the same, with the sources.
    public static class Thumb
    {
        public static bool IsWide(uint first) => first >> 11 >= 0x1D;

        // Whether control may go elsewhere than to the next instruction.
        public static bool MayLeave(uint first, uint second)
        {
            if(!IsWide(first))
            {
                return NarrowMayLeave(first);
            }
            if((first & 0xF800) == 0xF000) // branches, barriers and system registers; else arithmetic
            {
                return (second & 0x8000) != 0;
            }
            if((first & 0xFE10) == 0xF810) // loads of one register; of the PC (or a preload)
            {
                return second >> 12 == 15;
            }
            if((first & 0xFE50) == 0xE810) // LDM
            {
                return (second & 0x8000) != 0;
            }
            return (first & 0xFFF0) == 0xE8D0; // TBB, TBH, exclusive loads
        }

        private static bool NarrowMayLeave(uint first)
        {
            if((first & 0xFC00) == 0x4400) // with high registers: BX, BLX; ADD and MOV of the PC
            {
                return (first & 0x0300) == 0x0300 || ((first & 0x0087) == 0x0087 && (first & 0x0300) != 0x0100);
            }
            if((first & 0xF500) == 0xB100) // CBZ, CBNZ
            {
                return true;
            }
            if((first & 0xFF00) == 0xBF00) // IT and NOP stay; WFI and the like end a block
            {
                return (first & 0x000F) == 0 && (first & 0x00F0) != 0;
            }
            return (first & 0xFFE0) == 0xB660 || // CPS
                (first & 0xFF00) == 0xBD00 || (first & 0xFF00) == 0xBE00 || // POP PC; BKPT
                (first & 0xF000) == 0xD000 || (first & 0xF800) == 0xE000; // B, SVC
        }
    }
}
