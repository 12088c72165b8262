/* SPDX-License-Identifier: MIT */
/* cast.c - see cast.h */
#include "tensor/cast.h"

#include "tensor/cast_fast.h"

static double larger(double a, double b)
{
    return a > b ? a : b;
}

void fletch_cast_report_add(struct fletch_cast_report *report,
                            const struct fletch_cast_report *more)
{
    report->rounded += more->rounded;
    report->flushed += more->flushed;
    report->subnormal += more->subnormal;
    report->overflowed += more->overflowed;
    report->nan += more->nan;
    report->absolute_error = larger(report->absolute_error, more->absolute_error);
    report->relative_error = larger(report->relative_error, more->relative_error);
}

bool fletch_cast_report_is_exact(const struct fletch_cast_report *report)
{
    return report->rounded == 0 && report->overflowed == 0;
}

static const struct {
    const char *name;
    fletch_cast_fn (*find)(enum fletch_dtype from, enum fletch_dtype to);
} KERNELS[] = {
    { "avx2", fletch_cast_find_avx2 },
    { "neon", fletch_cast_find_neon },
    { "c", fletch_cast_find_plain },
};
#define KERNELS_COUNT (sizeof(KERNELS) / sizeof(KERNELS[0]))

fletch_cast_fn fletch_cast_find(enum fletch_dtype from, enum fletch_dtype to)
{
    fletch_cast_fn found = NULL;

    for (size_t i = 0; i < KERNELS_COUNT && !found; i++)
        found = KERNELS[i].find(from, to);
    return found;
}

const char *fletch_cast_kernels(void)
{
    size_t i = 0;

    while (!KERNELS[i].find(FLETCH_F32, FLETCH_F16))
        i++;
    return KERNELS[i].name;
}
