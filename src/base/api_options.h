/* SPDX-License-Identifier: MIT */
/* api_options.h - the caller's options, from any version of the header */
#ifndef FLETCH_BASE_API_OPTIONS_H
#define FLETCH_BASE_API_OPTIONS_H

#include "base/error.h"

/* The size that a size of 0 stands for: up to the last member of API version 1. Never
 * changes. */
#define FLETCH_OPTIONS_FIRST_SIZE (offsetof(struct fletch_options, user) + sizeof(void *))

/* Copies the options (NULL: the defaults) and zeroes the members that the caller's header
 * lacks. ARGUMENT for a size below the first version's, and for options of a newer header
 * that this library does not know. */
enum fletch_status fletch_options_take(struct fletch_options *out,
                                       const struct fletch_options *options,
                                       struct fletch_error *err);
/* FLETCH_ERR_CANCELLED when the cancel callback says so. */
enum fletch_status fletch_check_cancel(const struct fletch_options *options,
                                       struct fletch_error *err);

#endif
