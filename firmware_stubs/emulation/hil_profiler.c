/* QEMU TCG plugin: counts translation blocks per region, inside windows, and flash cache misses.
 * Runs on the host.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 *
 * Arguments (key=value after the plugin's name; addresses in hex or decimal, no Thumb bit):
 *   begin=ADDR    a window opens when a block starts here; that block is counted
 *   end=ADDR      it closes when a block starts here; that block is not counted
 *   sled=ADDR     optional: a block that starts at sled+2*i sets the region to i, the last slot
 *   slots=N       sets it to "between ops". Without a sled everything is region 0.
 *   windows=K     windows recorded, the first K (default 1); later ones cost almost nothing
 *   out=PATH      the record file
 *   seen=PATH     optional: a file that gets one letter when each of these happens for the first
 *                 time: B a window opened, R begin was reached again inside one, E end outside
 * and, to simulate the caches between core and flash (hil_caches.h; off without flash_size):
 *   flash=ADDR flash_size=BYTES   where the flash is
 *   read=BYTES line=BYTES         one flash read, one cache line; powers of two
 *   icache=BYTES iways=N dcache=BYTES dways=N   0 bytes: none; 0 ways: fully associative
 *   unified=1     icache and iways describe a cache that serves data too
 *   whole=1       a miss brings the whole line, not one read of it
 *   replace=N     0 least recently used, 1 first in first out, 2 random (repeatable)
 *
 * What is counted: for each (block start, block end, region) how often the block was entered and
 * how often the next block that started was not the fall-through. Blocks that QEMU translates
 * again merge by (start, end). QEMU cuts blocks at pages and where they grow too long for it, which
 * differs between versions: such pieces are joined as they run and count as one block, up to the
 * next instruction that may leave it. A block left in its middle (an exception, a device access that
 * makes QEMU retranslate) counts as executed whole, and as taken when something else follows;
 * the windows of the DUT run with interrupts off, so that this does not occur in them.
 * For machines with one CPU: the counters are not synchronised.
 *
 * Caches see what runs inside the windows and keep their contents from one window to the next; the
 * first one starts cold. When a block starts, its flash units are fetched in order; then come the
 * loads of its instructions, as they run. A fetch that the flash had to serve counts as
 * sequential when the code before it in memory ran right before it, else as one at a jump.
 * Instructions that the core fetches beyond a taken branch are not seen.
 *
 * Record file, host byte order (little-endian wherever QEMU's arm target is packaged):
 *   8 bytes  "HILPROF1"
 *   then one record per window, written with one write when the window closes:
 *     u32 magic 0x444E4957 ("WIND"), u32 window, u32 rows, u32 flags (bit 0: block table was full,
 *     counts are incomplete; bit 1: rows have the last three fields), u64 instructions
 *     rows x { u32 start, u32 end, u32 region, u32 n_insns, u64 executed, u64 taken
 *              [, u64 misses at a jump, u64 sequential misses, u64 data misses] }
 *   region 0xFFFFFFFF is "between ops". A truncated last record means QEMU died while writing.
 */
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hil_caches.h"
#include "hil_plugin_api.h"
#include "hil_thumb.h"

EXPORT int qemu_plugin_version = 1;

__attribute__((constructor)) static void choose_version(void)
{
    if (qemu_plugin_write_register)
        qemu_plugin_version = 5;
    else if (qemu_plugin_read_memory_vaddr)
        qemu_plugin_version = 4;
    else if (qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu)
        qemu_plugin_version = 2;
}

/* --- state --- */

static int api_version; /* of the QEMU that runs, which may be above the one exported */

enum {
    MAX_BLOCKS = 1 << 16, /* distinct (start, end); firmware of the devices has a tenth of it */
    HASH_SIZE = MAX_BLOCKS * 2,
    MAX_SLOTS = 1 << 14,
};
#define BETWEEN UINT32_MAX

struct block {
    uint32_t start, end, n_insns, id;
    uint32_t first_unit, units; /* of the flash; no units: the code is elsewhere */
    bool is_cut;                /* ends for QEMU's reasons, not by an instruction that may leave */
};

struct cell {
    uint64_t executed, taken;
};

struct misses {
    uint64_t jump, sequential, data;
};

struct row {
    uint32_t start, end, region, n_insns;
    uint64_t executed, taken;
    struct misses misses; /* written only when caches are simulated */
};

enum { OVERFLOW = 1, WITH_MISSES = 2 };

struct record {
    uint32_t magic, window, rows, flags;
    uint64_t instructions;
};

static struct block blocks[MAX_BLOCKS]; /* id 0 is "nothing": also every block past the table */
static uint32_t hashed[HASH_SIZE];
static uint32_t n_blocks = 1;
static bool overflow;

/* counters[r] is one cell per block id; allocated when region r is first entered, and as zero
 * pages of the host, so that only what is touched takes memory. Index n_slots-1 is "between". */
static struct cell **counters;
static struct misses **missed_in; /* likewise, when caches are simulated */
static struct cell *idle;         /* counts outside windows go here and are never read */

static uint32_t addr_begin, addr_end, addr_sled, n_slots, max_windows = 1, windows;
static bool window_open;
static int out_fd = -1, seen_fd = -1;

static struct cell *current;  /* counters of the current region */
static struct cell *previous; /* cell of the block that ran last */
static uint32_t previous_end;
static struct misses *current_misses; /* of the current region */
static struct misses *running;        /* of the block that runs now */
static const struct block *cut;       /* ran, and waits to be joined with what follows it */
static struct misses cut_misses;      /* of it */

static void die(const char *what)
{
    fprintf(stderr, "hil_profiler: %s\n", what);
    exit(1);
}

static void *zeroed(size_t count, size_t size)
{
    void *memory = calloc(count, size);
    if (!memory)
        die("out of memory");
    return memory;
}

static void enter_region(uint32_t region)
{
    if (!counters[region]) {
        counters[region] = zeroed(MAX_BLOCKS, sizeof(struct cell));
        if (flash_bytes)
            missed_in[region] = zeroed(MAX_BLOCKS, sizeof(struct misses));
    }
    current = counters[region];
    if (flash_bytes)
        current_misses = missed_in[region];
}

/* --- the record --- */

static void write_all(const void *data, size_t size)
{
    const char *bytes = data;
    while (size) {
        ssize_t done = write(out_fd, bytes, size);
        if (done <= 0)
            die("cannot write the record file");
        bytes += done;
        size -= (size_t)done;
    }
}

static size_t row_bytes(void)
{
    return flash_bytes ? sizeof(struct row) : offsetof(struct row, misses);
}

/* Take a block's counts out of the tables. */
static struct row take(uint32_t region, uint32_t id)
{
    const struct block *b = &blocks[id];
    struct cell *cell = &counters[region][id];
    uint32_t name = addr_sled && region == n_slots - 1 ? BETWEEN : region;
    struct row row = {.start = b->start,
                      .end = b->end,
                      .region = name,
                      .n_insns = b->n_insns,
                      .executed = cell->executed,
                      .taken = cell->taken};

    *cell = (struct cell){0, 0};
    if (flash_bytes) {
        row.misses = missed_in[region][id];
        missed_in[region][id] = (struct misses){0, 0, 0};
    }
    return row;
}

/* Write the rows to `rows`, or only count them where that is NULL. */
static size_t collect(char *rows, uint64_t *instructions)
{
    size_t n = 0;
    for (uint32_t region = 0; region < n_slots; region++) {
        for (uint32_t id = 0; counters[region] && id < n_blocks; id++) {
            if (!counters[region][id].executed)
                continue;
            if (rows) {
                struct row row = take(region, id);
                *instructions += row.n_insns * row.executed;
                memcpy(rows + n * row_bytes(), &row, row_bytes());
            }
            n++;
        }
    }
    return n;
}

static void write_record(void)
{
    uint64_t instructions = 0;
    size_t n = collect(NULL, NULL);
    size_t size = sizeof(struct record) + n * row_bytes();
    struct record *record = zeroed(1, size);
    uint32_t flags = (overflow ? OVERFLOW : 0) | (flash_bytes ? WITH_MISSES : 0);

    collect((char *)(record + 1), &instructions);
    *record = (struct record){0x444E4957u, windows, (uint32_t)n, flags, instructions};
    write_all(record, size);
    free(record);
}

/* --- what runs with every block --- */

/* Fetch the block's code through the cache; `sequential` where it follows what ran before. */
static inline void fetch(const struct block *b, bool sequential)
{
    struct cache *cache = instructions_cache;

    for (uint32_t unit = b->first_unit, end = unit + b->units; unit != end; unit++) {
        if (unit != cache->last_unit && missed(cache, unit)) {
            if (sequential)
                running->sequential++;
            else
                running->jump++;
        }
        sequential = true;
    }
}

static inline void count_whole(const struct block *b)
{
    struct cell *cell = &current[b->id];
    previous->taken += b->start != previous_end;
    cell->executed++;
    previous = cell;
    previous_end = b->end;
}

static struct block *intern(uint32_t start, uint32_t end, uint32_t n_insns);

/* Count a block, or the pieces that make one, and what its cut pieces missed. */
static void count_pieces(const struct block *b)
{
    count_whole(b);
    cut = NULL;
    if (flash_bytes) {
        current_misses[b->id].jump += cut_misses.jump;
        current_misses[b->id].sequential += cut_misses.sequential;
        current_misses[b->id].data += cut_misses.data;
        cut_misses = (struct misses){0, 0, 0};
    }
}

/* Join `b` with the piece before it, or count that piece alone if `b` is not what follows it. */
static const struct block *join(const struct block *b)
{
    if (b->start == cut->end)
        return intern(cut->start, b->end, cut->n_insns + b->n_insns);
    count_pieces(cut);
    return b;
}

static inline void count(const struct block *b)
{
    if (cut) {
        const struct block *whole = join(b);
        if (cut) {
            count_pieces(whole);
            return;
        }
    }
    count_whole(b);
}

/* Inside a window: count a block and fetch its code. */
static inline void run(const struct block *b)
{
    bool sequential = b->start == (cut ? cut->end : previous_end);

    if (b->is_cut) {
        cut = cut ? join(b) : b;
        running = &cut_misses;
    } else {
        count(b);
        /* `previous` is this block's cell, whole. */
        running = flash_bytes ? &current_misses[previous - current] : NULL;
    }
    if (flash_bytes)
        fetch(b, sequential);
}

static void on_block(unsigned int vcpu, void *userdata)
{
    (void)vcpu;
    count(userdata);
}

/* With caches, or for a block that QEMU cut. */
static void on_other_block(unsigned int vcpu, void *userdata)
{
    (void)vcpu;
    if (window_open)
        run(userdata);
}

static void on_load(unsigned int vcpu, uint32_t info, uint64_t vaddr, void *userdata)
{
    struct cache *cache = data_cache;
    uint32_t offset = (uint32_t)vaddr - flash_base, unit, last;

    (void)vcpu;
    (void)userdata;
    if (offset >= flash_bytes || !window_open || qemu_plugin_mem_is_store(info))
        return;
    unit = offset >> unit_shift;
    last = (offset + (1u << qemu_plugin_mem_size_shift(info)) - 1) >> unit_shift;
    for (; unit <= last; unit++)
        if (unit != cache->last_unit && missed(cache, unit))
            running->data++;
}

/* Record what happened with the markers: it explains why no window was recorded. */
static void see(char event)
{
    static bool reported[128];

    if (seen_fd < 0 || reported[(int)event])
        return;
    reported[(int)event] = true;
    if (write(seen_fd, &event, 1) != 1)
        die("cannot write the file of what was seen");
}

static void on_begin(unsigned int vcpu, void *userdata)
{
    (void)vcpu;
    see(window_open ? 'R' : 'B');
    if (!window_open && windows < max_windows) {
        window_open = true;
        enter_region(n_slots - 1);
        previous = &idle[0];
        previous_end = 0;
    }
    if (window_open)
        run(userdata);
}

static void on_end(unsigned int vcpu, void *userdata)
{
    (void)vcpu;
    if (!window_open) {
        see('E');
        return;
    }
    if (cut)
        count_pieces(cut);
    previous->taken += ((const struct block *)userdata)->start != previous_end;
    write_record();
    window_open = false;
    windows++;
    current = idle;
    previous = &idle[0];
}

static void on_mark(unsigned int vcpu, void *userdata)
{
    const struct block *b = userdata;

    (void)vcpu;
    if (!window_open)
        return;
    if (cut)
        count_pieces(cut);
    enter_region((b->start - addr_sled) / 2);
    run(b);
}

/* --- translation --- */

static struct block *intern(uint32_t start, uint32_t end, uint32_t n_insns)
{
    uint32_t slot = (start * 2654435761u ^ end * 40503u) % HASH_SIZE;
    while (hashed[slot]) {
        struct block *known = &blocks[hashed[slot]];
        if (known->start == start && known->end == end)
            return known;
        slot = (slot + 1) % HASH_SIZE;
    }
    if (n_blocks == MAX_BLOCKS) {
        overflow = true;
        return &blocks[0];
    }
    blocks[n_blocks] = (struct block){start, end, n_insns, n_blocks, 0, 0, false};
    if (flash_bytes && start - flash_base < flash_bytes) {
        uint32_t first = (start - flash_base) >> unit_shift;
        uint32_t last = (end - 1 - flash_base) >> unit_shift;
        blocks[n_blocks].first_unit = first;
        blocks[n_blocks].units = last - first + 1;
    }
    hashed[slot] = n_blocks;
    return &blocks[n_blocks++];
}

static bool is_mark(uint32_t address)
{
    return addr_sled && address - addr_sled < 2 * n_slots && (address - addr_sled) % 2 == 0;
}

/* The half-words of an instruction; the second is of use only where there is one. */
static void read_insn(const struct qemu_plugin_insn *insn, uint16_t halfwords[2])
{
    halfwords[1] = 0;
    if (api_version < 3) {
        memcpy(halfwords, qemu_plugin_insn_data(insn), 2);
        if (is_wide(halfwords[0]))
            memcpy(halfwords, qemu_plugin_insn_data(insn), 4);
    } else {
        insn_data_v3(insn, halfwords, 4);
    }
}

/* Bytes of an instruction. With API version 1 (QEMU 7.2), the size of a 16-bit instruction before one
 * that crosses a page includes the half-word that the translator looked at next; its own first
 * half-word gives the right one. */
static uint32_t insn_size(const struct qemu_plugin_insn *insn)
{
    uint16_t halfwords[2];

    if (api_version > 1)
        return (uint32_t)qemu_plugin_insn_size(insn);
    read_insn(insn, halfwords);
    return is_wide(halfwords[0]) ? 4 : 2;
}

/* Let loads call back. What cannot load gets no callback: that is slower, and makes blocks larger
 * for QEMU, which then cuts them sooner. */
static void watch_loads(struct qemu_plugin_tb *tb, size_t n)
{
    /* QEMU 7.2 calls back for stores when asked for reads. */
    int direction = api_version > 1 ? MEM_READ : MEM_READ_WRITE;

    for (size_t i = 0; i < n; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
        uint16_t halfwords[2];

        read_insn(insn, halfwords);
        if (may_load(halfwords[0]))
            qemu_plugin_register_vcpu_mem_cb(insn, on_load, CB_NO_REGS, direction, NULL);
    }
}

static void on_translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
    size_t n = qemu_plugin_tb_n_insns(tb);
    const struct qemu_plugin_insn *last = qemu_plugin_tb_get_insn(tb, n - 1);
    uint32_t start = (uint32_t)qemu_plugin_tb_vaddr(tb);
    uint32_t end = (uint32_t)qemu_plugin_insn_vaddr(last) + insn_size(last);
    void (*callback)(unsigned int, void *) = on_block;
    struct block *block = intern(start, end, (uint32_t)n);
    uint16_t halfwords[2];

    (void)id;
    read_insn(last, halfwords);
    block->is_cut = !may_leave(halfwords[0], halfwords[1]);
    if (start == addr_begin)
        callback = on_begin;
    else if (start == addr_end)
        callback = on_end;
    else if (is_mark(start))
        callback = on_mark;
    else if (block->is_cut || flash_bytes)
        callback = on_other_block;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, callback, CB_NO_REGS, block);
    if (flash_bytes)
        watch_loads(tb, n);
}

/* --- start --- */

static int create(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    if (fd < 0)
        die("cannot create the record file");
    return fd;
}

static void parse(const char *argument)
{
    const char *value = strchr(argument, '=');
    size_t length = value ? (size_t)(value - argument) : 0;
    static const struct {
        const char *key;
        uint32_t *target;
    } numbers[] = {
        {"begin", &addr_begin},       {"end", &addr_end},         {"sled", &addr_sled},
        {"slots", &n_slots},          {"windows", &max_windows},  {"flash", &flash_base},
        {"flash_size", &flash_bytes}, {"read", &read_bytes},      {"line", &cache_line_bytes},
        {"icache", &caches[0].bytes}, {"iways", &caches[0].ways}, {"dcache", &caches[1].bytes},
        {"dways", &caches[1].ways},   {"unified", &unified},      {"whole", &whole_line},
        {"replace", &replacement}};

    for (size_t i = 0; value && i < sizeof numbers / sizeof *numbers; i++) {
        if (strlen(numbers[i].key) == length && !strncmp(argument, numbers[i].key, length)) {
            *numbers[i].target = (uint32_t)strtoul(value + 1, NULL, 0);
            return;
        }
    }
    if (length == 3 && !strncmp(argument, "out", length))
        out_fd = create(value + 1);
    else if (length == 4 && !strncmp(argument, "seen", length))
        seen_fd = create(value + 1);
    else
        die("unknown argument");
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info, int argc, char **argv)
{
    const char *fault;

    api_version = info->version.cur;
    for (int i = 0; i < argc; i++)
        parse(argv[i]);
    if (!addr_begin || !addr_end || out_fd < 0)
        die("begin, end and out are required");
    if (!addr_sled)
        n_slots = 1;
    if (!n_slots || n_slots > MAX_SLOTS)
        die("slots is out of range");
    counters = zeroed(n_slots, sizeof *counters);
    if (flash_bytes) {
        if ((fault = caches_fault()))
            die(fault);
        make_caches(zeroed);
        missed_in = zeroed(n_slots, sizeof *missed_in);
    }
    idle = zeroed(MAX_BLOCKS, sizeof *idle);
    current = idle;
    previous = &idle[0];
    write_all("HILPROF1", 8);
    qemu_plugin_register_vcpu_tb_trans_cb(id, on_translate);
    return 0;
}
