/* Caches between core and flash, simulated for the profiler plugin. Runs on the host.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 *
 * The flash is read in units of read_bytes; a cache line holds one or more units. A line is
 * allocated at the first miss in it. A miss brings the one unit that was asked for, or with
 * whole=1 the whole line. The unit that a port (instructions, data) read last stays in its buffer
 * and is served from there: that is no cache access. Without a cache the buffer is all there is. A
 * unified cache serves both ports and has one buffer.
 *
 * Lookup is by a table over all lines of the flash, so that associativity costs nothing at a hit.
 * Nothing here depends on time or on the host: equal streams give equal counts.
 */
#include <stdbool.h>
#include <stdint.h>

#define NO_UNIT UINT32_MAX
enum replacement { REPLACE_LRU, REPLACE_FIFO, REPLACE_RANDOM, REPLACEMENTS };

struct cache {
    uint32_t bytes, ways; /* of the arguments; ways 0: fully associative */
    uint32_t sets;
    uint32_t last_unit; /* in the read buffer */
    uint16_t *slot_of;  /* by line of the flash: slot + 1, 0 where it is not cached */
    uint32_t *line_in;  /* by slot: which line is there */
    uint64_t *used;     /* by slot: when it was used (LRU) or filled (FIFO) last; 0: never */
    uint64_t *present;  /* by slot: a bit for each unit of the line */
};

static uint32_t flash_base, flash_bytes; /* flash_bytes 0: nothing is simulated */
static uint32_t read_bytes, cache_line_bytes, whole_line, replacement, unified;
static struct cache caches[2] = {{.last_unit = NO_UNIT}, {.last_unit = NO_UNIT}};
static struct cache *instructions_cache = &caches[0], *data_cache = &caches[1];

static uint32_t unit_shift; /* address to unit */
static uint32_t line_shift; /* unit to line */
static uint64_t ticks;
static uint32_t random_state = 0x2545F491u;

static bool power_of_two(uint32_t value)
{
    return value && !(value & (value - 1));
}

/* Why the cache cannot be had, or NULL. */
static const char *cache_fault(const struct cache *c)
{
    uint32_t lines = c->bytes / cache_line_bytes;

    if (c->bytes % cache_line_bytes || lines >= UINT16_MAX)
        return "a cache size is not a number of its lines, or too large";
    if (c->ways && lines % c->ways)
        return "a cache's lines do not divide by its ways";
    return NULL;
}

static const char *caches_fault(void)
{
    const char *fault;

    if (!power_of_two(read_bytes) || !power_of_two(cache_line_bytes) || read_bytes < 4 ||
        cache_line_bytes < read_bytes || cache_line_bytes / read_bytes > 64)
        return "read and line must be powers of two, 4 <= read <= line <= 64 * read";
    if (flash_bytes > 1u << 28 || flash_base > UINT32_MAX - flash_bytes)
        return "the flash is too large";
    if (replacement >= REPLACEMENTS || whole_line > 1 || unified > 1)
        return "replacement, whole or unified is out of range";
    if (!(fault = cache_fault(&caches[0])))
        fault = cache_fault(&caches[1]);
    return fault;
}

static void make_cache(struct cache *c, void *(*zeroed)(size_t count, size_t size))
{
    uint32_t lines = c->bytes / cache_line_bytes;

    if (!lines)
        return;
    if (!c->ways)
        c->ways = lines;
    c->sets = lines / c->ways;
    c->slot_of = zeroed(flash_bytes / cache_line_bytes + 1, sizeof *c->slot_of);
    c->line_in = zeroed(lines, sizeof *c->line_in);
    c->used = zeroed(lines, sizeof *c->used);
    c->present = zeroed(lines, sizeof *c->present);
}

static void make_caches(void *(*zeroed)(size_t count, size_t size))
{
    unit_shift = (uint32_t)__builtin_ctz(read_bytes);
    line_shift = (uint32_t)__builtin_ctz(cache_line_bytes / read_bytes);
    make_cache(&caches[0], zeroed);
    if (unified)
        data_cache = instructions_cache;
    else
        make_cache(&caches[1], zeroed);
}

/* The slot of a set to fill: an empty one first, in the order of the ways. */
static uint32_t victim(const struct cache *c, uint32_t set)
{
    uint32_t first = set * c->ways, oldest = first;

    for (uint32_t slot = first; slot < first + c->ways; slot++) {
        if (!c->used[slot])
            return slot;
        if (c->used[slot] < c->used[oldest])
            oldest = slot;
    }
    if (replacement != REPLACE_RANDOM)
        return oldest;
    random_state ^= random_state << 13; /* xorshift32 */
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return first + random_state % c->ways;
}

static void allocate(struct cache *c, uint32_t line)
{
    uint32_t slot = victim(c, line % c->sets);

    if (c->used[slot])
        c->slot_of[c->line_in[slot]] = 0;
    c->slot_of[line] = (uint16_t)(slot + 1);
    c->line_in[slot] = line;
    c->used[slot] = ++ticks;
    c->present[slot] = 0;
}

/* Read a unit that is not in the buffer; whether the flash had to be read. */
static inline bool missed(struct cache *c, uint32_t unit)
{
    uint32_t line = unit >> line_shift, slot;
    uint64_t bit = 1ull << (unit & ((1u << line_shift) - 1));

    c->last_unit = unit;
    if (!c->slot_of)
        return true;
    if (!c->slot_of[line])
        allocate(c, line);
    slot = c->slot_of[line] - 1u;
    if (replacement == REPLACE_LRU)
        c->used[slot] = ++ticks;
    if (c->present[slot] & bit)
        return false;
    c->present[slot] |= whole_line ? ~0ull : bit;
    return true;
}
