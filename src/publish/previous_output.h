/* SPDX-License-Identifier: MIT */
/* previous_output.h - whether the files that a conversion would replace are a conversion's
 */
#ifndef FLETCH_PUBLISH_PREVIOUS_OUTPUT_H
#define FLETCH_PUBLISH_PREVIOUS_OUTPUT_H

#include "base/error.h"
#include "base/mem.h"

/* ARGUMENT when a file in `folder` has a name of ours, but not what a converter writes in
 * it, naming it; or when nothing there says that it is an output. IO for one that cannot
 * be read. Paths go to the arena. */
enum fletch_status fletch_previous_output_check(const char *folder,
                                                struct fletch_arena *arena,
                                                struct fletch_error *err);

#endif
