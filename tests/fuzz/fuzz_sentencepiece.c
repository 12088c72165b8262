/* SPDX-License-Identifier: MIT */
/* fuzz_sentencepiece - any bytes as a sentencepiece model, and tokenizers made of it
 *
 * What is read lies within the input; what is made of it is JSON.
 */
#include "tokenizer/sentencepiece.h"
#include "vocab_folder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(const void *from, size_t size, const uint8_t *data, size_t limit)
{
    uintptr_t begin = (uintptr_t)from, first = (uintptr_t)data;

    if (begin < first || begin - first > limit || size > limit - (begin - first))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fletch_sentencepiece model = { 0 };
    struct fletch_error err = { 0 };
    enum fletch_status status = fletch_sentencepiece_read(&model, data, size, &err);

    if (status && (err.status != status || !err.message[0] || model.pieces))
        abort();
    if (status)
        return 0;
    for (size_t i = 0; i < model.pieces_count; i++)
        check_within(model.pieces[i].text, model.pieces[i].len, data, size);
    if (model.charsmap_size)
        check_within(model.charsmap, model.charsmap_size, data, size);
    if (model.unk_id >= model.pieces_count)
        abort();
    fletch_sentencepiece_release(&model);
    put_in_folder("spiece.model", data, size);
    put_in_folder("sentencepiece.bpe.model", data, size);
    build_in_folder("{\"model_type\": \"albert\"}", "{}");
    build_in_folder("{\"model_type\": \"deberta-v2\"}", "{\"split_by_punct\": true}");
    build_in_folder("{\"model_type\": \"camembert\"}", "{}");
    build_in_folder("{\"model_type\": \"xlm-roberta\"}", "{}");
    return 0;
}
