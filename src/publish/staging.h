/* SPDX-License-Identifier: MIT */
/* staging.h - an output folder that appears complete or not at all
 *
 * Everything is written into a folder beside the final one (.NAME.fletch-PID), synced, and
 * then takes its place in one rename (exchanged with an older output, which is removed
 * after). Such a folder holds a lock while its process lives; what a killed process left is
 * removed by the next.
 */
#ifndef FLETCH_PUBLISH_STAGING_H
#define FLETCH_PUBLISH_STAGING_H

#include "base/file.h"

struct fletch_staging;

/* Checks the output folder and makes the staging folder, parents included. ARGUMENT when it
 * holds entries that fletch did not write, naming one, unless `force`; then they are kept,
 * but for those that have the names of what is written. */
enum fletch_status fletch_staging_open(struct fletch_staging **out, const char *out_dir,
                                       bool force, struct fletch_error *err);
/* The folder to write into; borrowed. */
const char *fletch_staging_path(const struct fletch_staging *staging);
/* Syncs and puts the staging folder in its place. On failure the old output is as it was.
 */
enum fletch_status fletch_staging_publish(struct fletch_staging *staging,
                                          struct fletch_error *err);
/* Removes what was not published. Takes NULL. */
void fletch_staging_close(struct fletch_staging *staging);

#endif
