/* SPDX-License-Identifier: MIT */
/* piece_queue.h - a row's pieces from the thread that decodes them to one that compares
 * them
 *
 * One producer, one consumer. A page is decoded from its beginning to its end, by one
 * thread: with all else done by another a large row takes the time of the slower half.
 */
#ifndef FLETCH_VERIFY_PIECE_QUEUE_H
#define FLETCH_VERIFY_PIECE_QUEUE_H

#include "base/error.h"

#include <pthread.h>

/* Pieces under way, those at hand included. */
#define FLETCH_PIECE_QUEUE_DEPTH 4

struct fletch_piece_queue {
    uint8_t *memory; /* [FLETCH_PIECE_QUEUE_DEPTH][FLETCH_PIECE_SIZE] */
    struct {
        const void *bytes;
        size_t size;
    } pieces[FLETCH_PIECE_QUEUE_DEPTH];
    pthread_mutex_t lock; /* guards what follows, and which pieces are whose */
    pthread_cond_t changed;
    size_t put, taken, done; /* pieces; the consumer is done with it */
    bool ended, left;        /* by the producer, by the consumer */
    enum fletch_status status;
    struct fletch_error err; /* the consumer's */
};

enum fletch_status fletch_piece_queue_open(struct fletch_piece_queue *queue,
                                           struct fletch_error *err);
/* Both have come to an end. */
void fletch_piece_queue_close(struct fletch_piece_queue *queue);

/* The producer: memory for the next piece, FLETCH_PIECE_SIZE of it, which need not be used;
 * waits. NULL when the consumer has left. */
uint8_t *fletch_piece_queue_room(struct fletch_piece_queue *queue);
/* Right after that. */
void fletch_piece_queue_put(struct fletch_piece_queue *queue, const void *bytes,
                            size_t size);
/* No more pieces; waits until the consumer has left, and says what it said. */
enum fletch_status fletch_piece_queue_end(struct fletch_piece_queue *queue,
                                          struct fletch_error *err);

/* The consumer: the next piece, which is its own until it asks again; waits. False after
 * the last one. */
bool fletch_piece_queue_take(struct fletch_piece_queue *queue, const void **bytes,
                             size_t *size);
/* The queue is not touched by the consumer after this. */
void fletch_piece_queue_leave(struct fletch_piece_queue *queue, enum fletch_status status,
                              const struct fletch_error *err);

#endif
