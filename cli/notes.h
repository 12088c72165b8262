/* SPDX-License-Identifier: MIT */
/* notes.h - what each cast did, told from metadata.json's own account */
#ifndef FLETCH_CLI_NOTES_H
#define FLETCH_CLI_NOTES_H

/* A line of talk for each row. `metadata` is the text that a conversion has just made. */
void fletch_notes_say(const char *metadata);

#endif
