/* SPDX-License-Identifier: MIT */
/* make_models - small checkpoints of every family, with random weights, from nothing
 *
 * make_models DIR [MODEL...] makes DIR/MODEL for each, by default one of each family: bert,
 * sentence, clip, whisper, electra. The others are for tests: odd (scalars, empty tensors,
 * NaN payloads, every width), empty (no tensor at all), many (3,000 tensors), large (24
 * MiB). The same call gives the same bytes.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define TENSORS_MAX 4096
#define RANK_MAX 4
#define HIDDEN 64
#define LAYERS 2

struct tensor {
    char name[96];
    const char *dtype;
    unsigned rank;
    uint64_t shape[RANK_MAX];
    uint64_t size;         /* bytes */
    const uint8_t *values; /* [size]; NULL: random */
};

struct checkpoint {
    struct tensor tensors[TENSORS_MAX];
    size_t count;
};

static struct checkpoint made;
static uint64_t random_state;

static void die(const char *what)
{
    fprintf(stderr, "make_models: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* splitmix64 */
static uint64_t random_next(void)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Nearly normal, standard deviation 0.02: what trained weights look like. */
static float random_weight(void)
{
    uint64_t bits = random_next();
    double sum = 0;

    for (int i = 0; i < 4; i++)
        sum += (double)(bits >> 16 * i & 0xffff) / 65536.0 - 0.5;
    return (float)(sum * 0.02 * 1.732);
}

static size_t dtype_size(const char *dtype)
{
    static const struct {
        const char *name;
        size_t size;
    } sizes[] = { { "F64", 8 },  { "I64", 8 }, { "F32", 4 },  { "I32", 4 }, { "F16", 2 },
                  { "BF16", 2 }, { "I16", 2 }, { "BOOL", 1 }, { "U8", 1 },  { "I8", 1 } };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        if (!strcmp(sizes[i].name, dtype))
            return sizes[i].size;
    errno = EINVAL;
    die(dtype);
    return 0;
}

__attribute__((format(printf, 4, 0))) static struct tensor *
add(const char *dtype, unsigned rank, const uint64_t *shape, const char *name,
    va_list arguments)
{
    struct tensor *tensor = &made.tensors[made.count++];

    if (made.count == TENSORS_MAX) {
        errno = E2BIG;
        die("too many tensors");
    }
    vsnprintf(tensor->name, sizeof(tensor->name), name, arguments);
    tensor->dtype = dtype;
    tensor->rank = rank;
    tensor->size = dtype_size(dtype);
    tensor->values = NULL;
    for (unsigned i = 0; i < rank; i++) {
        tensor->shape[i] = shape[i];
        tensor->size *= shape[i];
    }
    return tensor;
}

__attribute__((format(printf, 2, 3))) static void vector(uint64_t a, const char *name, ...)
{
    va_list arguments;

    va_start(arguments, name);
    add("F32", 1, (const uint64_t[]){ a }, name, arguments);
    va_end(arguments);
}

__attribute__((format(printf, 3, 4))) static void matrix(uint64_t a, uint64_t b,
                                                         const char *name, ...)
{
    va_list arguments;

    va_start(arguments, name);
    add("F32", 2, (const uint64_t[]){ a, b }, name, arguments);
    va_end(arguments);
}

__attribute__((format(printf, 3, 4))) static void
block(unsigned rank, const uint64_t *shape, const char *name, ...)
{
    va_list arguments;

    va_start(arguments, name);
    add("F32", rank, shape, name, arguments);
    va_end(arguments);
}

static void linear(uint64_t out, uint64_t in, const char *name)
{
    matrix(out, in, "%s.weight", name);
    vector(out, "%s.bias", name);
}

static void norm(uint64_t size, const char *name)
{
    vector(size, "%s.weight", name);
    vector(size, "%s.bias", name);
}

/* ---- Files ---- */

static FILE *create(const char *folder, const char *name)
{
    char path[4096];
    FILE *file;

    if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, name) >= sizeof(path)) {
        errno = ENAMETOOLONG;
        die(name);
    }
    file = fopen(path, "wb");
    if (!file)
        die(path);
    return file;
}

static void finish(FILE *file, const char *name)
{
    if (fclose(file))
        die(name);
}

static void write_text(const char *folder, const char *name, const char *text)
{
    FILE *file = create(folder, name);

    fputs(text, file);
    finish(file, name);
}

static void make_folder(const char *path)
{
    if (mkdir(path, 0777) && errno != EEXIST)
        die(path);
}

static size_t put_header(char *out, size_t cap)
{
    size_t at = (size_t)snprintf(out, cap, "{\"__metadata__\":{\"format\":\"pt\"}");
    uint64_t offset = 0;

    for (size_t i = 0; i < made.count; i++) {
        const struct tensor *tensor = &made.tensors[i];

        at += (size_t)snprintf(out + at, cap - at, ",\"%s\":{\"dtype\":\"%s\",\"shape\":[",
                               tensor->name, tensor->dtype);
        for (unsigned k = 0; k < tensor->rank; k++)
            at += (size_t)snprintf(out + at, cap - at, "%s%" PRIu64, k ? "," : "",
                                   tensor->shape[k]);
        at += (size_t)snprintf(out + at, cap - at,
                               "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", offset,
                               offset + tensor->size);
        offset += tensor->size;
    }
    at += (size_t)snprintf(out + at, cap - at, "}");
    while (at % 8)
        out[at++] = ' ';
    return at;
}

static void put_values(FILE *file, const struct tensor *tensor)
{
    if (tensor->values) {
        fwrite(tensor->values, 1, tensor->size, file);
        return;
    }
    for (uint64_t i = 0; i < tensor->size / sizeof(float); i++) {
        float value = random_weight();

        fwrite(&value, sizeof(value), 1, file);
    }
}

/* model.safetensors: u64 length of the header, the header, the values. Little-endian hosts
 * only, which is all that this helper runs on. */
static void write_checkpoint(const char *folder)
{
    size_t cap = 1024 + made.count * 256;
    char *header = malloc(cap);
    FILE *file = create(folder, "model.safetensors");
    uint64_t size;

    if (!header)
        die("header");
    size = put_header(header, cap);
    fwrite(&size, sizeof(size), 1, file);
    fwrite(header, 1, size, file);
    for (size_t i = 0; i < made.count; i++)
        put_values(file, &made.tensors[i]);
    finish(file, "model.safetensors");
    free(header);
    made.count = 0;
}

/* ---- Text ---- */

static const char tokenizer_json[] =
    "{\n"
    "  \"version\": \"1.0\", \"truncation\": null, \"padding\": null,\n"
    "  \"added_tokens\": [\n"
    "    {\"id\": 0, \"content\": \"[PAD]\", \"single_word\": false, \"lstrip\": false,"
    " \"rstrip\": false, \"normalized\": false, \"special\": true},\n"
    "    {\"id\": 1, \"content\": \"[UNK]\", \"single_word\": false, \"lstrip\": false,"
    " \"rstrip\": false, \"normalized\": false, \"special\": true},\n"
    "    {\"id\": 2, \"content\": \"[CLS]\", \"single_word\": false, \"lstrip\": false,"
    " \"rstrip\": false, \"normalized\": false, \"special\": true},\n"
    "    {\"id\": 3, \"content\": \"[SEP]\", \"single_word\": false, \"lstrip\": false,"
    " \"rstrip\": false, \"normalized\": false, \"special\": true}],\n"
    "  \"normalizer\": {\"type\": \"BertNormalizer\", \"clean_text\": true,"
    " \"handle_chinese_chars\": true, \"strip_accents\": null, \"lowercase\": true},\n"
    "  \"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"},\n"
    "  \"post_processor\": {\"type\": \"BertProcessing\", \"sep\": [\"[SEP]\", 3],"
    " \"cls\": [\"[CLS]\", 2]},\n"
    "  \"decoder\": {\"type\": \"WordPiece\", \"prefix\": \"##\", \"cleanup\": true},\n"
    "  \"model\": {\"type\": \"WordPiece\", \"unk_token\": \"[UNK]\","
    " \"continuing_subword_prefix\": \"##\", \"max_input_chars_per_word\": 100, \"vocab\":"
    " {\"[PAD]\": 0, \"[UNK]\": 1, \"[CLS]\": 2, \"[SEP]\": 3, \"an\": 4, \"arrow\": 5,"
    " \"##s\": 6, \"fletch\": 7, \"##ing\": 8, \".\": 9}}\n"
    "}\n";

static void encoder(const char *prefix)
{
    char name[80];

    matrix(128, HIDDEN, "%sembeddings.word_embeddings.weight", prefix);
    matrix(64, HIDDEN, "%sembeddings.position_embeddings.weight", prefix);
    matrix(2, HIDDEN, "%sembeddings.token_type_embeddings.weight", prefix);
    snprintf(name, sizeof(name), "%sembeddings.LayerNorm", prefix);
    norm(HIDDEN, name);
    for (int i = 0; i < LAYERS; i++) {
        static const char *const parts[] = { "attention.self.query", "attention.self.key",
                                             "attention.self.value",
                                             "attention.output.dense" };
        char layer[48];

        snprintf(layer, sizeof(layer), "%sencoder.layer.%d", prefix, i);
        for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
            snprintf(name, sizeof(name), "%s.%s", layer, parts[k]);
            linear(HIDDEN, HIDDEN, name);
        }
        snprintf(name, sizeof(name), "%s.attention.output.LayerNorm", layer);
        norm(HIDDEN, name);
        snprintf(name, sizeof(name), "%s.intermediate.dense", layer);
        linear(4 * HIDDEN, HIDDEN, name);
        snprintf(name, sizeof(name), "%s.output.dense", layer);
        linear(HIDDEN, 4 * HIDDEN, name);
        snprintf(name, sizeof(name), "%s.output.LayerNorm", layer);
        norm(HIDDEN, name);
    }
}

/* `more` has further keys of config.json, each with its comma behind it. */
static void write_text_files(const char *folder, const char *model_type,
                             const char *architecture, const char *more)
{
    FILE *config = create(folder, "config.json");

    fprintf(config,
            "{\n  \"architectures\": [\"%s\"],\n  \"model_type\": \"%s\",\n"
            "  \"hidden_size\": %d,\n  \"num_hidden_layers\": %d,\n"
            "  \"num_attention_heads\": 4,\n  \"intermediate_size\": %d,\n"
            "  \"vocab_size\": 128,\n  \"max_position_embeddings\": 64,\n"
            "  \"type_vocab_size\": 2,\n%s  \"layer_norm_eps\": 1e-12\n}\n",
            architecture, model_type, HIDDEN, LAYERS, 4 * HIDDEN, more);
    finish(config, "config.json");
    write_text(folder, "tokenizer.json", tokenizer_json);
    write_text(folder, "tokenizer_config.json",
               "{\"tokenizer_class\": \"BertTokenizer\", \"model_max_length\": 64}\n");
}

static void make_bert(const char *folder)
{
    encoder("bert.");
    linear(HIDDEN, HIDDEN, "bert.pooler.dense");
    linear(128, HIDDEN, "cls.predictions.decoder");
    write_checkpoint(folder);
    write_text_files(folder, "bert", "BertForMaskedLM", "");
}

static void make_electra(const char *folder)
{
    encoder("electra.");
    linear(HIDDEN, HIDDEN, "discriminator_predictions.dense");
    linear(1, HIDDEN, "discriminator_predictions.dense_prediction");
    write_checkpoint(folder);
    write_text_files(folder, "electra", "ElectraForPreTraining",
                     "  \"embedding_size\": 64,\n");
}

static void make_sentence(const char *folder)
{
    char path[4032];

    encoder("");
    linear(HIDDEN, HIDDEN, "pooler.dense");
    write_checkpoint(folder);
    write_text_files(folder, "bert", "BertModel", "");
    write_text(folder, "modules.json",
               "[{\"idx\": 0, \"name\": \"0\", \"path\": \"\", \"type\":"
               " \"sentence_transformers.models.Transformer\"},\n"
               " {\"idx\": 1, \"name\": \"1\", \"path\": \"1_Pooling\", \"type\":"
               " \"sentence_transformers.models.Pooling\"},\n"
               " {\"idx\": 2, \"name\": \"2\", \"path\": \"2_Dense\", \"type\":"
               " \"sentence_transformers.models.Dense\"}]\n");
    write_text(folder, "sentence_bert_config.json",
               "{\"max_seq_length\": 32, \"do_lower_case\": false}\n");
    write_text(folder, "config_sentence_transformers.json",
               "{\"prompts\": {\"query\": \"query: \"}, \"default_prompt_name\": null,"
               " \"similarity_fn_name\": \"cosine\"}\n");
    snprintf(path, sizeof(path), "%s/1_Pooling", folder);
    make_folder(path);
    write_text(path, "config.json",
               "{\"word_embedding_dimension\": 64, \"pooling_mode_mean_tokens\": true,"
               " \"pooling_mode_cls_token\": false}\n");
    snprintf(path, sizeof(path), "%s/2_Dense", folder);
    make_folder(path);
    write_text(path, "config.json",
               "{\"in_features\": 64, \"out_features\": 48, \"bias\": true,"
               " \"activation_function\": \"torch.nn.modules.activation.Tanh\"}\n");
    linear(48, HIDDEN, "linear");
    write_checkpoint(path);
}

/* ---- Towers ---- */

static void clip_tower(const char *prefix)
{
    char name[80];

    for (int i = 0; i < LAYERS; i++) {
        static const char *const parts[] = { "k_proj", "v_proj", "q_proj", "out_proj" };
        char layer[48];

        snprintf(layer, sizeof(layer), "%s.encoder.layers.%d", prefix, i);
        for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
            snprintf(name, sizeof(name), "%s.self_attn.%s", layer, parts[k]);
            linear(HIDDEN, HIDDEN, name);
        }
        snprintf(name, sizeof(name), "%s.layer_norm1", layer);
        norm(HIDDEN, name);
        snprintf(name, sizeof(name), "%s.mlp.fc1", layer);
        linear(4 * HIDDEN, HIDDEN, name);
        snprintf(name, sizeof(name), "%s.mlp.fc2", layer);
        linear(HIDDEN, 4 * HIDDEN, name);
        snprintf(name, sizeof(name), "%s.layer_norm2", layer);
        norm(HIDDEN, name);
    }
}

static void make_clip(const char *folder)
{
    static const uint64_t patch[] = { HIDDEN, 3, 8, 8 };

    block(0, NULL, "logit_scale");
    matrix(100, HIDDEN, "text_model.embeddings.token_embedding.weight");
    matrix(77, HIDDEN, "text_model.embeddings.position_embedding.weight");
    clip_tower("text_model");
    norm(HIDDEN, "text_model.final_layer_norm");
    matrix(32, HIDDEN, "text_projection.weight");
    vector(HIDDEN, "vision_model.embeddings.class_embedding");
    block(4, patch, "vision_model.embeddings.patch_embedding.weight");
    matrix(17, HIDDEN, "vision_model.embeddings.position_embedding.weight");
    norm(HIDDEN, "vision_model.pre_layrnorm");
    clip_tower("vision_model");
    norm(HIDDEN, "vision_model.post_layernorm");
    matrix(32, HIDDEN, "visual_projection.weight");
    write_checkpoint(folder);
    write_text(folder, "config.json",
               "{\"architectures\": [\"CLIPModel\"], \"model_type\": \"clip\","
               " \"projection_dim\": 32,\n \"text_config\": {\"hidden_size\": 64,"
               " \"num_hidden_layers\": 2},\n \"vision_config\": {\"image_size\": 32,"
               " \"patch_size\": 8, \"hidden_size\": 64,\n  \"num_hidden_layers\": 2,"
               " \"num_attention_heads\": 4, \"intermediate_size\": 256}}\n");
}

static void whisper_attention(const char *layer, const char *part)
{
    static const char *const parts[] = { "v_proj", "q_proj", "out_proj" };
    char name[80];

    matrix(HIDDEN, HIDDEN, "%s.%s.k_proj.weight", layer, part);
    for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++) {
        snprintf(name, sizeof(name), "%s.%s.%s", layer, part, parts[k]);
        linear(HIDDEN, HIDDEN, name);
    }
    snprintf(name, sizeof(name), "%s.%s_layer_norm", layer, part);
    norm(HIDDEN, name);
}

static void whisper_layers(const char *tower, bool decoder)
{
    char name[80];

    for (int i = 0; i < LAYERS; i++) {
        char layer[48];

        snprintf(layer, sizeof(layer), "model.%s.layers.%d", tower, i);
        whisper_attention(layer, "self_attn");
        if (decoder)
            whisper_attention(layer, "encoder_attn");
        snprintf(name, sizeof(name), "%s.fc1", layer);
        linear(4 * HIDDEN, HIDDEN, name);
        snprintf(name, sizeof(name), "%s.fc2", layer);
        linear(HIDDEN, 4 * HIDDEN, name);
        snprintf(name, sizeof(name), "%s.final_layer_norm", layer);
        norm(HIDDEN, name);
    }
    snprintf(name, sizeof(name), "model.%s.layer_norm", tower);
    norm(HIDDEN, name);
}

static void make_whisper(const char *folder)
{
    static const uint64_t conv1[] = { HIDDEN, 16, 3 }, conv2[] = { HIDDEN, HIDDEN, 3 };

    block(3, conv1, "model.encoder.conv1.weight");
    vector(HIDDEN, "model.encoder.conv1.bias");
    block(3, conv2, "model.encoder.conv2.weight");
    vector(HIDDEN, "model.encoder.conv2.bias");
    matrix(100, HIDDEN, "model.encoder.embed_positions.weight");
    whisper_layers("encoder", false);
    matrix(200, HIDDEN, "model.decoder.embed_tokens.weight");
    matrix(50, HIDDEN, "model.decoder.embed_positions.weight");
    whisper_layers("decoder", true);
    write_checkpoint(folder);
    write_text(folder, "config.json",
               "{\"architectures\": [\"WhisperForConditionalGeneration\"],"
               " \"model_type\": \"whisper\",\n \"d_model\": 64, \"num_mel_bins\": 16,"
               " \"encoder_layers\": 2, \"encoder_attention_heads\": 4,\n"
               " \"encoder_ffn_dim\": 256, \"decoder_layers\": 2,"
               " \"max_source_positions\": 100, \"vocab_size\": 200}\n");
}

/* ---- For tests ---- */

__attribute__((format(printf, 4, 5))) static void
exact(const char *dtype, uint64_t count, const void *values, const char *name, ...)
{
    va_list arguments;

    va_start(arguments, name);
    add(dtype, 1, &count, name, arguments)->values = values;
    va_end(arguments);
}

static void make_odd(const char *folder)
{
    static const uint64_t none[] = { 0 }, hollow[] = { 4, 0, 7 }, ones[] = { 1, 1, 1, 1 };
    static const uint16_t half_nans[] = { 0x7e00, 0x7c01, 0xfdff, 0xffff, 0x7c00, 0x8000 };
    static const uint32_t float_nans[] = { 0x7fc00000, 0x7f800001, 0xffabcdef,
                                           0xff800000, 0x80000000, 0x00000001 };
    static const uint16_t brain[] = { 0x3f80, 0x7fc1, 0xff81, 0x0001 };
    static const double doubles[] = { 1.0, -0.1, 3.25, 1e-300 };
    static const int64_t longs[] = { INT64_MIN, -1, 0, INT64_MAX };
    static const int32_t ints[] = { INT32_MIN, 0, INT32_MAX };
    static const int16_t shorts[] = { INT16_MIN, -1, INT16_MAX };
    static const uint8_t bytes[] = { 0, 1, 127, 128, 255 }, flags[] = { 1, 0, 1 };

    block(0, NULL, "scalar");
    block(1, none, "empty.vector");
    block(3, hollow, "empty.block");
    block(4, ones, "one.of.rank.4");
    exact("F16", 6, half_nans, "nan.f16");
    exact("F32", 6, float_nans, "nan.f32");
    exact("BF16", 4, brain, "nan.bf16");
    exact("F64", 4, doubles, "f64");
    exact("I64", 4, longs, "i64");
    exact("I32", 3, ints, "i32");
    exact("I16", 3, shorts, "i16");
    exact("U8", 5, bytes, "u8");
    exact("I8", 5, bytes, "i8");
    exact("BOOL", 3, flags, "bool");
    vector(3, "name with \\\"quotes\\\", \\u00e9 and \\u6771");
    write_checkpoint(folder);
    write_text(folder, "config.json", "{\"model_type\": \"odd\"}\n");
}

static void make_empty(const char *folder)
{
    write_checkpoint(folder);
    write_text(folder, "config.json", "{\"model_type\": \"empty\"}\n");
}

static void make_many(const char *folder)
{
    for (int i = 0; i < 3000; i++)
        vector((uint64_t)(i % 37), "block.%d.weight", i);
    write_checkpoint(folder);
    write_text(folder, "config.json", "{\"model_type\": \"many\"}\n");
}

static void make_large(const char *folder)
{
    for (int i = 0; i < 6; i++)
        matrix(1024, 1024, "block.%d.weight", i);
    write_checkpoint(folder);
    write_text(folder, "config.json", "{\"model_type\": \"large\"}\n");
}

static const struct {
    const char *name;
    void (*make)(const char *folder);
} models[] = { { "bert", make_bert },       { "sentence", make_sentence },
               { "clip", make_clip },       { "whisper", make_whisper },
               { "electra", make_electra }, { "odd", make_odd },
               { "empty", make_empty },     { "many", make_many },
               { "large", make_large } };

#define FAMILIES 5 /* of them, the first */

static void make(const char *parent, size_t which)
{
    char folder[4000];

    random_state = which + 1;
    snprintf(folder, sizeof(folder), "%s/%s", parent, models[which].name);
    make_folder(folder);
    models[which].make(folder);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: make_models DIR [MODEL...]\n");
        return 2;
    }
    make_folder(argv[1]);
    if (argc == 2)
        for (size_t i = 0; i < FAMILIES; i++)
            make(argv[1], i);
    for (int k = 2; k < argc; k++) {
        size_t i = 0;

        while (i < sizeof(models) / sizeof(models[0]) && strcmp(models[i].name, argv[k]))
            i++;
        if (i == sizeof(models) / sizeof(models[0])) {
            fprintf(stderr, "make_models: no model '%s'\n", argv[k]);
            return 2;
        }
        make(argv[1], i);
    }
    return 0;
}
