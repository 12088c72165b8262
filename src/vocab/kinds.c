/* SPDX-License-Identifier: MIT */
/* kinds.c - the table of tokenizers that can be made
 *
 * Classes and model types as transformers 4.57 pairs them; defaults are its classes'. To
 * add one that needs no new part, add a row.
 */
#include "vocab/kinds.h"

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

/* fairseq numbered its four special tokens first, whatever the pieces' file did. */
static const struct fletch_pieces_head fairseq_head[] = {
    { "<s>", 0 },
    { "<pad>", 0 },
    { "</s>", 0 },
    { "<unk>", 0 },
};

static const struct fletch_pieces_head camembert_head[] = {
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

const struct fletch_kind fletch_kinds[] = {
    { .classes = bert_classes,
      .model_types = bert_types,
      .files = vocab_txt,
      .read = fletch_read_lines,
      .specials = BERT_SPECIALS,
      .lower_case = true,
      .put_normalizer = fletch_put_bert_normalizer,
      .put_splitter = fletch_put_bert_splitter,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_word_decoder,
      .put_model = fletch_put_words_model,
      .typed = true },
    { .classes = mpnet_classes,
      .model_types = mpnet_types,
      .files = vocab_txt,
      .read = fletch_read_lines,
      .specials = { "<s>", "</s>", "[UNK]", "</s>", "<pad>", "<s>", "<mask>" },
      .wraps = { FLETCH_WRAP_PLAIN, FLETCH_WRAP_PLAIN, FLETCH_WRAP_PLAIN, FLETCH_WRAP_PLAIN,
                 FLETCH_WRAP_PLAIN, FLETCH_WRAP_PLAIN, FLETCH_WRAP_LSTRIP },
      .lower_case = true,
      .basic_chinese = true,
      .put_normalizer = fletch_put_bert_normalizer,
      .put_splitter = fletch_put_bert_splitter,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_word_decoder,
      .put_model = fletch_put_words_model,
      .doubled = true,
      .typed = true },
    { .classes = roberta_classes,
      .model_types = roberta_types,
      .files = vocab_json,
      .merges = "merges.txt",
      .read = fletch_read_pairs,
      .specials = FAIRSEQ_SPECIALS,
      .wraps = { FLETCH_WRAP_NORMALIZED, FLETCH_WRAP_NORMALIZED, FLETCH_WRAP_NORMALIZED,
                 FLETCH_WRAP_NORMALIZED, FLETCH_WRAP_NORMALIZED, FLETCH_WRAP_NORMALIZED,
                 FLETCH_WRAP_LSTRIP },
      .put_normalizer = fletch_put_null,
      .put_splitter = fletch_put_byte_splitter,
      .put_processor = fletch_put_roberta_processor,
      .put_decoder = fletch_put_byte_decoder,
      .put_model = fletch_put_pairs_model },
    { .classes = deberta_classes,
      .model_types = deberta_types,
      .files = vocab_json,
      .merges = "merges.txt",
      .read = fletch_read_pairs,
      .specials = { "[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]" },
      .wraps = { FLETCH_WRAP_PLAIN, FLETCH_WRAP_PLAIN, FLETCH_WRAP_PLAIN, FLETCH_WRAP_PLAIN,
                 FLETCH_WRAP_PLAIN, FLETCH_WRAP_PLAIN, FLETCH_WRAP_LSTRIP_NORMALIZED },
      .put_normalizer = fletch_put_null,
      .put_splitter = fletch_put_byte_splitter,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_byte_decoder,
      .put_model = fletch_put_pairs_model,
      .first = "[CLS]",
      .last = "[SEP]",
      .typed = true },
    { .classes = gpt2_classes,
      .model_types = gpt2_types,
      .files = vocab_json,
      .merges = "merges.txt",
      .read = fletch_read_pairs,
      .specials = { "<|endoftext|>", "<|endoftext|>", "<|endoftext|>" },
      .wraps = { FLETCH_WRAP_NORMALIZED, FLETCH_WRAP_NORMALIZED, FLETCH_WRAP_NORMALIZED,
                 FLETCH_WRAP_NONE, FLETCH_WRAP_NORMALIZED },
      .put_normalizer = fletch_put_null,
      .put_splitter = fletch_put_byte_splitter,
      .put_processor = fletch_put_byte_processor,
      .put_decoder = fletch_put_byte_decoder,
      .put_model = fletch_put_pairs_model,
      .typed = true },
    { .classes = xlm_roberta_classes,
      .model_types = xlm_roberta_types,
      .files = bpe_model,
      .read = fletch_read_pieces,
      .specials = FAIRSEQ_SPECIALS,
      .wraps = { [FLETCH_SPECIAL_MASK] = FLETCH_WRAP_LSTRIP },
      .head = fairseq_head,
      .head_count = 4,
      .head_skip = 3,
      .tail = "<mask>",
      .head_unk = true,
      .unk = 3,
      .put_normalizer = fletch_put_spaces_normalizer,
      .put_splitter = fletch_put_metaspace,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_metaspace,
      .put_model = fletch_put_pieces_model,
      .first = "<s>",
      .last = "</s>",
      .doubled = true },
    { .classes = camembert_classes,
      .model_types = camembert_types,
      .files = bpe_model,
      .read = fletch_read_pieces,
      .specials = FAIRSEQ_SPECIALS,
      .wraps = { [FLETCH_SPECIAL_MASK] = FLETCH_WRAP_LSTRIP },
      .additional = camembert_more,
      .head = camembert_head,
      .head_count = 5,
      .head_skip = 1,
      .tail = "<mask>",
      .head_unk = true,
      .unk = 3,
      .put_normalizer = fletch_put_spaces_normalizer,
      .put_splitter = fletch_put_metaspace,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_metaspace,
      .put_model = fletch_put_pieces_model,
      .first = "<s>",
      .last = "</s>",
      .doubled = true },
    { .classes = albert_classes,
      .model_types = albert_types,
      .files = spiece_model,
      .read = fletch_read_pieces,
      .specials = { "[CLS]", "[SEP]", "<unk>", "[SEP]", "<pad>", "[CLS]", "[MASK]" },
      .wraps = { [FLETCH_SPECIAL_MASK] = FLETCH_WRAP_LSTRIP },
      .lower_case = true,
      .comma_penalty = true,
      .put_normalizer = fletch_put_accents_normalizer,
      .put_splitter = fletch_put_metaspace,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_metaspace,
      .put_model = fletch_put_pieces_model,
      .first = "[CLS]",
      .last = "[SEP]",
      .typed = true },
    { .classes = deberta_v2_classes,
      .model_types = deberta_v2_types,
      .files = spm_model,
      .read = fletch_read_pieces,
      .specials = { "[CLS]", "[SEP]", "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]" },
      .wraps = { [FLETCH_SPECIAL_UNK] = FLETCH_WRAP_NORMALIZED },
      .put_normalizer = fletch_put_strip_normalizer,
      .put_splitter = fletch_put_metaspace_sequence,
      .put_processor = fletch_put_template,
      .put_decoder = fletch_put_metaspace,
      .put_model = fletch_put_pieces_model,
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

static const struct fletch_kind *find_class(const char *name)
{
    size_t len = strlen(name), fast = strlen("Fast");

    if (len > fast && !strcmp(name + len - fast, "Fast"))
        len -= fast;
    for (const struct fletch_kind *kind = fletch_kinds; kind->classes; kind++)
        if (is_among(kind->classes, name, len))
            return kind;
    return NULL;
}

static const struct fletch_kind *find_type(const char *name)
{
    for (const struct fletch_kind *kind = fletch_kinds; kind->classes; kind++)
        if (is_among(kind->model_types, name, strlen(name)))
            return kind;
    return NULL;
}

/* A class that stands for any tokenizer.json says nothing of what it was made from. */
static const char *class_of(const json_t *config)
{
    const char *name = json_string_value(json_object_get(config, "tokenizer_class"));

    return name && strcmp(name, "PreTrainedTokenizerFast") ? name : NULL;
}

enum fletch_status fletch_kind_find(const struct fletch_kind **out,
                                    const struct fletch_vocab_source *source,
                                    struct fletch_error *err)
{
    const char *class_name = class_of(source->tokenizer_config);
    const char *type = json_string_value(json_object_get(source->config, "model_type"));
    const struct fletch_kind *kind;

    if (!class_name)
        class_name = class_of(source->config);
    kind = class_name ? find_class(class_name) : type ? find_type(type) : NULL;
    if (kind) {
        *out = kind;
        return FLETCH_OK;
    }
    if (class_name)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "none can be made for the tokenizer_class '%s'", class_name);
    if (type)
        return fletch_fail(err, FLETCH_ERR_UNSUPPORTED,
                           "none can be made for the model_type '%s'", type);
    return fletch_fail(
        err, FLETCH_ERR_UNSUPPORTED,
        "neither tokenizer_config.json has a tokenizer_class nor config.json a "
        "model_type that says what to make");
}
