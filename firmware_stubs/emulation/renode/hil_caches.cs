// Caches between core and flash, simulated for the Renode profiler. ../hil_caches.h is their original and
// describes them.
// Copyright the hil authors. SPDX-License-Identifier: Apache-2.0

using Antmicro.Renode.Exceptions;

namespace Hil
{
    // One cache, or with no bytes the read buffer of a port alone. See ../hil_caches.h.
    public sealed class Cache
    {
        public Cache(FlashCaches shared, uint bytes, uint ways)
        {
            this.shared = shared;
            var lines = bytes / shared.LineBytes;
            if(bytes % shared.LineBytes != 0 || lines >= ushort.MaxValue || (ways != 0 && lines % ways != 0))
            {
                throw new RecoverableException("hil_profiler: a cache's size, line and ways do not go together");
            }
            if(lines == 0)
            {
                return;
            }
            this.ways = ways == 0 ? lines : ways;
            sets = lines / this.ways;
            slotOf = new ushort[shared.FlashBytes / shared.LineBytes + 1];
            lineIn = new uint[lines];
            used = new ulong[lines];
            present = new ulong[lines];
        }

        // Read a unit; whether the flash had to be read.
        public bool Misses(uint unit)
        {
            if(unit == lastUnit)
            {
                return false;
            }
            lastUnit = unit;
            if(slotOf == null)
            {
                return true;
            }
            var line = unit >> shared.LineShift;
            var bit = 1ul << (int)(unit & ((1u << shared.LineShift) - 1));
            if(slotOf[line] == 0)
            {
                Allocate(line);
            }
            var slot = slotOf[line] - 1;
            if(shared.Replacement == FlashCaches.LeastRecentlyUsed)
            {
                used[slot] = shared.Tick();
            }
            if((present[slot] & bit) != 0)
            {
                return false;
            }
            present[slot] |= shared.WholeLine ? ulong.MaxValue : bit;
            return true;
        }

        private void Allocate(uint line)
        {
            var slot = Victim(line % sets);
            if(used[slot] != 0)
            {
                slotOf[lineIn[slot]] = 0;
            }
            slotOf[line] = (ushort)(slot + 1);
            lineIn[slot] = line;
            used[slot] = shared.Tick();
            present[slot] = 0;
        }

        private uint Victim(uint set)
        {
            uint first = set * ways, oldest = first;
            for(var slot = first; slot < first + ways; slot++)
            {
                if(used[slot] == 0)
                {
                    return slot;
                }
                if(used[slot] < used[oldest])
                {
                    oldest = slot;
                }
            }
            return shared.Replacement == FlashCaches.Random ? first + shared.NextRandom() % ways : oldest;
        }

        private readonly FlashCaches shared;
        private readonly uint ways, sets;
        private readonly ushort[] slotOf;
        private readonly uint[] lineIn;
        private readonly ulong[] used, present;
        private uint lastUnit = uint.MaxValue;
    }

    // The flash with its caches; with flash_size 0 there are none.
    public sealed class FlashCaches
    {
        public FlashCaches(Settings settings)
        {
            FlashBytes = settings["flash_size"];
            if(FlashBytes == 0)
            {
                return;
            }
            uint read = settings["read"];
            LineBytes = settings["line"];
            if(!IsPowerOfTwo(read) || !IsPowerOfTwo(LineBytes) || read < 4 || LineBytes < read || LineBytes / read > 64)
            {
                throw new RecoverableException(
                    "hil_profiler: read and line must be powers of two, 4 <= read <= line <= 64 * read");
            }
            if(settings["replace"] > Random || settings["whole"] > 1 || settings["unified"] > 1)
            {
                throw new RecoverableException("hil_profiler: replace, whole or unified is out of range");
            }
            flash = settings["flash"];
            UnitShift = Log2(read);
            LineShift = Log2(LineBytes / read);
            Replacement = settings["replace"];
            WholeLine = settings["whole"] != 0;
            Instructions = new Cache(this, settings["icache"], settings["iways"]);
            Data = settings["unified"] != 0 ? Instructions : new Cache(this, settings["dcache"], settings["dways"]);
        }

        public void Fetch(Portion code, bool sequential, Cell running)
        {
            for(uint unit = code.FirstUnit, end = unit + code.Units; unit != end; unit++)
            {
                if(Instructions.Misses(unit))
                {
                    if(sequential)
                    {
                        running.Sequential++;
                    }
                    else
                    {
                        running.Jump++;
                    }
                }
                sequential = true;
            }
        }

        public void Load(uint address, uint bytes, Cell running)
        {
            var offset = address - flash;
            if(offset >= FlashBytes)
            {
                return;
            }
            for(uint unit = offset >> UnitShift, last = (offset + bytes - 1) >> UnitShift; unit <= last; unit++)
            {
                if(Data.Misses(unit))
                {
                    running.Data++;
                }
            }
        }

        public ulong Tick() => ++ticks;

        public uint NextRandom()
        {
            random ^= random << 13; // xorshift32
            random ^= random >> 17;
            random ^= random << 5;
            return random;
        }

        public readonly uint FlashBytes, LineBytes, Replacement;
        public readonly int UnitShift, LineShift;
        public readonly bool WholeLine;
        public readonly Cache Instructions, Data;
        public const uint LeastRecentlyUsed = 0, Random = 2;

        private static bool IsPowerOfTwo(uint value) => value != 0 && (value & (value - 1)) == 0;

        private static int Log2(uint value)
        {
            var log = 0;
            while(value >> log > 1)
            {
                log++;
            }
            return log;
        }

        private readonly uint flash;
        private ulong ticks;
        private uint random = 0x2545F491u;
    }
}
