/* SPDX-License-Identifier: MIT */
/* error.h - how failures are reported
 *
 * The function that knows most describes the failure once, with fletch_fail. Its callers
 * pass the status up with TRY, and the caller that knows the file or the tensor puts its
 * name in front with fletch_error_prefix. A message names the thing, what was found, what
 * was expected and, for formats, the byte offset.
 */
#ifndef FLETCH_BASE_ERROR_H
#define FLETCH_BASE_ERROR_H

#include <fletch/fletch.h>

#if defined(__GNUC__)
#define FLETCH_PRINTF(format_at, args_at)                                                  \
    __attribute__((format(printf, format_at, args_at)))
#else
#define FLETCH_PRINTF(format_at, args_at)
#endif

/* Fills in `err` (may be NULL) and returns `status`. Control characters in the text become
 * '?', so that the message stays one line whatever a file contained. */
enum fletch_status fletch_fail(struct fletch_error *err, enum fletch_status status,
                               const char *format, ...) FLETCH_PRINTF(3, 4);

/* FLETCH_ERR_MEMORY with the standard sentence: "out of memory (N bytes for WHAT)". */
enum fletch_status fletch_fail_memory(struct fletch_error *err, size_t size,
                                      const char *what);

/* As strerror, but names the limits that a user can raise. */
const char *fletch_errno_text(int number);

/* Puts "PREFIX: " in front of the message of a failure that was just reported. */
void fletch_error_prefix(struct fletch_error *err, const char *format, ...)
    FLETCH_PRINTF(2, 3);

/* The callback that long work asks whether to stop. Zeroed: it never stops. */
struct fletch_cancel {
    fletch_cancel_fn ask;
    void *user; /* passed to `ask` */
};

/* FLETCH_ERR_CANCELLED when the callback asks to stop. */
enum fletch_status fletch_cancel_check(const struct fletch_cancel *cancel,
                                       struct fletch_error *err);

/* How many bytes of a name from a file a message shows: the reason must still fit. */
#define FLETCH_SHOWN 160

/* Passes a failure up to the caller. */
#define TRY(call)                                                                          \
    do {                                                                                   \
        enum fletch_status try_status_ = (call);                                           \
        if (try_status_)                                                                   \
            return try_status_;                                                            \
    } while (0)

#endif
