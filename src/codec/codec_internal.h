/* SPDX-License-Identifier: MIT */
/* codec_internal.h - what the codecs' files share: errors about a bad page or piece
 */
#ifndef FLETCH_CODEC_CODEC_INTERNAL_H
#define FLETCH_CODEC_CODEC_INTERNAL_H

#include "codec/codec.h"

/* "CODEC page of IN bytes, to become OUT: REASON". Returns `status`. */
enum fletch_status fletch_page_fail(struct fletch_error *err, enum fletch_status status,
                                    const char *codec, uint64_t in_size, uint64_t out_size,
                                    const char *reason);
/* ARGUMENT unless the piece is a whole page; for codecs whose pieces cannot be joined. */
enum fletch_status fletch_page_check_whole(const struct fletch_piece *piece,
                                           const char *codec, struct fletch_error *err);
/* ARGUMENT unless `cap` suffices. */
enum fletch_status fletch_page_check_room(size_t cap, size_t bound, const char *codec,
                                          struct fletch_error *err);

/* Opens an encoder for codecs whose compressors have no state. */
enum fletch_status fletch_page_encoder_open(struct fletch_encoder **out, int level,
                                            struct fletch_error *err);
void fletch_page_encoder_close(struct fletch_encoder *encoder);
/* The memory it takes besides the pages: none. */
size_t fletch_page_encoder_size(int level);

#endif
