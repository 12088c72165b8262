/* SPDX-License-Identifier: MIT */
/* previous_output.h - checks that the files a conversion would replace come from a
 * conversion
 */
#ifndef FLETCH_PUBLISH_PREVIOUS_OUTPUT_H
#define FLETCH_PUBLISH_PREVIOUS_OUTPUT_H

#include "base/error.h"
#include "base/mem.h"

/* ARGUMENT when a file in `folder` has a name of ours but content that no converter writes
 * there (it is named), or when nothing identifies the folder as an output. IO for a file
 * that cannot be read. Paths go to the arena. */
enum fletch_status fletch_previous_output_check(const char *folder,
                                                struct fletch_arena *arena,
                                                struct fletch_error *err);

#endif
