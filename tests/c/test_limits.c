/* Limits on what an image may cost. */
#include "check.h"

static int32_t open_with(const char *name, const pven_limits *limits, pven_error **err)
{
    pven_open_opts opts = { .limits = limits, .limits_size = sizeof *limits };
    pven_chain *chain = GARBAGE(pven_chain);
    int32_t code = pven_chain_open(image(name), &opts, sizeof opts, &chain, err);
    CHECK((chain != NULL) == (code == PVEN_OK));
    pven_chain_free(chain);
    return code;
}

static void what_is_above_a_limit_is_refused(void)
{
    static const struct {
        const char *name;
        pven_limits limits;
    } refused[] = {
        { "snapshots.qcow2", { .max_snapshots = 1 } },
        { "snapshots.qcow2", { .max_name = 3 } },
        { "snapshots.qcow2", { .max_steps = 1 } },
        { "snapshots.qcow2", { .max_read_bytes = 4096 } },
        { "bitmaps.qcow2", { .max_bitmaps = 1 } },
        { "mid.qcow2", { .max_backing_name = 3 } },
        { "base.qcow2", { .max_virtual_size = 1 << 20 } },
        { "base.qcow2", { .max_l1_bytes = 4 } },
        { "base.qcow2", { .max_refcount_table_bytes = 512 } },
    };
    pven_error *err = NULL;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        CHECK_ERR(open_with(refused[i].name, &refused[i].limits, &err), err, PVEN_ERR_LIMIT);
    CHECK_ERR(open_with("snapshots.qcow2", &(pven_limits){ 0 }, &err), err, PVEN_OK);
    CHECK_ERR(open_with("snapshots.qcow2", &(pven_limits){ .max_snapshots = 2 }, &err), err,
              PVEN_OK);
}

static void a_chain_ends_at_its_depth(void)
{
    pven_limits limits = { .max_depth = 2 };
    pven_open_opts opts = { .limits = &limits, .limits_size = sizeof limits };
    pven_error *err = NULL;
    pven_chain *chain = NULL;
    pven_image_info info;
    CHECK_ERR(pven_chain_open(image("top.qcow2"), &opts, sizeof opts, &chain, &err), err, PVEN_OK);
    CHECK(pven_chain_len(chain) == 3);
    CHECK_ERR(pven_chain_image(chain, 2, &info, sizeof info, &err), err, PVEN_OK);
    CHECK(info.error_code == PVEN_ERR_LIMIT);
    pven_chain_free(chain);
}

static void limits_can_be_wrong_themselves(void)
{
    struct {
        pven_limits limits;
        uint64_t later;
    } newer = { .later = 1 };
    pven_open_opts opts = { .limits = &newer.limits, .limits_size = sizeof newer };
    pven_error *err = NULL;
    pven_chain *chain = NULL;
    CHECK_ERR(open_with("base.qcow2", &(pven_limits){ .max_snapshots = 65537 }, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(open_with("base.qcow2", &(pven_limits){ .max_steps = UINT64_MAX }, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(open_with("base.qcow2", &(pven_limits){ .max_read_bytes = 2 << 20 }, &err), err,
              PVEN_OK);
    CHECK_ERR(pven_chain_open(image("base.qcow2"), &opts, sizeof opts, &chain, &err), err,
              PVEN_ERR_ARGUMENT);
    /* A size that was forgotten would make them all void. */
    opts.limits_size = 0;
    CHECK_ERR(pven_chain_open(image("base.qcow2"), &opts, sizeof opts, &chain, &err), err,
              PVEN_ERR_ARGUMENT);
    newer.limits.max_snapshots = 1;
    opts.limits_size = offsetof(pven_limits, max_snapshots);
    CHECK_ERR(pven_chain_open(image("snapshots.qcow2"), &opts, sizeof opts, &chain, &err), err,
              PVEN_OK);
    pven_chain_free(chain);
}

static void other_questions_take_them_too(void)
{
    const char *const paths[] = { image("snapshots.qcow2") };
    pven_limits limits = { .max_snapshots = 1 };
    pven_open_opts one = { .limits = &limits, .limits_size = sizeof limits };
    pven_many_opts many = { .limits = &limits, .limits_size = sizeof limits };
    pven_qemu_img_info_opts text = { .limits = &limits, .limits_size = sizeof limits };
    pven_error *err = NULL;
    char *json = NULL;
    size_t len = 0;
    CHECK_ERR(pven_image_info_json(paths[0], &one, sizeof one, &json, &len, &err), err,
              PVEN_ERR_LIMIT);
    CHECK_ERR(pven_qemu_img_info_json(paths[0], &text, sizeof text, &json, &len, &err), err,
              PVEN_ERR_LIMIT);
    CHECK_ERR(pven_inspect_many_json(paths, 1, &many, sizeof many, &json, &len, &err), err,
              PVEN_OK);
    CHECK(json && strstr(json, "\"code\": \"limit\"") != NULL);
    pven_string_free(json);
}

static void tests(void)
{
    what_is_above_a_limit_is_refused();
    a_chain_ends_at_its_depth();
    limits_can_be_wrong_themselves();
    other_questions_take_them_too();
}
