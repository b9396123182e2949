// The arguments of the Renode profiler.
// Copyright the hil authors. SPDX-License-Identifier: Apache-2.0

using System;
using System.Collections.Generic;

using Antmicro.Renode.Exceptions;

namespace Hil
{
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
}
