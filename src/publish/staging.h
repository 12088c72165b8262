/* SPDX-License-Identifier: MIT */
/* staging.h - an output folder that appears complete or not at all
 *
 * Everything is written into a folder beside the final one (.NAME.fletch-PID-NUMBER) and
 * synced; one rename then puts it in place (or exchanges it with an older output, which is
 * removed afterwards). The folder is locked while its process lives; the next run removes
 * what a killed process left.
 */
#ifndef FLETCH_PUBLISH_STAGING_H
#define FLETCH_PUBLISH_STAGING_H

#include "base/file.h"

struct fletch_staging;

/* Checks the output folder and creates the staging folder, parents included. ARGUMENT when
 * the output folder holds entries that fletch did not write, naming one, unless `force`:
 * then they are kept, except those with names of files to be written. */
enum fletch_status fletch_staging_open(struct fletch_staging **out, const char *out_dir,
                                       bool force, struct fletch_error *err);
/* The folder to write into; borrowed. */
const char *fletch_staging_path(const struct fletch_staging *staging);
/* Syncs the staging folder and puts it in place. On failure the old output is unchanged.
 */
enum fletch_status fletch_staging_publish(struct fletch_staging *staging,
                                          struct fletch_error *err);
/* Removes what was not published. Takes NULL. */
void fletch_staging_close(struct fletch_staging *staging);

#endif
