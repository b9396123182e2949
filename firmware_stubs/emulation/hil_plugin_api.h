/* The part of QEMU's plugin API that the profiler uses: Debian ships no qemu-plugin.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 *
 * QEMU 7.2 loads plugins of API version 1 only, QEMU 9.0 and later of version 2 and up.
 * Of the functions used here only qemu_plugin_insn_data changed in between. The exported version number is therefore
 * set by a constructor, which runs before QEMU reads it, from what the running QEMU exports.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef struct qemu_info_t {
    const char *target_name;
    struct {
        int min, cur;
    } version; /* more follows; not used here */
} qemu_info_t;
enum { CB_NO_REGS = 0, MEM_READ = 1, MEM_READ_WRITE = 3 };

void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                           void (*cb)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
                                          void (*cb)(unsigned int vcpu, void *userdata), int flags,
                                          void *userdata);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);
uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *insn);
/* As declared up to API version 2; from version 3 on it copies into a buffer. */
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t insn_data_v3(const struct qemu_plugin_insn *insn, void *dest,
                    size_t len) __asm__("qemu_plugin_insn_data");
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn,
                                      void (*cb)(unsigned int vcpu, uint32_t info, uint64_t vaddr,
                                                 void *userdata),
                                      int flags, int direction, void *userdata);
unsigned int qemu_plugin_mem_size_shift(uint32_t info);
bool qemu_plugin_mem_is_store(uint32_t info);

/* Only their presence matters: each came with an API version. */
extern void qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(void) __attribute__((weak)); /* 2 */
extern void qemu_plugin_read_memory_vaddr(void) __attribute__((weak));                     /* 4 */
extern void qemu_plugin_write_register(void) __attribute__((weak));                        /* 5 */
