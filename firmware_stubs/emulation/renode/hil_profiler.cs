// Renode hook: counts translation blocks per region, inside windows, and flash cache misses.
// Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
//
// Renode compiles this file when a script says `include @.../hil_profiler.cs`; the compiler of its Mono
// builds knows C# 7.0. It adds one command to the monitor, to be given after the firmware was loaded and
// before the machine starts:
//
//     sysbus.cpu HilProfile "begin=ADDR,end=ADDR,..." "PATH OF THE RECORD FILE"
//
// Settings, counting and the record file are those of the QEMU plugin, ../hil_profiler.c, whose head
// comment describes them; the caches are those of ../hil_caches.h. Both must give equal counts for
// equal firmware. What differs between the emulators:
//   - Renode cuts a block also where its time slice ends. The pieces are joined like those of QEMU.
//   - Renode's blocks go on over the ends of pages, QEMU's do not. Code is fetched in QEMU's portions, each
//     when its first instruction runs or reads memory, so that code and data use a cache in one order.
//   - The hook gets the start of a block and its number of instructions; the end is found by decoding.
//   - A machine that is paused inside a window may report a block twice. Do not pause it there.
// After the last window the hooks are removed, and the firmware runs at full speed again.

using System;
using System.Collections.Generic;
using System.IO;

using Antmicro.Renode.Core;
using Antmicro.Renode.Exceptions;
using Antmicro.Renode.Logging.Profiling;
using Antmicro.Renode.Peripherals;
using Antmicro.Renode.Peripherals.Bus;
using Antmicro.Renode.Peripherals.CPU;

namespace Hil
{
    public static class ProfilerCommands
    {
        public static void HilProfile(this TranslationCPU cpu, string settings, string record)
        {
            var profiler = new Profiler(cpu, new Settings(settings), record);
            profiler.Attach();
        }
    }

    // The arguments, key=value with commas between them; numbers in decimal or with 0x.
    public sealed class Settings
    {
        public Settings(string text)
        {
            foreach(var pair in text.Split(new[] { ',' }, StringSplitOptions.RemoveEmptyEntries))
            {
                var parts = pair.Split('=');
                if(parts.Length != 2 || Array.IndexOf(Keys, parts[0]) < 0)
                {
                    throw new RecoverableException("hil_profiler: unknown argument '" + pair + "'");
                }
                values[parts[0]] = Number(parts[1]);
            }
            if(this["begin"] == 0 || this["end"] == 0)
            {
                throw new RecoverableException("hil_profiler: begin and end are required");
            }
            if(this["sled"] == 0)
            {
                values["slots"] = 1;
            }
            if(this["slots"] == 0 || this["slots"] > MaxSlots)
            {
                throw new RecoverableException("hil_profiler: slots is out of range");
            }
        }

        public uint this[string key] => values.TryGetValue(key, out var value) ? value : key == "windows" ? 1u : 0u;

        private static uint Number(string text)
        {
            try
            {
                return text.StartsWith("0x", StringComparison.Ordinal) ? Convert.ToUInt32(text, 16) : uint.Parse(text);
            }
            catch(Exception)
            {
                throw new RecoverableException("hil_profiler: '" + text + "' is not a number of 32 bits");
            }
        }

        private static readonly string[] Keys =
        {
            "begin", "end", "sled", "slots", "windows", "flash", "flash_size", "read", "line", "icache", "iways",
            "dcache", "dways", "unified", "whole", "replace"
        };
        private const uint MaxSlots = 1 << 14;
        private readonly Dictionary<string, uint> values = new Dictionary<string, uint>();
    }

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

    // Counts what runs between begin and end, and writes it when the window closes.
    public sealed class Profiler
    {
        public Profiler(TranslationCPU cpu, Settings settings, string record)
        {
            this.cpu = cpu;
            begin = settings["begin"];
            sled = settings["sled"];
            slots = settings["slots"];
            windowsLeft = settings["windows"];
            caches = new FlashCaches(settings);
            blocks = new Blocks(cpu.GetMachine().SystemBus, settings);
            try
            {
                file = new FileStream(record, FileMode.Create, FileAccess.Write, FileShare.Read);
                WriteAll(System.Text.Encoding.ASCII.GetBytes("HILPROF1"));
            }
            catch(Exception e) when(e is IOException || e is UnauthorizedAccessException)
            {
                throw new RecoverableException("hil_profiler: cannot write the record file: " + e.Message);
            }
        }

        public void Attach()
        {
            if(windowsLeft == 0)
            {
                return;
            }
            if(caches.FlashBytes != 0)
            {
                cpu.SetHookAtMemoryAccess(OnAccess);
            }
            cpu.SetHookAtBlockBegin(OnBlock);
        }

        private void OnBlock(ulong address, uint instructions)
        {
            if(!isOpen && (uint)address != begin)
            {
                return;
            }
            var block = blocks.Translated((uint)address, instructions);
            if(!isOpen)
            {
                Open();
                Run(block);
                return;
            }
            FetchUpTo(runningEnd);
            if(block.IsEnd)
            {
                Close(block);
                return;
            }
            if(block.IsMark)
            {
                CountCut();
                Enter((block.Start - sled) / 2);
            }
            Run(block);
        }

        private void OnAccess(ulong pc, MemoryOperation operation, ulong virtualAddress, ulong address, uint width,
            ulong value)
        {
            if(isOpen && operation == MemoryOperation.MemoryRead)
            {
                FetchUpTo((uint)pc + 1);
                caches.Load((uint)address, width, running);
            }
        }

        private void Open()
        {
            isOpen = true;
            cells = new Cell[slots][];
            Enter(slots - 1);
            previous = new Cell();
            previousEnd = 0;
            fetchedEnd = runningEnd = 0;
        }

        private void Close(Block next)
        {
            CountCut();
            previous.Taken += next.Start != previousEnd ? 1u : 0u;
            WriteRecord();
            isOpen = false;
            window++;
            if(--windowsLeft == 0)
            {
                cpu.SetHookAtMemoryAccess(null);
                cpu.SetHookAtBlockBegin((Action<ulong, uint>)null);
                file.Dispose();
            }
        }

        private void Enter(uint index)
        {
            region = index;
            cells[index] = cells[index] ?? new Cell[1024];
        }

        private void Run(Block block)
        {
            var isFetched = cut != null && block.Start == cut.End && block.Start < fetchedEnd;
            var sequential = block.Start == (cut != null ? cut.End : previousEnd);
            if(block.IsCut)
            {
                cut = cut != null ? Join(block) : block;
                running = cutMisses;
            }
            else
            {
                Count(block);
                running = previous;
            }
            runningEnd = block.End;
            if(caches.FlashBytes != 0 && !isFetched)
            {
                Fetch(block.Start, sequential);
            }
        }

        private void Fetch(uint address, bool sequential)
        {
            var portion = blocks.PortionAt(address);
            caches.Fetch(portion, sequential, running);
            fetchedEnd = portion.End;
        }

        // Fetch the rest of the code before `address` that runs in one go with what was fetched last.
        private void FetchUpTo(uint address)
        {
            while(caches.FlashBytes != 0 && fetchedEnd < address)
            {
                Fetch(fetchedEnd, true);
            }
        }

        // Join the block with the piece before it, or count that piece alone if it is not what follows.
        private Block Join(Block block)
        {
            if(block.Start == cut.End)
            {
                return blocks.Joined(cut, block);
            }
            CountCut();
            return block;
        }

        private void Count(Block block)
        {
            if(cut != null)
            {
                var whole = Join(block);
                if(cut != null)
                {
                    cut = whole;
                    CountCut();
                    return;
                }
            }
            CountWhole(block);
        }

        private void CountCut()
        {
            if(cut == null)
            {
                return;
            }
            CountWhole(cut);
            cut = null;
            previous.Jump += cutMisses.Jump;
            previous.Sequential += cutMisses.Sequential;
            previous.Data += cutMisses.Data;
            cutMisses = new Cell();
        }

        private void CountWhole(Block block)
        {
            if(block.Start != previousEnd)
            {
                previous.Taken++;
            }
            previous = CellOf(block);
            previous.Executed++;
            previousEnd = block.End;
        }

        private Cell CellOf(Block block)
        {
            var row = cells[region];
            if(block.Id >= row.Length)
            {
                Array.Resize(ref row, 2 * block.Id);
                cells[region] = row;
            }
            return row[block.Id] ?? (row[block.Id] = new Cell());
        }

        private void WriteRecord()
        {
            var rows = new MemoryStream();
            var writer = new BinaryWriter(rows);
            uint count = 0;
            ulong instructions = 0;
            for(var index = 0u; index < slots; index++)
            {
                for(var id = 0; cells[index] != null && id < Math.Min(cells[index].Length, blocks.All.Count); id++)
                {
                    var cell = cells[index][id];
                    if(cell != null)
                    {
                        WriteRow(writer, sled != 0 && index == slots - 1 ? Between : index, blocks.All[id], cell);
                        instructions += blocks.All[id].Instructions * cell.Executed;
                        count++;
                    }
                }
            }
            var record = new MemoryStream();
            var header = new BinaryWriter(record);
            foreach(var value in new[] { RecordMagic, window, count, caches.FlashBytes != 0 ? WithMisses : 0 })
            {
                header.Write(value);
            }
            header.Write(instructions);
            rows.WriteTo(record);
            WriteAll(record.ToArray());
        }

        private void WriteRow(BinaryWriter writer, uint regionName, Block block, Cell cell)
        {
            foreach(var value in new[] { block.Start, block.End, regionName, block.Instructions })
            {
                writer.Write(value);
            }
            writer.Write(cell.Executed);
            writer.Write(cell.Taken);
            if(caches.FlashBytes != 0)
            {
                foreach(var misses in new[] { cell.Jump, cell.Sequential, cell.Data })
                {
                    writer.Write(misses);
                }
            }
        }

        private void WriteAll(byte[] bytes)
        {
            file.Write(bytes, 0, bytes.Length);
            file.Flush();
        }

        private const uint RecordMagic = 0x444E4957, WithMisses = 2, Between = uint.MaxValue;

        private readonly TranslationCPU cpu;
        private readonly FlashCaches caches;
        private readonly Blocks blocks;
        private readonly FileStream file;
        private readonly uint begin, sled, slots;
        private uint windowsLeft, window, region, previousEnd, runningEnd, fetchedEnd;
        private bool isOpen;
        private Cell[][] cells; // by region and block
        private Cell previous; // of the block that ran last
        private Cell running; // of the block that runs now
        private Block cut; // ran, and waits to be joined with what follows it
        private Cell cutMisses = new Cell();
    }
}
