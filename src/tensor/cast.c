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

fletch_cast_fn fletch_cast_find(enum fletch_dtype from, enum fletch_dtype to)
{
    fletch_cast_fn fast = fletch_cast_find_fast(from, to);

    return fast ? fast : fletch_cast_find_plain(from, to);
}

const char *fletch_cast_kernels(void)
{
    const char *fast = fletch_cast_fast_name();

    return fast ? fast : "c";
}
