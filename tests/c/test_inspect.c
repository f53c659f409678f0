/* Questions that are answered with JSON. */
#include "check.h"

static void one_image_is_described_as_by_qemu(void)
{
    static const char *const names[] = { "base", "mid", "top", "snapshots", "bitmaps", "fancy" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[64], answer[64];
        pven_qemu_img_info_opts opts = { .format = "qcow2" };
        pven_error *err = GARBAGE(pven_error);
        char *json = GARBAGE(char);
        char *want;
        size_t len = 1;
        snprintf(name, sizeof name, "%s.qcow2", names[i]);
        snprintf(answer, sizeof answer, "%s.info", names[i]);
        want = contents(answer);
        CHECK_ERR(pven_image_info_json(image(name), NULL, 0, &json, &len, &err), err, PVEN_OK);
        CHECK_TEXT(json, want);
        CHECK(json && len == strlen(json));
        pven_string_free(json);
        json = NULL;
        CHECK_ERR(pven_qemu_img_info_json(image(name), &opts, sizeof opts, &json, &len, &err), err,
                  PVEN_OK);
        CHECK_TEXT(json, want);
        pven_string_free(json);
        free(want);
    }
}

static void the_format_can_be_said(void)
{
    pven_open_opts opts = { .format = "raw", .timeout = 30 };
    pven_error *err = NULL;
    char *json = NULL;
    char *want = contents("noext.info");
    size_t len = 0;
    CHECK_ERR(pven_image_info_json(image("noext"), &opts, sizeof opts, &json, &len, &err), err,
              PVEN_OK);
    CHECK_TEXT(json, want);
    free(want);
    pven_string_free(json);
    opts.format = "qcow2";
    json = GARBAGE(char);
    CHECK_ERR(pven_image_info_json(image("noext"), &opts, sizeof opts, &json, &len, &err), err,
              PVEN_ERR_FORMAT);
    CHECK(json == NULL && len == 0);
}

static void one_image_takes_no_options_of_chains(void)
{
    pven_open_opts opts[] = { { .max_depth = 1 }, { .allow_probe = 1 }, { .strict = 1 } };
    for (size_t i = 0; i < sizeof opts / sizeof *opts; i++) {
        pven_error *err = NULL;
        char *json = NULL;
        size_t len = 0;
        CHECK_ERR(pven_image_info_json(image("base.qcow2"), &opts[i], sizeof opts[i], &json, &len,
                                       &err), err, PVEN_ERR_ARGUMENT);
    }
}

static void qemus_text_follows_the_chain_on_request(void)
{
    pven_qemu_img_info_opts opts = { .format = "qcow2", .backing_chain = 1, .timeout = 30 };
    pven_error *err = NULL;
    char *json = NULL;
    char *want = contents("top.chain");
    size_t len = 0;
    CHECK_ERR(pven_qemu_img_info_json(image("top.qcow2"), &opts, sizeof opts, &json, &len, &err),
              err, PVEN_OK);
    CHECK_TEXT(json, want);
    free(want);
    pven_string_free(json);
    CHECK_ERR(pven_qemu_img_info_json(image("lost.qcow2"), &opts, sizeof opts, &json, &len, &err),
              err, PVEN_ERR_IO);
    CHECK(json == NULL);
}

static void many_images_are_answered_in_their_order(void)
{
    char base[4096], gone[4096], junk[4096];
    const char *const paths[] = { gone, base, junk, base };
    pven_many_opts opts = { .timeout = 30, .threads = 2 };
    pven_error *err = NULL;
    char *json = NULL;
    const char *error, *info;
    size_t len = 0;
    snprintf(base, sizeof base, "%s", image("base.qcow2"));
    snprintf(gone, sizeof gone, "%s", image("gone.qcow2"));
    snprintf(junk, sizeof junk, "%s", image("junk.qcow2"));
    CHECK_ERR(pven_inspect_many_json(paths, 4, &opts, sizeof opts, &json, &len, &err), err,
              PVEN_OK);
    CHECK(json && json[0] == '[' && len == strlen(json));
    error = json ? strstr(json, "\"code\": \"io\"") : NULL;
    info = error ? strstr(error, "\"virtual-size\": 67108864") : NULL;
    CHECK(info != NULL);
    error = info ? strstr(info, "\"code\": \"format\"") : NULL;
    info = error ? strstr(error, "\"virtual-size\": 67108864") : NULL;
    CHECK(info != NULL);
    pven_string_free(json);
}

static void none_of_many_is_an_empty_array(void)
{
    const char *const paths[] = { NULL };
    pven_error *err = NULL;
    char *json = NULL;
    size_t len = 0;
    CHECK_ERR(pven_inspect_many_json(paths, 0, NULL, 0, &json, &len, &err), err, PVEN_OK);
    CHECK_STR(json, "[\n]");
    pven_string_free(json);
}

static void a_string_may_be_shortened_before_it_is_freed(void)
{
    char *json = NULL;
    size_t len = 0;
    CHECK(pven_image_info_json(image("raw.img"), NULL, 0, &json, &len, NULL) == PVEN_OK);
    if (json)
        json[1] = '\0';
    pven_string_free(json);
}

static void tests(void)
{
    one_image_is_described_as_by_qemu();
    the_format_can_be_said();
    one_image_takes_no_options_of_chains();
    qemus_text_follows_the_chain_on_request();
    many_images_are_answered_in_their_order();
    none_of_many_is_an_empty_array();
    a_string_may_be_shortened_before_it_is_freed();
}
