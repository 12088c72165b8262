/* SPDX-License-Identifier: MIT */
/* notes.h - what each cast did */
#ifndef FLETCH_CLI_NOTES_H
#define FLETCH_CLI_NOTES_H

#include <fletch/fletch.h>

/* A line of talk for each row of a conversion. */
void fletch_notes_say(const struct fletch_result *result);

#endif
