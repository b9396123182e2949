// The blocks of code that ran, for the Renode profiler.
// Copyright the hil authors. SPDX-License-Identifier: Apache-2.0

using System.Collections.Generic;

using Antmicro.Renode.Peripherals.Bus;

namespace Hil
{
    // Code from Start up to End, as it was translated, or pieces joined.
    public sealed class Block
    {
        public uint Start, End, Instructions;
        public int Id;
        public bool IsCut, IsBegin, IsEnd, IsMark;
        public Block Next; // in the table: of the same hash
    }

    // What QEMU would translate as one block, from one address on: the code that is fetched at once.
    public sealed class Portion
    {
        public uint End, FirstUnit, Units; // no units: the code is not in the flash
    }

    // How often a block ran in a region, and what it missed there.
    public sealed class Cell
    {
        public ulong Executed, Taken, Jump, Sequential, Data;
    }

    // Every distinct block, by start and end; those that the emulator gives also by its length.
    public sealed class Blocks
    {
        public Blocks(IBusController bus, Settings settings)
        {
            this.bus = bus;
            this.settings = settings;
            var read = settings["read"];
            while(read > 1u << unitShift)
            {
                unitShift++;
            }
        }

        public Block Translated(uint start, uint instructions)
        {
            var slot = Slot(start, instructions);
            for(var block = translated[slot]; block != null; block = block.Next)
            {
                if(block.Start == start && block.Instructions == instructions)
                {
                    return block;
                }
            }
            var made = Decode(start, instructions);
            made.Next = translated[slot];
            translated[slot] = made;
            return made;
        }

        public Block Joined(Block first, Block second)
        {
            var key = (ulong)first.Start << 32 | second.End;
            if(!joined.TryGetValue(key, out var block))
            {
                block = Make(first.Start, second.End, first.Instructions + second.Instructions);
                joined[key] = block;
            }
            return block;
        }

        public Portion PortionAt(uint start)
        {
            if(!portions.TryGetValue(start, out var portion))
            {
                portion = MakePortion(start);
                portions[start] = portion;
            }
            return portion;
        }

        public readonly List<Block> All = new List<Block>();

        private Block Decode(uint start, uint instructions)
        {
            uint at = start, first = 0, second = 0;
            for(var i = 0u; i < instructions; i++)
            {
                first = bus.ReadWord(at);
                second = Thumb.IsWide(first) ? bus.ReadWord(at + 2u) : 0u;
                at += Thumb.IsWide(first) ? 4u : 2u;
            }
            var key = (ulong)start << 32 | at;
            if(!joined.TryGetValue(key, out var same))
            {
                same = Make(start, at, instructions);
                joined[key] = same;
            }
            same.IsCut = !Thumb.MayLeave(first, second);
            return same;
        }

        private Block Make(uint start, uint end, uint instructions)
        {
            var block = new Block { Start = start, End = end, Instructions = instructions, Id = All.Count };
            var sled = settings["sled"];
            block.IsBegin = start == settings["begin"];
            block.IsEnd = start == settings["end"];
            block.IsMark = sled != 0 && start - sled < 2 * settings["slots"] && (start - sled) % 2 == 0;
            All.Add(block);
            return block;
        }

        // Up to what may leave, or the end of the page; what lies across it is a portion of its own.
        private Portion MakePortion(uint start)
        {
            uint at = start, pageEnd = (start | (PageBytes - 1)) + 1, flash = settings["flash"];
            bool goesOn;
            do
            {
                uint first = bus.ReadWord(at), second = Thumb.IsWide(first) ? bus.ReadWord(at + 2u) : 0u;
                at += Thumb.IsWide(first) ? 4u : 2u;
                goesOn = !Thumb.MayLeave(first, second) && at < pageEnd &&
                    !(at == pageEnd - 2 && Thumb.IsWide(bus.ReadWord(at)));
            }
            while(goesOn);
            var portion = new Portion { End = at };
            if(start - flash < settings["flash_size"])
            {
                portion.FirstUnit = (start - flash) >> unitShift;
                portion.Units = ((at - 1 - flash) >> unitShift) - portion.FirstUnit + 1;
            }
            return portion;
        }

        private static uint Slot(uint start, uint instructions) => (start * 2654435761u ^ instructions * 40503u) >> 16;

        private const uint PageBytes = 1024; // QEMU's, for a Cortex-M

        private readonly IBusController bus;
        private readonly Settings settings;
        private readonly int unitShift;
        private readonly Block[] translated = new Block[1 << 16];
        private readonly Dictionary<ulong, Block> joined = new Dictionary<ulong, Block>();
        private readonly Dictionary<uint, Portion> portions = new Dictionary<uint, Portion>();
    }
}
