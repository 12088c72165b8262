/* SPDX-License-Identifier: MIT */
/* classes.c - the table of tokenizers that can be built
 *
 * Classes and model types are paired as in transformers 4.57; defaults are those of its
 * classes. To add one that needs no new part, add a row.
 */
#include "tokenizer/classes.h"

#include "base/glob.h"

#include <string.h>

static const char *const vocab_txt[] = { "vocab.txt", NULL };
static const char *const vocab_json[] = { "vocab.json", NULL };
static const char *const bpe_model[] = { "sentencepiece.bpe.model", NULL };
static const char *const spiece_model[] = { "spiece.model", NULL };
static const char *const spm_model[] = { "spm.model", "spiece.model", NULL };

/* ---- vocab.txt ---- */

static const char *const bert_classes[] = {
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "ConvBertTokenizer",
    "MobileBertTokenizer",
    "SqueezeBertTokenizer",
    "LayoutLMTokenizer",
    "LxmertTokenizer",
    "RetriBertTokenizer",
    "DPRReaderTokenizer",
    "DPRContextEncoderTokenizer",
    "DPRQuestionEncoderTokenizer",
    NULL,
};
static const char *const bert_types[] = {
    "bert",          "distilbert", "electra",    "convbert", "mobilebert", "squeezebert",
    "layoutlm",      "lxmert",     "ernie",      "nezha",    "qdqbert",    "visual_bert",
    "megatron-bert", "dpr",        "nomic_bert", NULL,
};
static const char *const mpnet_classes[] = { "MPNetTokenizer", NULL };
static const char *const mpnet_types[] = { "mpnet", NULL };

/* ---- vocab.json and merges.txt ---- */

static const char *const roberta_classes[] = {
    "RobertaTokenizer", "LongformerTokenizer", "BartTokenizer",
    "LEDTokenizer",     "MvpTokenizer",        NULL,
};
static const char *const roberta_types[] = {
    "roberta",    "roberta-prelayernorm",
    "longformer", "data2vec-text",
    "ibert",      "mega",
    "mra",        "bart",
    "led",        "mvp",
    NULL,
};
static const char *const deberta_classes[] = { "DebertaTokenizer", NULL };
static const char *const deberta_types[] = { "deberta", NULL };
static const char *const gpt2_classes[] = { "GPT2Tokenizer", NULL };
static const char *const gpt2_types[] = { "gpt2", "gpt_neo", "gptj", NULL };

/* ---- Pieces ---- */

static const char *const xlm_roberta_classes[] = { "XLMRobertaTokenizer",
                                                   "LayoutXLMTokenizer", NULL };
static const char *const xlm_roberta_types[] = { "xlm-roberta", "xlm-roberta-xl", "xmod",
                                                 NULL };
static const char *const camembert_classes[] = { "CamembertTokenizer", NULL };
static const char *const camembert_types[] = { "camembert", NULL };
static const char *const camembert_more[] = { "<s>NOTUSED", "</s>NOTUSED", "<unk>NOTUSED",
                                              NULL };
static const char *const albert_classes[] = { "AlbertTokenizer", NULL };
static const char *const albert_types[] = { "albert", "nystromformer", "yoso", NULL };
static const char *const deberta_v2_classes[] = { "DebertaV2Tokenizer", NULL };
static const char *const deberta_v2_types[] = { "deberta-v2", NULL };

/* fairseq numbered its four special tokens first, whatever the pieces' file has. */
static const struct fletch_sentencepiece_head fairseq_head[] = {
    { "<s>", 0 },
    { "<pad>", 0 },
    { "</s>", 0 },
    { "<unk>", 0 },
};

static const struct fletch_sentencepiece_head camembert_head[] = {
    { "<s>NOTUSED", 0 }, { "<pad>", 0 },           { "</s>NOTUSED", 0 },
    { "<unk>", 0 },      { "<unk>NOTUSED", -100 },
};

#define BERT_SPECIALS                                                                      \
    {                                                                                      \
        NULL, NULL, "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"                           \
    }
#define FAIRSEQ_SPECIALS                                                                   \
    {                                                                                      \
        "<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"                           \
    }

const struct fletch_tokenizer_class fletch_tokenizer_classes[] = {
    { .classes = bert_classes,
      .model_types = bert_types,
      .files = vocab_txt,
      .read = fletch_read_vocab_txt,
      .specials = BERT_SPECIALS,
      .lower_case = true,
      .put_normalizer = fletch_put_bert_normalizer,
      .put_pre_tokenizer = fletch_put_bert_pre_tokenizer,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_word_decoder,
      .put_model = fletch_put_wordpiece_model,
      .typed = true },
    { .classes = mpnet_classes,
      .model_types = mpnet_types,
      .files = vocab_txt,
      .read = fletch_read_vocab_txt,
      .specials = { "<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>" },
      .flags = { FLETCH_TOKEN_PLAIN, FLETCH_TOKEN_PLAIN, FLETCH_TOKEN_PLAIN,
                 FLETCH_TOKEN_PLAIN, FLETCH_TOKEN_PLAIN, FLETCH_TOKEN_PLAIN,
                 FLETCH_TOKEN_LSTRIP },
      .lower_case = true,
      .basic_chinese = true,
      .put_normalizer = fletch_put_bert_normalizer,
      .put_pre_tokenizer = fletch_put_bert_pre_tokenizer,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_word_decoder,
      .put_model = fletch_put_wordpiece_model,
      .doubled = true,
      .typed = true },
    { .classes = roberta_classes,
      .model_types = roberta_types,
      .files = vocab_json,
      .merges = "merges.txt",
      .read = fletch_read_vocab_merges,
      .specials = FAIRSEQ_SPECIALS,
      .flags = { FLETCH_TOKEN_NORMALIZED, FLETCH_TOKEN_NORMALIZED, FLETCH_TOKEN_NORMALIZED,
                 FLETCH_TOKEN_NORMALIZED, FLETCH_TOKEN_NORMALIZED, FLETCH_TOKEN_NORMALIZED,
                 FLETCH_TOKEN_LSTRIP },
      .put_normalizer = fletch_put_null,
      .put_pre_tokenizer = fletch_put_byte_pre_tokenizer,
      .put_processor = fletch_put_roberta_processor,
      .put_decoder = fletch_put_byte_decoder,
      .put_model = fletch_put_bpe_model },
    { .classes = deberta_classes,
      .model_types = deberta_types,
      .files = vocab_json,
      .merges = "merges.txt",
      .read = fletch_read_vocab_merges,
      .specials = { "[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]" },
      .flags = { FLETCH_TOKEN_PLAIN, FLETCH_TOKEN_PLAIN, FLETCH_TOKEN_PLAIN,
                 FLETCH_TOKEN_PLAIN, FLETCH_TOKEN_PLAIN, FLETCH_TOKEN_PLAIN,
                 FLETCH_TOKEN_LSTRIP_NORMALIZED },
      .put_normalizer = fletch_put_null,
      .put_pre_tokenizer = fletch_put_byte_pre_tokenizer,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_byte_decoder,
      .put_model = fletch_put_bpe_model,
      .first = "[CLS]",
      .last = "[SEP]",
      .typed = true },
    { .classes = gpt2_classes,
      .model_types = gpt2_types,
      .files = vocab_json,
      .merges = "merges.txt",
      .read = fletch_read_vocab_merges,
      .specials = { "<|endoftext|>", "<|endoftext|>", "<|endoftext|>" },
      .flags = { FLETCH_TOKEN_NORMALIZED, FLETCH_TOKEN_NORMALIZED, FLETCH_TOKEN_NORMALIZED,
                 FLETCH_TOKEN_NONE, FLETCH_TOKEN_NORMALIZED },
      .put_normalizer = fletch_put_null,
      .put_pre_tokenizer = fletch_put_byte_pre_tokenizer,
      .put_processor = fletch_put_byte_processor,
      .put_decoder = fletch_put_byte_decoder,
      .put_model = fletch_put_bpe_model,
      .typed = true },
    { .classes = xlm_roberta_classes,
      .model_types = xlm_roberta_types,
      .files = bpe_model,
      .read = fletch_read_sentencepiece,
      .specials = FAIRSEQ_SPECIALS,
      .flags = { [FLETCH_SPECIAL_MASK] = FLETCH_TOKEN_LSTRIP },
      .head = fairseq_head,
      .head_count = 4,
      .head_skip = 3,
      .tail = "<mask>",
      .head_unk = true,
      .unk = 3,
      .put_normalizer = fletch_put_spaces_normalizer,
      .put_pre_tokenizer = fletch_put_metaspace,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_metaspace,
      .put_model = fletch_put_sentencepiece_model,
      .first = "<s>",
      .last = "</s>",
      .doubled = true },
    { .classes = camembert_classes,
      .model_types = camembert_types,
      .files = bpe_model,
      .read = fletch_read_sentencepiece,
      .specials = FAIRSEQ_SPECIALS,
      .flags = { [FLETCH_SPECIAL_MASK] = FLETCH_TOKEN_LSTRIP },
      .additional = camembert_more,
      .head = camembert_head,
      .head_count = 5,
      .head_skip = 1,
      .tail = "<mask>",
      .head_unk = true,
      .unk = 3,
      .put_normalizer = fletch_put_spaces_normalizer,
      .put_pre_tokenizer = fletch_put_metaspace,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_metaspace,
      .put_model = fletch_put_sentencepiece_model,
      .first = "<s>",
      .last = "</s>",
      .doubled = true },
    { .classes = albert_classes,
      .model_types = albert_types,
      .files = spiece_model,
      .read = fletch_read_sentencepiece,
      .specials = { "[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]" },
      .flags = { [FLETCH_SPECIAL_MASK] = FLETCH_TOKEN_LSTRIP },
      .lower_case = true,
      .comma_penalty = true,
      .put_normalizer = fletch_put_accents_normalizer,
      .put_pre_tokenizer = fletch_put_metaspace,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_metaspace,
      .put_model = fletch_put_sentencepiece_model,
      .first = "[CLS]",
      .last = "[SEP]",
      .typed = true },
    { .classes = deberta_v2_classes,
      .model_types = deberta_v2_types,
      .files = spm_model,
      .read = fletch_read_sentencepiece,
      .specials = { "[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]" },
      .flags = { [FLETCH_SPECIAL_UNK] = FLETCH_TOKEN_NORMALIZED },
      .put_normalizer = fletch_put_strip_normalizer,
      .put_pre_tokenizer = fletch_put_metaspace_sequence,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_metaspace,
      .put_model = fletch_put_sentencepiece_model,
      .first = "[CLS]",
      .last = "[SEP]",
      .typed = true },
    { .classes = NULL },
};

/* ---- Which one ---- */

static bool is_among(const char *const *list, const char *text, size_t len)
{
    for (; *list; list++)
        if (strlen(*list) == len && !memcmp(*list, text, len))
            return true;
    return false;
}

static const struct fletch_tokenizer_class *find_class(const char *name)
{
    size_t len = strlen(name), fast = strlen("Fast");

    if (len > fast && !strcmp(name + len - fast, "Fast"))
        len -= fast;
    for (const struct fletch_tokenizer_class *tokenizer_class = fletch_tokenizer_classes;
         tokenizer_class->classes; tokenizer_class++)
        if (is_among(tokenizer_class->classes, name, len))
            return tokenizer_class;
    return NULL;
}

static const struct fletch_tokenizer_class *find_type(const char *name)
{
    for (const struct fletch_tokenizer_class *tokenizer_class = fletch_tokenizer_classes;
         tokenizer_class->classes; tokenizer_class++)
        if (is_among(tokenizer_class->model_types, name, strlen(name)))
            return tokenizer_class;
    return NULL;
}

/* Classes that stand for any tokenizer: they tell nothing about its files. */
static const char *const generic_classes[] = {
    "TokenizersBackend",
    "PythonBackend",
    "SentencePieceBackend",
    "PreTrainedTokenizer",
    "PreTrainedTokenizerFast",
    "PreTrainedTokenizerBase",
    NULL,
};

static const char *class_of(const json_t *config)
{
    const char *name = json_string_value(json_object_get(config, "tokenizer_class"));

    return name && !is_among(generic_classes, name, strlen(name)) ? name : NULL;
}

/* The class that a file names, or NULL. A roformer model that names none has its own class,
 * which is not a kind here. */
static const char *class_said(const struct fletch_tokenizer_source *source)
{
    const char *type = json_string_value(json_object_get(source->config, "model_type"));
    const char *name = class_of(source->tokenizer_config);

    if (!name)
        name = class_of(source->config);
    return !name && type && !strcmp(type, "roformer") ? "RoFormerTokenizer" : name;
}

/* ---- What none can be ---- */

#define JIEBA "splits Chinese words by jieba first"
#define OWN_LIST "numbers sentencepiece's pieces by a list of its own"
#define DICTIONARY "splits Japanese words by a dictionary first"

/* Classes that do in Python what a tokenizer.json cannot express, or number tokens
 * differently from their vocabulary file. */
static const struct unmade {
    const char *glob, *why;
    bool beyond; /* beyond a tokenizer.json, so one beside it belongs to another
                    tokenizer */
} unmade[] = {
    { "*Mecab*", DICTIONARY, true },
    { "*MeCab*", DICTIONARY, true },
    { "*Sudachi*", DICTIONARY, true },
    { "*Juman*", DICTIONARY, true },
    { "*Japanese*", DICTIONARY, false },
    { "RoFormer*", JIEBA, true },
    { "WoBert*", JIEBA, true },
    { "Cpm*", JIEBA, true },
    { "PhobertTokenizer*", "reads words that were joined before, by bpe.codes", false },
    { "BertweetTokenizer*", "rewrites tweets first, and reads bpe.codes", false },
    { "KoBertTokenizer*", OWN_LIST, false },
    { "KoBERTTokenizer*", OWN_LIST, false },
};

static const struct unmade *find_unmade(const char *class_name)
{
    for (size_t i = 0; class_name && i < sizeof(unmade) / sizeof(unmade[0]); i++)
        if (fletch_glob_match(unmade[i].glob, class_name))
            return &unmade[i];
    return NULL;
}

/* Every word splitter of BertJapaneseTokenizer except "basic" is an external program. */
static const char *pre_tokenizer_of(const struct fletch_tokenizer_source *source)
{
    const char *name =
        json_string_value(json_object_get(source->tokenizer_config, "word_tokenizer_type"));

    return name && strcmp(name, "basic") != 0 ? name : NULL;
}

enum fletch_status fletch_tokenizer_check(const struct fletch_tokenizer_source *source,
                                          struct fletch_error *err)
{
    const char *class_name = class_said(source), *pre_tokenizer = pre_tokenizer_of(source);
    const struct unmade *found = find_unmade(class_name);

    if (pre_tokenizer)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "words are split by %.64s first (tokenizer_config.json: "
                           "word_tokenizer_type), which no tokenizer.json can do",
                           pre_tokenizer);
    if (found && found->beyond)
        return fletch_fail(
            err, FLETCH_ERR_UNSUPPORTED,
            "the tokenizer_class '%.100s' %s, which no tokenizer.json can do", class_name,
            found->why);
    return FLETCH_OK;
}

enum fletch_status fletch_tokenizer_class_find(const struct fletch_tokenizer_class **out,
                                               const struct fletch_tokenizer_source *source,
                                               struct fletch_error *err)
{
    const char *type = json_string_value(json_object_get(source->config, "model_type"));
    const char *class_name = class_said(source);
    const struct unmade *known = find_unmade(class_name);
    const struct fletch_tokenizer_class *tokenizer_class;

    TRY(fletch_tokenizer_check(source, err));
    if (known)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "none can be made for the tokenizer_class '%.100s', which %s",
                           class_name, known->why);
    tokenizer_class = class_name ? find_class(class_name) : type ? find_type(type) : NULL;
    if (tokenizer_class) {
        *out = tokenizer_class;
        return FLETCH_OK;
    }
    if (class_name)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "none can be made for the tokenizer_class '%.100s'; where it is "
                           "a fast one, its save_pretrained() writes a tokenizer.json",
                           class_name);
    if (type)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "none can be made for the model_type '%s'", type);
    return fletch_fail(
        err, FLETCH_ERR_UNSUPPORTED,
        "neither tokenizer_config.json has a tokenizer_class nor config.json a "
        "model_type that says what to make");
}
