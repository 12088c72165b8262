/* SPDX-License-Identifier: MIT */
/* codec_internal.h - what the codecs' files share: how a bad page and a bad piece are said
 */
#ifndef FLETCH_CODEC_CODEC_INTERNAL_H
#define FLETCH_CODEC_CODEC_INTERNAL_H

#include "codec/codec.h"

/* "CODEC page of IN bytes, to become OUT: REASON". Returns `status`. */
enum fletch_status fletch_page_fail(struct fletch_error *err, enum fletch_status status,
                                    const char *codec, uint64_t in_size, uint64_t out_size,
                                    const char *reason);
/* Unless the piece is a whole page: ARGUMENT, for the codecs that do not join pieces. */
enum fletch_status fletch_page_check_whole(const struct fletch_piece *piece,
                                           const char *codec, struct fletch_error *err);
/* Unless `cap` suffices: ARGUMENT. */
enum fletch_status fletch_page_check_room(size_t cap, size_t bound, const char *codec,
                                          struct fletch_error *err);

/* An encoder for codecs whose compressors have no state. */
enum fletch_status fletch_page_encoder_open(struct fletch_encoder **out, int level,
                                            struct fletch_error *err);
void fletch_page_encoder_close(struct fletch_encoder *encoder);
/* The memory it takes beside the pages: none. */
size_t fletch_page_encoder_size(int level);

#endif
