/* What both adapters need: marks, messages, and the little of a C++ runtime that is left.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_tflm.h"

#include <cstdarg>

#include "tensorflow/lite/micro/debug_log.h"

extern "C" {
#include "hil_dut.h"
#include "hil_port.h"
}

namespace hil_tflm {

OpMarks marks;

uint32_t OpMarks::BeginEvent(const char *tag)
{
    (void)tag;
    if (depth_++ == 0) {
        hil_op_begin(op_);
    }
    return 0;
}

void OpMarks::EndEvent(uint32_t event)
{
    (void)event;
    if (--depth_ == 0) {
        hil_op_end(op_++);
    }
}

namespace {

/* The conversions of TFLM's messages, without stdio: %s %c %d %i %u %x %p %f, width ignored. */
void put_argument(char conversion, bool is_wide, va_list *args)
{
    switch (conversion) {
    case 's': {
        const char *text = va_arg(*args, const char *);
        hil_put(text != nullptr ? text : "(null)");
        break;
    }
    case 'c':
        hil_port_putc(static_cast<uint8_t>(va_arg(*args, int)));
        break;
    case 'd':
    case 'i':
        hil_put_i32(static_cast<int32_t>(is_wide ? va_arg(*args, long long) : va_arg(*args, int)));
        break;
    case 'u':
        hil_put_u64(is_wide ? va_arg(*args, unsigned long long) : va_arg(*args, unsigned));
        break;
    case 'x':
    case 'X':
    case 'p':
        hil_put_hex32(va_arg(*args, unsigned));
        break;
    case 'e':
    case 'f':
    case 'g':
        hil_put_milli(static_cast<float>(va_arg(*args, double)));
        break;
    default:
        hil_port_putc(static_cast<uint8_t>(conversion));
        break;
    }
}

bool is_modifier(char byte)
{
    return (byte >= '0' && byte <= '9') || byte == '.' || byte == '-' || byte == '+' ||
           byte == ' ' || byte == '#' || byte == 'h' || byte == 'l' || byte == 'z' || byte == 't';
}

void put_formatted(const char *format, va_list *args)
{
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            if (*format != '\n' && *format != '\r') {
                hil_port_putc(static_cast<uint8_t>(*format));
            }
            continue;
        }
        int longs = 0;
        format++;
        while (is_modifier(*format)) {
            longs += *format == 'l';
            format++;
        }
        if (*format == '\0') {
            return;
        }
        put_argument(*format, longs > 1, args);
    }
}

} // namespace
} // namespace hil_tflm

/* TFLM's own implementations of these stay in the archive: ours come first. MicroPrintf ends a
 * message with a call of its own for the line end, which is no message. */
extern "C" void DebugLog(const char *format, va_list args)
{
    va_list copy;

    while (*format == '\n' || *format == '\r') {
        format++;
    }
    if (*format == '\0') {
        return;
    }
    hil_put("m-hil-log-[");
    va_copy(copy, args);
    hil_tflm::put_formatted(format, &copy);
    va_end(copy);
    hil_put("]");
    hil_put_line_end();
}

#ifndef TF_LITE_STRIP_ERROR_STRINGS
extern "C" int DebugVsnprintf(char *buffer, size_t size, const char *format, va_list args)
{
    (void)format;
    (void)args;
    if (size > 0) {
        buffer[0] = '\0';
    }
    return 0;
}
#endif

/* newlib's own would bring stdio with it. A library built without NDEBUG asserts. */
extern "C" void __assert_func(const char *file, int line, const char *function,
                              const char *expression) __attribute__((noreturn));
extern "C" void __assert_func(const char *file, int line, const char *function,
                              const char *expression)
{
    (void)function;
    hil_put("m-hil-log-[assertion failed: ");
    hil_put(expression);
    hil_put(" in ");
    hil_put(file);
    hil_put(":");
    hil_put_i32(line);
    hil_put("]");
    hil_put_line_end();
    __builtin_trap();
}

/* Nothing is ever deleted, but virtual destructors refer to it. */
void operator delete(void *pointer) noexcept
{
    (void)pointer;
}

void operator delete(void *pointer, size_t size) noexcept
{
    (void)pointer;
    (void)size;
}

extern "C" {
void *__dso_handle = nullptr;
int __aeabi_atexit(void *object, void (*destructor)(void *), void *handle);
int __aeabi_atexit(void *object, void (*destructor)(void *), void *handle)
{
    (void)object;
    (void)destructor;
    (void)handle;
    return 0;
}
void __cxa_pure_virtual(void);
void __cxa_pure_virtual(void)
{
    __builtin_trap();
}
}
