/* SPDX-License-Identifier: MIT */
/* shorten.h - names made shorter for a narrow terminal, so that one sees it and no two of
 * them look alike
 *
 * A name's parts, between its dots, are cut to their first letters, with an ellipsis in
 * place of the rest and the dot. Of each part as many letters stay as no other part of the
 * same names begins with: encoder and embeddings become en and em.
 */
#ifndef FLETCH_CLI_SHORTEN_H
#define FLETCH_CLI_SHORTEN_H

#include "text.h"

/* Makes the names cells[0], cells[step], ... of `rows` rows fit in `width` columns; the new
 * ones are in `names`. False, and nothing is changed, where two would look alike, or memory
 * ran out. */
bool fletch_names_shorten(struct fletch_text *names, const char **cells, size_t rows,
                          size_t step, size_t width);

#endif
