/* SPDX-License-Identifier: MIT */
/* hub.h - names of models on the hub that a user gives in place of a path
 *
 * The library reads no environment and knows no cache, so it can only say that there is no
 * such folder. The command looks where huggingface_hub keeps its downloads, and says which
 * path to give.
 */
#ifndef FLETCH_CLI_HUB_H
#define FLETCH_CLI_HUB_H

#include <fletch/fletch.h>

/* Where `err` says that there is no `model`, and a model of that name is in the cache: says
 * so in place of it. */
void fletch_hub_advise(struct fletch_error *err, const char *model);

#endif
