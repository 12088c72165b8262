/* SPDX-License-Identifier: MIT */
/* cast_details.h - what each cast did */
#ifndef FLETCH_CLI_NOTES_H
#define FLETCH_CLI_NOTES_H

#include <fletch/fletch.h>

/* A line of talk for each row of a conversion. */
void fletch_cast_details_say(const struct fletch_result *result);

#endif
