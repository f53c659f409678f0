/* Arguments that no call can be made with: each is refused, none crashes, and out-parameters are
 * cleared all the same. */
#include "check.h"

#include <math.h>

static char oversized[1 << 20];

/* Paths that cannot be one, and what they give. */
static const struct {
    const char *path;
    int32_t code;
} bad[] = {
    { NULL, PVEN_ERR_ARGUMENT },
    { "", PVEN_ERR_ARGUMENT },
    { oversized, PVEN_ERR_IO },
};

#define FOR_BAD_PATHS for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)

static void opening(void)
{
    pven_error *err = GARBAGE(pven_error);
    FOR_BAD_PATHS {
        pven_chain *chain = GARBAGE(pven_chain);
        CHECK_ERR(pven_chain_open(bad[i].path, NULL, 0, &chain, &err), err, bad[i].code);
        CHECK(chain == NULL);
    }
    CHECK_ERR(pven_chain_open(image("base.qcow2"), NULL, 0, NULL, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(pven_chain_open(NULL, NULL, 0, NULL, NULL) == PVEN_ERR_ARGUMENT);
    CHECK(pven_chain_open(oversized, NULL, 0, NULL, NULL) == PVEN_ERR_ARGUMENT);
}

static void json_questions(void)
{
    const char *base = image("base.qcow2");
    pven_error *err = NULL;
    FOR_BAD_PATHS {
        char *json = GARBAGE(char);
        size_t len = 1;
        CHECK_ERR(pven_image_info_json(bad[i].path, NULL, 0, &json, &len, &err), err, bad[i].code);
        CHECK(json == NULL && len == 0);
        json = GARBAGE(char);
        CHECK_ERR(pven_qemu_img_info_json(bad[i].path, NULL, 0, &json, &len, &err), err,
                  bad[i].code);
        CHECK(json == NULL);
    }
    {
        char *json = GARBAGE(char);
        size_t len = 1;
        CHECK_ERR(pven_image_info_json(base, NULL, 0, NULL, &len, &err), err, PVEN_ERR_ARGUMENT);
        CHECK(len == 0);
        CHECK_ERR(pven_image_info_json(base, NULL, 0, &json, NULL, &err), err, PVEN_ERR_ARGUMENT);
        CHECK(json == NULL);
        CHECK_ERR(pven_qemu_img_info_json(base, NULL, 0, NULL, NULL, &err), err,
                  PVEN_ERR_ARGUMENT);
        CHECK_ERR(pven_chain_json(NULL, NULL, NULL, &err), err, PVEN_ERR_ARGUMENT);
        json = GARBAGE(char);
        CHECK_ERR(pven_chain_json(NULL, &json, &len, &err), err, PVEN_ERR_ARGUMENT);
        CHECK(json == NULL);
    }
}

static void many(void)
{
    const char *const good[] = { "x", "" };
    const char *const holed[] = { "x", NULL };
    const char *const huge[] = { oversized };
    pven_error *err = NULL;
    char *json = GARBAGE(char);
    size_t len = 1;
    CHECK_ERR(pven_inspect_many_json(NULL, 0, NULL, 0, &json, &len, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(json == NULL && len == 0);
    CHECK_ERR(pven_inspect_many_json(holed, 2, NULL, 0, &json, &len, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_inspect_many_json(huge, 1, NULL, 0, &json, &len, &err), err, PVEN_ERR_IO);
    CHECK_ERR(pven_inspect_many_json(good, SIZE_MAX, NULL, 0, &json, &len, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_inspect_many_json(good, PVEN_MANY_MAX + 1, NULL, 0, &json, &len, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_inspect_many_json(good, 1, NULL, 0, NULL, NULL, &err), err, PVEN_ERR_ARGUMENT);
    /* One bad name among many is that image's error. */
    CHECK_ERR(pven_inspect_many_json(good, 2, NULL, 0, &json, &len, &err), err, PVEN_OK);
    CHECK(json && strstr(json, "\"code\": \"argument\"") != NULL);
    pven_string_free(json);
}

static void file_size(void)
{
    const char *base = image("base.qcow2");
    pven_file_size_info info;
    pven_error *err = NULL;
    FOR_BAD_PATHS {
        pven_file_size_opts opts = { .format = "raw", .untrusted = 1 };
        memset(&info, 0x5a, sizeof info);
        CHECK_ERR(pven_file_size(bad[i].path, &opts, sizeof opts, &info, sizeof info, &err), err,
                  bad[i].code);
        CHECK(info.parent == NULL && info.size == 0);
    }
    CHECK_ERR(pven_file_size(base, NULL, 0, NULL, sizeof info, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_file_size(base, NULL, 0, &info, 0, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_file_size(base, NULL, 0, &info, SIZE_MAX, &err), err, PVEN_ERR_ARGUMENT);
}

static void images_of_a_chain(void)
{
    pven_chain *chain = open_chain("base.qcow2");
    pven_error *err = NULL;
    pven_image_info info;
    memset(&info, 0x5a, sizeof info);
    CHECK(pven_chain_len(NULL) == 0);
    CHECK_ERR(pven_chain_image(NULL, 0, &info, sizeof info, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(info.filename == NULL && info.error_errno == 0);
    CHECK_ERR(pven_chain_image(chain, 1, &info, sizeof info, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_chain_image(chain, SIZE_MAX, &info, sizeof info, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_chain_image(chain, 0, NULL, sizeof info, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_chain_image(chain, 0, &info, 0, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_chain_image(chain, 0, &info, SIZE_MAX, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(pven_chain_image(chain, 0, NULL, 0, NULL) == PVEN_ERR_ARGUMENT);
    pven_chain_free(chain);
}

/* The same for each of the functions that give one item of a list. */
#define CHECK_LIST(function, type)                                              \
    do {                                                                        \
        type item;                                                              \
        memset(&item, 0x5a, sizeof item);                                       \
        CHECK_ERR(function(NULL, 0, 0, &item, sizeof item, &err), err,          \
                  PVEN_ERR_ARGUMENT);                                           \
        CHECK(memcmp(&item, &(type){ 0 }, sizeof item) == 0);                   \
        CHECK_ERR(function(chain, 9, 0, &item, sizeof item, &err), err,         \
                  PVEN_ERR_ARGUMENT);                                           \
        CHECK_ERR(function(chain, 0, SIZE_MAX, &item, sizeof item, &err), err,  \
                  PVEN_ERR_ARGUMENT);                                           \
        CHECK_ERR(function(chain, 0, 0, NULL, sizeof item, &err), err,          \
                  PVEN_ERR_ARGUMENT);                                           \
        CHECK_ERR(function(chain, 0, 0, &item, 0, &err), err,                   \
                  PVEN_ERR_ARGUMENT);                                           \
        CHECK_ERR(function(chain, 0, 0, &item, SIZE_MAX, &err), err,            \
                  PVEN_ERR_ARGUMENT);                                           \
        CHECK(function(NULL, 0, 0, NULL, 0, NULL) == PVEN_ERR_ARGUMENT);        \
    } while (0)

static void lists_of_an_image(void)
{
    pven_error *err = NULL;
    const char *warning = GARBAGE(const char);
    pven_chain *chain = open_chain("snapshots.qcow2");
    CHECK_LIST(pven_chain_image_snapshot, pven_snapshot);
    CHECK_LIST(pven_chain_image_feature_name, pven_feature_name);
    CHECK_LIST(pven_chain_image_extent, pven_extent_file);
    pven_chain_free(chain);
    chain = open_chain("bitmaps.qcow2");
    CHECK_LIST(pven_chain_image_bitmap, pven_bitmap);
    pven_chain_free(chain);
    chain = open_chain("stale.qcow2");
    CHECK_ERR(pven_chain_image_warning(NULL, 0, 0, &warning, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(warning == NULL);
    CHECK_ERR(pven_chain_image_warning(chain, 9, 0, &warning, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_chain_image_warning(chain, 0, 0, NULL, &err), err, PVEN_ERR_ARGUMENT);
    pven_chain_free(chain);
}

static void refuse(pven_open_opts opts)
{
    pven_error *err = NULL;
    pven_chain *chain = GARBAGE(pven_chain);
    CHECK_ERR(pven_chain_open(image("base.qcow2"), &opts, sizeof opts, &chain, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK(chain == NULL);
}

static void values_of_options(void)
{
    refuse((pven_open_opts){ .timeout = NAN });
    refuse((pven_open_opts){ .timeout = -1 });
    refuse((pven_open_opts){ .timeout = INFINITY });
    refuse((pven_open_opts){ .max_depth = 10001 });
    refuse((pven_open_opts){ .max_depth = UINT32_MAX });
    refuse((pven_open_opts){ .allow_probe = 2 });
    refuse((pven_open_opts){ .strict = 255 });
    refuse((pven_open_opts){ .reserved = { 0, 1 } });
    refuse((pven_open_opts){ .format = "QCOW2" });
    refuse((pven_open_opts){ .format = "" });
    refuse((pven_open_opts){ .format = oversized });
}

static void options_of_other_questions(void)
{
    const char *base = image("base.qcow2");
    const char *const paths[] = { base };
    pven_error *err = NULL;
    pven_file_size_info info;
    char *json = NULL;
    size_t len = 0;
    pven_many_opts many[] = { { .timeout = NAN }, { .reserved = { 1 } } };
    pven_qemu_img_info_opts text[] = {
        { .timeout = -0.5 }, { .backing_chain = 2 }, { .reserved = { 1 } }, { .format = "junk" },
        { .format = oversized },
    };
    pven_file_size_opts size[] = {
        { .timeout = NAN }, { .untrusted = 2 }, { .reserved = { 1 } }, { .format = oversized },
    };
    for (size_t i = 0; i < sizeof many / sizeof *many; i++)
        CHECK_ERR(pven_inspect_many_json(paths, 1, &many[i], sizeof many[i], &json, &len, &err),
                  err, PVEN_ERR_ARGUMENT);
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        CHECK_ERR(pven_qemu_img_info_json(base, &text[i], sizeof text[i], &json, &len, &err), err,
                  PVEN_ERR_ARGUMENT);
    for (size_t i = 0; i < sizeof size / sizeof *size; i++)
        CHECK_ERR(pven_file_size(base, &size[i], sizeof size[i], &info, sizeof info, &err), err,
                  PVEN_ERR_ARGUMENT);
}

static void sizes_of_options(void)
{
    struct {
        pven_open_opts opts;
        uint64_t later;
    } newer = { .opts = { .strict = 1 } };
    pven_error *err = NULL;
    pven_chain *chain = NULL;
    const char *base = image("base.qcow2");
    /* What is not known here may be there as long as it asks for nothing. */
    CHECK_ERR(pven_chain_open(base, &newer.opts, sizeof newer, &chain, &err), err, PVEN_OK);
    pven_chain_free(chain);
    newer.later = 1;
    CHECK_ERR(pven_chain_open(base, &newer.opts, sizeof newer, &chain, &err), err,
              PVEN_ERR_ARGUMENT);
    /* An older caller's struct ends earlier: strict and max_depth are not in it. */
    newer.opts.max_depth = UINT32_MAX;
    CHECK_ERR(pven_chain_open(base, &newer.opts, offsetof(pven_open_opts, max_depth), &chain, &err),
              err, PVEN_OK);
    pven_chain_free(chain);
    CHECK_ERR(pven_chain_open(base, &newer.opts, SIZE_MAX, &chain, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_chain_open(base, NULL, SIZE_MAX, &chain, &err), err, PVEN_OK);
    pven_chain_free(chain);
}

static void tests(void)
{
    memset(oversized, 'x', sizeof oversized - 1);
    opening();
    json_questions();
    many();
    file_size();
    images_of_a_chain();
    lists_of_an_image();
    values_of_options();
    options_of_other_questions();
    sizes_of_options();
}
