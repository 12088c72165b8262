/* SPDX-License-Identifier: MIT */
/* test_tokenizer_json.c - vocabulary files that are damaged, missing or odd, each with its
 * sentence
 *
 * That the ids are right is tests/tokenizers' business.
 */
#include "support.h"

#include "tokenizer/sentencepiece.h"
#include "tokenizer/tokenizer.h"

#define BERT "{\"model_type\": \"bert\"}"
#define ROBERTA "{\"model_type\": \"roberta\"}"
#define SPECIALS "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"
#define IDS                                                                                \
    "{\"<s>\":0,\"<pad>\":1,\"</s>\":2,\"<unk>\":3,\"<mask>\":4,\"a\":5,\"b\":6,\"ab\":7}"

static struct fletch_buf built;
static struct fletch_tokenizer_files origin;

static enum fletch_status build(const char *config, const char *tokenizer_config,
                                struct fletch_error *err)
{
    json_t *model = json_loads(config, 0, NULL);
    json_t *tokenizer = tokenizer_config ? json_loads(tokenizer_config, 0, NULL) : NULL;
    struct fletch_tokenizer_source source = { .folder = scratch,
                                              .config = model,
                                              .tokenizer_config = tokenizer };
    enum fletch_status status;

    assert_non_null(model);
    fletch_buf_release(&built);
    status = fletch_tokenizer_build(&built, &origin, &source, err);
    fletch_buf_put_u8(&built, 0); /* for strstr */
    built.size--;
    json_decref(model);
    json_decref(tokenizer);
    return status;
}

/* A value of what was built, compact. */
static void check_built(const char *path, const char *wanted)
{
    json_t *json = json_loadb((const char *)built.bytes, built.size, 0, NULL);
    char *text = json_dumps(fletch_json_at(json, path), JSON_ENCODE_ANY | JSON_COMPACT);

    assert_string_equal(text ? text : "missing", wanted);
    free(text);
    json_decref(json);
}

static int release_built(void **state)
{
    fletch_buf_release(&built);
    return remove_scratch(state);
}

/* ---- Which kind ---- */

static void says_what_it_cannot_make(void **state)
{
    struct fletch_error err;

    (void)state;
    assert_fails(build("{\"model_type\": \"esm\"}", NULL, &err), FLETCH_ERR_UNSUPPORTED,
                 err, "none can be made for the model_type 'esm'");
    assert_fails(
        build(BERT, "{\"tokenizer_class\": \"HerbertTokenizerFast\"}", &err),
        FLETCH_ERR_UNSUPPORTED, err,
        "none can be made for the tokenizer_class 'HerbertTokenizerFast'; where it is "
        "a fast one, its save_pretrained() writes a tokenizer.json");
    assert_fails(build("{}", NULL, &err), FLETCH_ERR_UNSUPPORTED, err,
                 "neither tokenizer_config.json has a tokenizer_class nor config.json a "
                 "model_type that says what to make");
    assert_fails(build(BERT, NULL, &err), FLETCH_ERR_NOT_FOUND, err,
                 "there is no vocab.txt to make one from");
    assert_fails(build(ROBERTA, NULL, &err), FLETCH_ERR_NOT_FOUND, err,
                 "there is no vocab.json to make one from");
    put_text(at("vocab.json"), IDS);
    assert_fails(build(ROBERTA, NULL, &err), FLETCH_ERR_NOT_FOUND, err,
                 "there is a vocab.json, but no merges.txt to make one from");
    assert_fails(build("{\"model_type\": \"camembert\"}", NULL, &err), FLETCH_ERR_NOT_FOUND,
                 err, "there is no sentencepiece.bpe.model to make one from");
    assert_fails(build("{\"model_type\": \"deberta-v2\"}", NULL, &err),
                 FLETCH_ERR_NOT_FOUND, err, "there is no spm.model to make one from");
}

static void class_before_type(void **state)
{
    struct fletch_error err;

    (void)state;
    put_text(at("vocab.txt"), SPECIALS "a\n");
    assert_ok(build(ROBERTA, "{\"tokenizer_class\": \"BertTokenizerFast\"}", &err), err);
    check_built("model.type", "\"WordPiece\"");
    assert_ok(build("{\"model_type\": \"x\", \"tokenizer_class\": \"BertTokenizer\"}",
                    "{\"tokenizer_class\": \"PreTrainedTokenizerFast\"}", &err),
              err);
    assert_int_equal(origin.files_count, 2);
    assert_string_equal(origin.files[1], "tokenizer_config.json");
}

/* What is done in Python, outside of any tokenizer.json. */
static void says_what_no_file_can_do(void **state)
{
    static const struct {
        const char *config, *sentence;
    } cases[] = {
        { "{\"tokenizer_class\": \"BertJapaneseTokenizer\"}",
          "none can be made for the tokenizer_class 'BertJapaneseTokenizer', which splits "
          "Japanese words by a dictionary first" },
        { "{\"tokenizer_class\": \"MecabTokenizer\"}",
          "the tokenizer_class 'MecabTokenizer' splits Japanese words by a dictionary "
          "first, which no tokenizer.json can do" },
        { "{\"word_tokenizer_type\": \"mecab\", \"do_lower_case\": false}",
          "words are split by mecab first (tokenizer_config.json: word_tokenizer_type), "
          "which no tokenizer.json can do" },
        { "{\"tokenizer_class\": \"BertTokenizer\", \"word_tokenizer_type\": \"sudachi\"}",
          "words are split by sudachi first (tokenizer_config.json: word_tokenizer_type), "
          "which no tokenizer.json can do" },
        { "{\"tokenizer_class\": \"RoFormerTokenizerFast\"}",
          "the tokenizer_class 'RoFormerTokenizerFast' splits Chinese words by jieba "
          "first, "
          "which no tokenizer.json can do" },
        { "{\"tokenizer_class\": \"PhobertTokenizer\"}",
          "none can be made for the tokenizer_class 'PhobertTokenizer', which reads words "
          "that were joined before, by bpe.codes" },
        { "{\"tokenizer_class\": \"KoBertTokenizer\"}",
          "none can be made for the tokenizer_class 'KoBertTokenizer', which numbers "
          "sentencepiece's pieces by a list of its own" },
    };
    struct fletch_error err;

    (void)state;
    put_text(at("vocab.txt"), SPECIALS "a\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_fails(build(BERT, cases[i].config, &err), FLETCH_ERR_UNSUPPORTED, err,
                     cases[i].sentence);
    assert_ok(build(BERT, "{\"word_tokenizer_type\": \"basic\"}", &err), err);
}

/* A class that stands for any tokenizer says nothing: the files do. */
static void goes_by_files(void **state)
{
    static const char *const classes[] = { "TokenizersBackend", "PythonBackend",
                                           "SentencePieceBackend", "PreTrainedTokenizer",
                                           "PreTrainedTokenizerFast" };
    char config[100];
    struct fletch_error err;

    (void)state;
    put_text(at("vocab.txt"), SPECIALS "a\n");
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        snprintf(config, sizeof(config), "{\"tokenizer_class\": \"%s\"}", classes[i]);
        assert_ok(build(BERT, config, &err), err);
        check_built("model.type", "\"WordPiece\"");
        assert_fails(build(ROBERTA, config, &err), FLETCH_ERR_NOT_FOUND, err,
                     "there is no vocab.json to make one from");
    }
}

/* ---- vocab.txt ---- */

static void reads_lines(void **state)
{
    struct fletch_error err;

    (void)state;
    put_text(at("vocab.txt"), "[PAD]\r\n[UNK]\n[CLS] \t\n[SEP]\xc2\xa0\xe3\x80\x80\n[MASK]"
                              "\na\n\na b \nc\rd\n e\x1f\n\xe2\x80\x8b\nlast\r");
    assert_ok(build(BERT, NULL, &err), err);
    check_built("model.vocab",
                "{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4,\"a\":5,"
                "\"\":6,\"a b\":7,\"c\\rd\":8,\" e\\u001F\":9,\"\xe2\x80\x8b\":10,"
                "\"last\":11}");
    put_text(at("vocab.txt"), SPECIALS "a\nb\na\n");
    assert_ok(build(BERT, NULL, &err), err);
    check_built("model.vocab", "{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,"
                               "\"[MASK]\":4,\"b\":6,\"a\":7}");
}

static void refuses_lines(void **state)
{
    struct fletch_error err;

    (void)state;
    put_text(at("vocab.txt"), "");
    assert_fails(build(BERT, NULL, &err), FLETCH_ERR_FORMAT, err,
                 "vocab.txt: no tokens, expected one a line");
    put_text(at("vocab.txt"), "[UNK]\n\xff\n");
    assert_fails(build(BERT, NULL, &err), FLETCH_ERR_FORMAT, err,
                 "vocab.txt: byte 6: found 0xff, expected UTF-8");
    put_text(at("vocab.txt"), "[CLS]\n");
    assert_fails(build(BERT, NULL, &err), FLETCH_ERR_FORMAT, err,
                 "'[UNK]', the unk_token, is not in vocab.txt");
    put_text(at("vocab.txt"), "[UNK]\n");
    assert_fails(build(BERT, "{\"cls_token\": null}", &err), FLETCH_ERR_FORMAT, err,
                 "there is no cls_token");
}

/* Pieces of another kind of tokenizer under the name of this kind's file. */
static void refuses_foreign_pieces(void **state)
{
    struct fletch_error err;

    (void)state;
    put_text(at("vocab.txt"),
             SPECIALS "\xe2\x96\x81\xed\x95\x9c\n\xea\xb5\xad\n\xe2\x96\x81"
                      "b\n##c\n");
    assert_fails(
        build(BERT, NULL, &err), FLETCH_ERR_UNSUPPORTED, err,
        "vocab.txt: 2 tokens such as '\xe2\x96\x81\xed\x95\x9c' and only 1 with ##: "
        "sentencepiece's pieces, which this kind of tokenizer never finds");
    put_text(at("vocab.txt"), SPECIALS "\xe2\x96\x81\n\xe2\x96\x81x\n##a\n##b\n");
    assert_ok(build(BERT, NULL, &err), err);
    put_text(at("merges.txt"), "");
    put_text(at("vocab.json"), "{\"<s>\":0,\"</s>\":1,\"<unk>\":2,\"a</w>\":3}");
    assert_fails(build(ROBERTA, NULL, &err), FLETCH_ERR_UNSUPPORTED, err,
                 "vocab.json: 1 tokens such as 'a</w>' and only 0 with \xc4\xa0: pairs of "
                 "characters, where this kind of tokenizer has pairs of bytes");
    put_text(at("vocab.json"), "{\"<s>\":0,\"</s>\":1,\"<unk>\":2,\"a</w>\":3,\"\xc4\xa0"
                               "b\":4}");
    assert_ok(build(ROBERTA, NULL, &err), err);
}

/* ---- Tokens beside it ---- */

static void refuses_tokens(void **state)
{
    static const struct {
        const char *config, *sentence;
    } cases[] = {
        { "{\"cls_token\": 5}",
          "tokenizer_config.json: cls_token is neither a text nor a token with content" },
        { "{\"cls_token\": {\"lstrip\": true}}",
          "tokenizer_config.json: cls_token is neither a text nor a token with content" },
        { "{\"added_tokens_decoder\": {\"x\": {\"content\": \"a\"}}}",
          "tokenizer_config.json: added_tokens_decoder['x'] is not a token with content "
          "under a whole number" },
        { "{\"added_tokens_decoder\": {\"5\": \"a\"}}",
          "tokenizer_config.json: added_tokens_decoder['5'] is not a token with content "
          "under a whole number" },
    };
    struct fletch_error err;

    (void)state;
    put_text(at("vocab.txt"), SPECIALS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_fails(build(BERT, cases[i].config, &err), FLETCH_ERR_FORMAT, err,
                     cases[i].sentence);
    put_text(at("added_tokens.json"), "{\"x\": \"5\"}");
    assert_fails(build(BERT, NULL, &err), FLETCH_ERR_FORMAT, err,
                 "added_tokens.json: the id of 'x' is not a whole number from 0");
    put_text(at("added_tokens.json"), "{\"x\": 5");
    assert_fails(build(BERT, NULL, &err), FLETCH_ERR_FORMAT, err, "added_tokens.json: ");
}

/* An id that a file gives to a token that the vocabulary has not is the next one free: so
 * the library numbers it whatever the file says. */
static void numbers_added_tokens(void **state)
{
    struct fletch_error err;

    (void)state;
    put_text(at("vocab.txt"), SPECIALS);
    put_text(at("added_tokens.json"), "{\"two\": 900, \"one\": 800, \"[SEP]\": 7}");
    assert_ok(build(BERT, NULL, &err), err);
    check_built("model.vocab",
                "{\"[PAD]\":0,\"[UNK]\":1,\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4}");
    assert_non_null(strstr((char *)built.bytes, "\"id\": 5,\n      \"content\": \"one\""));
    assert_non_null(strstr((char *)built.bytes, "\"id\": 6,\n      \"content\": \"two\""));
    /* with a token among them that the vocabulary has beyond its count, behind that */
    put_text(at("vocab.txt"), SPECIALS "a\na\n[E]\n");
    put_text(at("added_tokens.json"), "{\"[E]\": 7, \"one\": 8}");
    assert_ok(build(BERT, NULL, &err), err);
    assert_non_null(strstr((char *)built.bytes, "\"id\": 7,\n      \"content\": \"[E]\""));
    assert_non_null(strstr((char *)built.bytes, "\"id\": 8,\n      \"content\": \"one\""));
}

/* How each of many tokens is written: a number between the first two, and, where there is a
 * third, between that and the second. */
struct pattern {
    const char *begin, *front, *middle, *back, *end;
};

static const struct pattern added = { "{", "\"t", "\": ", "", "}" };
static const struct pattern decoder = { "{\"added_tokens_decoder\": {", "\"",
                                        "\": {\"content\": \"t", "\"}", "}}" };
static const struct pattern additional = { "{\"additional_special_tokens\": [", "\"t", "\"",
                                           NULL, "]}" };
static const struct pattern extra = { "{\"extra_special_tokens\": {", "\"t", "\": \"u",
                                      "\"", "}}" };

static const char *many(struct fletch_buf *text, const struct pattern *pattern,
                        size_t count)
{
    text->size = 0;
    fletch_buf_put_text(text, pattern->begin);
    for (size_t i = 0; i < count; i++) {
        fletch_buf_format(text, "%s%s%zu%s", i ? "," : "", pattern->front, i,
                          pattern->middle);
        if (pattern->back)
            fletch_buf_format(text, "%zu%s", i, pattern->back);
    }
    fletch_buf_put_text(text, pattern->end);
    fletch_buf_put_u8(text, 0);
    assert_false(text->failed);
    return (const char *)text->bytes;
}

static void bounds_added_tokens(void **state)
{
    static const struct {
        const struct pattern *pattern;
        const char *sentence;
    } cases[] = {
        { &decoder,
          "tokenizer_config.json: added_tokens_decoder: 16385 tokens, the limit is 16384 "
          "(FLETCH_TOKENIZER_ADDED_MAX)" },
        { &additional,
          "tokenizer_config.json: additional_special_tokens: 16385 tokens, the limit is "
          "16384 (FLETCH_TOKENIZER_ADDED_MAX)" },
        { &extra,
          "tokenizer_config.json: extra_special_tokens: 16385 tokens, the limit is 16384 "
          "(FLETCH_TOKENIZER_ADDED_MAX)" },
    };
    const size_t limit = FLETCH_TOKENIZER_ADDED_MAX;
    struct fletch_buf text = { 0 };
    struct fletch_error err;

    (void)state;
    put_text(at("vocab.txt"), SPECIALS);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_fails(build(BERT, many(&text, cases[i].pattern, limit + 1), &err),
                     FLETCH_ERR_UNSUPPORTED, err, cases[i].sentence);
    put_text(at("added_tokens.json"), many(&text, &added, limit));
    assert_fails(build(BERT, NULL, &err), FLETCH_ERR_UNSUPPORTED, err,
                 "more than 16384 added tokens, the limit (FLETCH_TOKENIZER_ADDED_MAX)");
    put_text(at("added_tokens.json"), many(&text, &added, limit + 1));
    assert_fails(build(BERT, NULL, &err), FLETCH_ERR_UNSUPPORTED, err,
                 "added_tokens.json: 16385 tokens, the limit is 16384 "
                 "(FLETCH_TOKENIZER_ADDED_MAX)");
    put_text(at("added_tokens.json"), many(&text, &added, 1));
    put_text(at("special_tokens_map.json"), many(&text, &additional, limit + 1));
    assert_fails(build(BERT, NULL, &err), FLETCH_ERR_UNSUPPORTED, err,
                 "special_tokens_map.json: additional_special_tokens: 16385 tokens, the "
                 "limit is 16384 (FLETCH_TOKENIZER_ADDED_MAX)");
    fletch_buf_release(&text);
}

static void knows_many_special_tokens(void **state)
{
    const size_t most = FLETCH_TOKENIZER_ADDED_MAX - 5; /* and those of SPECIALS */
    struct fletch_buf text = { 0 };
    struct fletch_error err;
    size_t count = 0;

    (void)state;
    put_text(at("vocab.txt"), SPECIALS);
    put_text(at("added_tokens.json"), many(&text, &added, most));
    assert_ok(build(BERT, many(&text, &additional, most - 1), &err), err);
    for (const char *p = (char *)built.bytes; (p = strstr(p, "\"special\": true")); p++)
        count++;
    assert_int_equal(count, most - 1 + 5);
    fletch_buf_release(&text);
}

/* ---- vocab.json and merges.txt ---- */

static void reads_merges(void **state)
{
    struct fletch_error err;

    (void)state;
    put_text(at("vocab.json"), IDS);
    put_text(at("merges.txt"), "#version: 0.2\r\na  b\r\n#version\na b");
    assert_ok(build(ROBERTA, NULL, &err), err);
    check_built("model.merges", "[[\"a\",\"b\"],[\"a\",\"b\"]]");
    check_built("post_processor.sep", "[\"</s>\",2]");
    assert_int_equal(origin.files_count, 2);
    put_text(at("merges.txt"), "a b\n");
    assert_ok(build(ROBERTA, NULL, &err), err);
    check_built("model.merges", "[[\"a\",\"b\"]]");
    put_text(at("merges.txt"), "");
    assert_ok(build(ROBERTA, NULL, &err), err);
    check_built("model.merges", "[]");
}

static void refuses_merges(void **state)
{
    static const struct {
        const char *ids, *merges, *sentence;
    } cases[] = {
        { IDS, "#version\na b\n\n", "merges.txt: line 3: '' is not two parts" },
        { IDS, "# pairs\na b\n", "merges.txt: line 1: '#' is not in vocab.json" },
        { IDS, "a b\na b c", "merges.txt: line 2: 'a b c' is not two parts" },
        { IDS, "#version\na x\n", "merges.txt: line 2: 'x' is not in vocab.json" },
        { IDS, "#version\nb a\n", "merges.txt: line 2: 'ba' is not in vocab.json" },
        { IDS, "#\n\xc3\n", "merges.txt: byte 2: found 0xc3, expected UTF-8" },
        { "{}", "", "vocab.json: no tokens, expected token: id" },
        { "{\"a\": -1}", "", "vocab.json: the id of 'a' is not a whole number from 0" },
        { "{\"a\": 0.5}", "", "vocab.json: the id of 'a' is not a whole number from 0" },
        { "{\"a\": 1, \"b\": 1}", "", "vocab.json: 'a' and 'b' have the same id, 1" },
        { "[]", "", "vocab.json: " },
    };
    struct fletch_error err;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        put_text(at("vocab.json"), cases[i].ids);
        put_text(at("merges.txt"), cases[i].merges);
        assert_fails(build(ROBERTA, NULL, &err), FLETCH_ERR_FORMAT, err, cases[i].sentence);
    }
    put_text(at("vocab.json"), "{\"a\": 4194304}");
    assert_fails(build(ROBERTA, NULL, &err), FLETCH_ERR_UNSUPPORTED, err,
                 "vocab.json: a token with the id 4194304, the limit is 4194304 "
                 "(FLETCH_TOKENIZER_TOKENS_MAX)");
}

/* ---- Pieces ---- */

#define SCORE "\x15\x00\x00\x80\xbf" /* -1 */
#define PIECE_A "\x0a\x08\x0a\x01\x61" SCORE
#define PIECE_UNK "\x0a\x0e\x0a\x05<unk>" SCORE "\x18\x02"

static void refuses_pieces(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        enum fletch_status status;
        const char *sentence;
    } cases[] = {
#define CASE(bytes, status, sentence)                                                      \
    { bytes, sizeof(bytes) - 1, FLETCH_ERR_##status, sentence }
        CASE("", FORMAT, "no pieces in 0 bytes"),
        CASE("\x0a", FORMAT, "byte 1: the message ends inside a number"),
        CASE("\x0a\x05\x0a", FORMAT, "byte 2: a field of 5 bytes, but 1 are left"),
        CASE("\x0a\x03\x0a\x02\x61", FORMAT, "byte 4: a field of 2 bytes, but 1 are left"),
        CASE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", FORMAT,
             "byte 0: a number of more than 10 bytes"),
        CASE("\x0b", FORMAT, "byte 0: wire type 3, expected 0, 1, 2 or 5"),
        CASE("\x02\x00", FORMAT, "byte 0: a field numbered 0"),
        CASE("\x08\x00", FORMAT, "byte 0: pieces has wire type 0, expected 2"),
        CASE("\x0a\x03\x0a\x01\xff", FORMAT, "byte 4: found 0xff in piece, expected UTF-8"),
        CASE("\x0a\x00", FORMAT, "byte 2: a piece without text"),
        CASE("\x0a\x08\x0a\x01\x61\x15\x00\x00\xc0\x7f", FORMAT,
             "byte 5: a score that is not finite"),
        CASE("\x0a\x05\x0a\x01\x61\x18\x07", FORMAT,
             "byte 5: a piece of type 7, expected 1 to 6"),
        CASE(PIECE_A "\x12\x02\x18\x03", UNSUPPORTED,
             "byte 12: a model of type 3, expected 1 (unigram) or 2 (BPE)"),
        CASE(PIECE_A "\x12\x03\xc0\x02\x05", FORMAT, "unk_id is 5, but there are 1 pieces"),
        CASE(PIECE_A "\x12\x0c\xc0\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", FORMAT,
             "byte 12: no unknown piece: unk_id is -1"),
        CASE(PIECE_A "\x1a\x04\x12\x02\x00\x00", FORMAT,
             "byte 14: a charsmap of 2 bytes, expected at least 4"),
        CASE(PIECE_A "\x1a\x06\x12\x04\x04\x00\x00\x00", FORMAT,
             "byte 14: a trie of 4 bytes in a charsmap of 4"),
        CASE(PIECE_A "\x1a\x07\x12\x05\x00\x00\x00\x00\x80", FORMAT,
             "byte 18: found 0x80 in the charsmap's text, expected UTF-8"),
#undef CASE
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fletch_sentencepiece model = { 0 };
        struct fletch_error err = { 0 };

        assert_fails(fletch_sentencepiece_read(&model, (const uint8_t *)cases[i].bytes,
                                               cases[i].size, &err),
                     cases[i].status, err, cases[i].sentence);
        assert_null(model.pieces);
    }
}

static void reads_pieces(void **state)
{
    static const char bytes[] = PIECE_UNK PIECE_A "\x12\x02\x18\x02"
                                                  "\x1a\x06\x12\x04\x00\x00\x00\x00";
    struct fletch_sentencepiece model;
    struct fletch_error err;

    (void)state;
    assert_ok(
        fletch_sentencepiece_read(&model, (const uint8_t *)bytes, sizeof(bytes) - 1, &err),
        err);
    assert_int_equal(model.pieces_count, 2);
    assert_int_equal(model.pieces[0].type, FLETCH_SENTENCEPIECE_UNKNOWN);
    assert_int_equal(model.pieces[1].type, FLETCH_SENTENCEPIECE_NORMAL);
    assert_true(model.pieces[1].score == -1.0f);
    assert_memory_equal(model.pieces[1].text, "a", 1);
    assert_int_equal(model.model, FLETCH_SENTENCEPIECE_MODEL_BPE);
    assert_int_equal(model.charsmap_size, 4);
    fletch_sentencepiece_release(&model);
}

/* Every prefix of a real model is an error or a model with fewer fields; never a crash. */
static void cut_anywhere(void **state)
{
    static const char path[] = FLETCH_TEST_DATA "/tokenizers/albert/source/spiece.model";
    static uint8_t bytes[1 << 16];
    FILE *file = fopen(path, "rb");
    size_t size, whole = 0;

    (void)state;
    assert_non_null(file);
    size = fread(bytes, 1, sizeof(bytes), file);
    fclose(file);
    assert_true(size > 1000 && size < sizeof(bytes));
    for (size_t cut = 0; cut <= size; cut++) {
        struct fletch_sentencepiece model = { 0 };
        struct fletch_error err = { 0 };
        uint8_t *copy = malloc(cut + 1);

        memcpy(copy, bytes, cut);
        if (fletch_sentencepiece_read(&model, copy, cut, &err))
            assert_int_equal(err.status, FLETCH_ERR_FORMAT);
        else
            whole++;
        fletch_sentencepiece_release(&model);
        free(copy);
    }
    assert_true(whole > 1 && whole < 1000);
}

static void names_the_file_of_pieces(void **state)
{
    struct fletch_error err;

    (void)state;
    put_bytes(at("sentencepiece.bpe.model"), PIECE_A, sizeof(PIECE_A) - 1);
    assert_fails(build("{\"model_type\": \"xlm-roberta\"}", NULL, &err), FLETCH_ERR_FORMAT,
                 err, "sentencepiece.bpe.model: 1 pieces, expected at least 3");
    put_bytes(at("spiece.model"), PIECE_A, sizeof(PIECE_A) - 1);
    assert_ok(build("{\"model_type\": \"albert\"}", NULL, &err), err);
    check_built("model.vocab", "[[\"a\",-1.0]]");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_scratch, release_built)
    const struct CMUnitTest tests[] = {
        TEST(says_what_it_cannot_make),
        TEST(says_what_no_file_can_do),
        TEST(goes_by_files),
        TEST(class_before_type),
        TEST(reads_lines),
        TEST(refuses_lines),
        TEST(refuses_foreign_pieces),
        TEST(refuses_tokens),
        TEST(numbers_added_tokens),
        TEST(bounds_added_tokens),
        TEST(knows_many_special_tokens),
        TEST(reads_merges),
        TEST(refuses_merges),
        TEST(refuses_pieces),
        TEST(reads_pieces),
        TEST(cut_anywhere),
        TEST(names_the_file_of_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
