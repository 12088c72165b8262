/* SPDX-License-Identifier: MIT */
/* relay.c - see relay.h */
#include "convert/relay.h"

#include "base/mem.h"
#include "codec/codec.h"

enum fletch_status fletch_relay_open(struct fletch_relay *relay, struct fletch_error *err)
{
    *relay = (struct fletch_relay){ 0 };
    relay->memory = fletch_alloc_array(FLETCH_RELAY_DEPTH, FLETCH_PIECE_SIZE);
    if (!relay->memory)
        return fletch_fail_memory(err, FLETCH_RELAY_DEPTH * FLETCH_PIECE_SIZE,
                                  "pieces for another thread");
    pthread_mutex_init(&relay->lock, NULL);
    pthread_cond_init(&relay->changed, NULL);
    return FLETCH_OK;
}

void fletch_relay_close(struct fletch_relay *relay)
{
    pthread_cond_destroy(&relay->changed);
    pthread_mutex_destroy(&relay->lock);
    fletch_free(relay->memory);
}

uint8_t *fletch_relay_room(struct fletch_relay *relay)
{
    bool left;

    pthread_mutex_lock(&relay->lock);
    while (!relay->left && relay->put - relay->done == FLETCH_RELAY_DEPTH)
        pthread_cond_wait(&relay->changed, &relay->lock);
    left = relay->left;
    pthread_mutex_unlock(&relay->lock);
    return left ? NULL
                : relay->memory + relay->put % FLETCH_RELAY_DEPTH * FLETCH_PIECE_SIZE;
}

void fletch_relay_put(struct fletch_relay *relay, const void *bytes, size_t size)
{
    pthread_mutex_lock(&relay->lock);
    relay->pieces[relay->put % FLETCH_RELAY_DEPTH].bytes = bytes;
    relay->pieces[relay->put % FLETCH_RELAY_DEPTH].size = size;
    relay->put++;
    pthread_cond_broadcast(&relay->changed);
    pthread_mutex_unlock(&relay->lock);
}

enum fletch_status fletch_relay_end(struct fletch_relay *relay, struct fletch_error *err)
{
    pthread_mutex_lock(&relay->lock);
    relay->ended = true;
    pthread_cond_broadcast(&relay->changed);
    while (!relay->left)
        pthread_cond_wait(&relay->changed, &relay->lock);
    pthread_mutex_unlock(&relay->lock);
    if (relay->status)
        return fletch_fail(err, relay->status, "%s", relay->err.message);
    return FLETCH_OK;
}

bool fletch_relay_take(struct fletch_relay *relay, const void **bytes, size_t *size)
{
    bool more;

    pthread_mutex_lock(&relay->lock);
    relay->done = relay->taken;
    pthread_cond_broadcast(&relay->changed);
    while (relay->taken == relay->put && !relay->ended)
        pthread_cond_wait(&relay->changed, &relay->lock);
    more = relay->taken < relay->put;
    if (more) {
        *bytes = relay->pieces[relay->taken % FLETCH_RELAY_DEPTH].bytes;
        *size = relay->pieces[relay->taken % FLETCH_RELAY_DEPTH].size;
        relay->taken++;
    }
    pthread_mutex_unlock(&relay->lock);
    return more;
}

void fletch_relay_leave(struct fletch_relay *relay, enum fletch_status status,
                        const struct fletch_error *err)
{
    pthread_mutex_lock(&relay->lock);
    relay->status = status;
    relay->err = *err;
    relay->left = true;
    pthread_cond_broadcast(&relay->changed);
    pthread_mutex_unlock(&relay->lock);
}
