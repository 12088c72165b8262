/* SPDX-License-Identifier: MIT */
/* outcome.h - what became of a row of the plan */
#ifndef FLETCH_PLAN_OUTCOME_H
#define FLETCH_PLAN_OUTCOME_H

#include "base/hash.h"
#include "tensor/cast.h"

/* What became of a row. */
struct fletch_row_outcome {
    enum fletch_dtype dtype;          /* as stored */
    uint64_t size;                    /* bytes of the value */
    uint64_t compressed_size;         /* of its page, header included */
    struct fletch_cast_report report; /* of the cast that was stored */
    uint64_t overflowed; /* values beyond the plan's type, also if the row stayed wide */
    uint8_t sha256[FLETCH_SHA256_SIZE];        /* of the stored value */
    uint8_t source_sha256[FLETCH_SHA256_SIZE]; /* of the source's bytes; only with
                                                  certify */
};

#endif
