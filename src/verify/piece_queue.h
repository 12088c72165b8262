/* SPDX-License-Identifier: MIT */
/* piece_queue.h - passes a row's pieces from the thread that decodes them to one that
 * compares them
 *
 * One producer, one consumer. A page must be decoded from start to end by one thread. With
 * everything else done by another, a large row takes only the time of the slower half.
 */
#ifndef FLETCH_VERIFY_PIECE_QUEUE_H
#define FLETCH_VERIFY_PIECE_QUEUE_H

#include "base/error.h"

#include <pthread.h>

/* Pieces under way, including those in use. */
#define FLETCH_PIECE_QUEUE_DEPTH 4

struct fletch_piece_queue {
    uint8_t *memory; /* [FLETCH_PIECE_QUEUE_DEPTH][FLETCH_PIECE_SIZE] */
    struct {
        const void *bytes;
        size_t size;
    } pieces[FLETCH_PIECE_QUEUE_DEPTH];
    pthread_mutex_t lock; /* guards what follows, and which pieces belong to which side */
    pthread_cond_t changed;
    size_t put, taken, done; /* pieces; `done`: the consumer has finished with them */
    bool ended, left;        /* set by the producer, by the consumer */
    enum fletch_status status;
    struct fletch_error err; /* the consumer's */
};

enum fletch_status fletch_piece_queue_open(struct fletch_piece_queue *queue,
                                           struct fletch_error *err);
/* Call when both sides have ended. */
void fletch_piece_queue_close(struct fletch_piece_queue *queue);

/* Producer: waits for and returns memory for the next piece, FLETCH_PIECE_SIZE bytes, which
 * need not be used. NULL when the consumer has left. */
uint8_t *fletch_piece_queue_room(struct fletch_piece_queue *queue);
/* Producer: call right after that. */
void fletch_piece_queue_put(struct fletch_piece_queue *queue, const void *bytes,
                            size_t size);
/* Producer: no more pieces. Waits until the consumer has left, and returns its status. */
enum fletch_status fletch_piece_queue_end(struct fletch_piece_queue *queue,
                                          struct fletch_error *err);

/* Consumer: waits for the next piece, which it owns until the next call. False after the
 * last one. */
bool fletch_piece_queue_take(struct fletch_piece_queue *queue, const void **bytes,
                             size_t *size);
/* Consumer: call last; it must not touch the queue afterwards. */
void fletch_piece_queue_leave(struct fletch_piece_queue *queue, enum fletch_status status,
                              const struct fletch_error *err);

#endif
