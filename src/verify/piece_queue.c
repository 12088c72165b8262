/* SPDX-License-Identifier: MIT */
/* piece_queue.c - see piece_queue.h */
#include "verify/piece_queue.h"

#include "base/mem.h"
#include "codec/codec.h"

enum fletch_status fletch_piece_queue_open(struct fletch_piece_queue *queue,
                                           struct fletch_error *err)
{
    *queue = (struct fletch_piece_queue){ 0 };
    queue->memory = fletch_alloc_array(FLETCH_PIECE_QUEUE_DEPTH, FLETCH_PIECE_SIZE);
    if (!queue->memory)
        return fletch_fail_memory(err, FLETCH_PIECE_QUEUE_DEPTH * FLETCH_PIECE_SIZE,
                                  "pieces for another thread");
    pthread_mutex_init(&queue->lock, NULL);
    pthread_cond_init(&queue->changed, NULL);
    return FLETCH_OK;
}

void fletch_piece_queue_close(struct fletch_piece_queue *queue)
{
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->lock);
    fletch_free(queue->memory);
}

uint8_t *fletch_piece_queue_room(struct fletch_piece_queue *queue)
{
    bool left;

    pthread_mutex_lock(&queue->lock);
    while (!queue->left && queue->put - queue->done == FLETCH_PIECE_QUEUE_DEPTH)
        pthread_cond_wait(&queue->changed, &queue->lock);
    left = queue->left;
    pthread_mutex_unlock(&queue->lock);
    return left ? NULL
                : queue->memory + queue->put % FLETCH_PIECE_QUEUE_DEPTH * FLETCH_PIECE_SIZE;
}

void fletch_piece_queue_put(struct fletch_piece_queue *queue, const void *bytes,
                            size_t size)
{
    pthread_mutex_lock(&queue->lock);
    queue->pieces[queue->put % FLETCH_PIECE_QUEUE_DEPTH].bytes = bytes;
    queue->pieces[queue->put % FLETCH_PIECE_QUEUE_DEPTH].size = size;
    queue->put++;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}

enum fletch_status fletch_piece_queue_end(struct fletch_piece_queue *queue,
                                          struct fletch_error *err)
{
    pthread_mutex_lock(&queue->lock);
    queue->ended = true;
    pthread_cond_broadcast(&queue->changed);
    while (!queue->left)
        pthread_cond_wait(&queue->changed, &queue->lock);
    pthread_mutex_unlock(&queue->lock);
    if (queue->status)
        return fletch_fail(err, queue->status, "%s", queue->err.message);
    return FLETCH_OK;
}

bool fletch_piece_queue_take(struct fletch_piece_queue *queue, const void **bytes,
                             size_t *size)
{
    bool more;

    pthread_mutex_lock(&queue->lock);
    queue->done = queue->taken;
    pthread_cond_broadcast(&queue->changed);
    while (queue->taken == queue->put && !queue->ended)
        pthread_cond_wait(&queue->changed, &queue->lock);
    more = queue->taken < queue->put;
    if (more) {
        *bytes = queue->pieces[queue->taken % FLETCH_PIECE_QUEUE_DEPTH].bytes;
        *size = queue->pieces[queue->taken % FLETCH_PIECE_QUEUE_DEPTH].size;
        queue->taken++;
    }
    pthread_mutex_unlock(&queue->lock);
    return more;
}

void fletch_piece_queue_leave(struct fletch_piece_queue *queue, enum fletch_status status,
                              const struct fletch_error *err)
{
    pthread_mutex_lock(&queue->lock);
    queue->status = status;
    queue->err = *err;
    queue->left = true;
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->lock);
}
