// Renode hook: counts translation blocks per region, inside windows, and flash cache misses.
// Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
//
// Renode compiles this file and those beside it when a script includes all of them in one command; the
// compiler of its Mono builds knows C# 7.0. That adds one command to the monitor, to be given after the
// firmware was loaded and before the machine starts:
//
//     include @.../hil_blocks.cs @.../hil_caches.cs @.../hil_profiler.cs @.../hil_settings.cs @.../hil_thumb.cs
//     sysbus.cpu HilProfile "begin=ADDR,end=ADDR,..." "PATH OF THE RECORD FILE"
//
// Settings, counting and the record file are those of the QEMU plugin, ../hil_profiler.c, whose head
// comment describes them. Both must give equal counts for equal firmware. What differs between the emulators:
//   - Renode cuts a block also where its time slice ends. The pieces are joined like those of QEMU.
//   - Renode's blocks go on over the ends of pages, QEMU's do not. Code is fetched in QEMU's portions, each
//     when its first instruction runs or reads memory, so that code and data use a cache in one order.
//   - The hook gets the start of a block and its number of instructions; the end is found by decoding.
//   - Renode reports a block again that a pause of the machine kept from running; it is counted once.
// Outside windows only a breakpoint at their begin is set, and the firmware runs at full speed.

using System;
using System.IO;

using Antmicro.Renode.Exceptions;
using Antmicro.Renode.Logging;
using Antmicro.Renode.Logging.Profiling;
using Antmicro.Renode.Peripherals;
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

        // Watch for the first window: until then the firmware runs at full speed.
        public void Attach()
        {
            if(windowsLeft != 0)
            {
                cpu.AddHook(begin, OnBegin);
            }
        }

        private void OnBegin(ICpuSupportingGdb _, ulong address)
        {
            if(!isOpen)
            {
                if(caches.FlashBytes != 0)
                {
                    cpu.SetHookAtMemoryAccess(OnAccess);
                }
                cpu.SetHookAtBlockBegin(OnBlock); // has all code translated anew, with both hooks
            }
        }

        private void Detach()
        {
            cpu.SetHookAtMemoryAccess(null);
            cpu.SetHookAtBlockBegin((Action<ulong, uint>)null);
            if(windowsLeft == 0)
            {
                cpu.RemoveHook(begin, OnBegin);
            }
        }

        private void OnBlock(ulong address, uint instructions)
        {
            if(!isOpen && (uint)address != begin)
            {
                return;
            }
            var executedBefore = cpu.ExecutedInstructions;
            if(isOpen && executedBefore == executed)
            {
                return;
            }
            executed = executedBefore;
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
            isOpen = false;
            try
            {
                WriteRecord();
                windowsLeft--;
            }
            catch(IOException e)
            {
                cpu.Log(LogLevel.Error, "hil_profiler: cannot write the record file: {0}", e.Message);
                windowsLeft = 0;
            }
            window++;
            Detach();
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

        // What cannot be written stays in the stream's buffer: its finalizer must not try again, where
        // nothing catches the exception.
        private void WriteAll(byte[] bytes)
        {
            GC.SuppressFinalize(file);
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
        private ulong executed; // instructions before the block that was reported last
        private bool isOpen;
        private Cell[][] cells; // by region and block
        private Cell previous; // of the block that ran last
        private Cell running; // of the block that runs now
        private Block cut; // ran, and waits to be joined with what follows it
        private Cell cutMisses = new Cell();
    }
}
