/* Audits: what is found in images that may not be used, and the policies that say so. */
#include "check.h"

#include <errno.h>
#include <math.h>

static char oversized[1 << 16];

#define POLICY(...) (&(pven_policy){ __VA_ARGS__ }), sizeof(pven_policy)

static pven_audit *audit(const char *name, const pven_policy *policy, size_t size)
{
    pven_error *err = GARBAGE(pven_error);
    pven_audit *audit = GARBAGE(pven_audit);
    CHECK_ERR(pven_audit_open(image(name), policy, size, &audit, &err), err, PVEN_OK);
    return audit;
}

static pven_finding finding(const pven_audit *audit, size_t index)
{
    pven_error *err = NULL;
    pven_finding found;
    memset(&found, 0x5a, sizeof found);
    CHECK_ERR(pven_audit_finding(audit, index, &found, sizeof found, &err), err, PVEN_OK);
    return found;
}

/* The first finding with this code; all zeros if there is none. */
static pven_finding find(const pven_audit *audit, const char *code)
{
    for (size_t i = 0; i < pven_audit_len(audit); i++) {
        pven_finding found = finding(audit, i);
        if (strcmp(found.code, code) == 0)
            return found;
    }
    return (pven_finding){ 0 };
}

/* Whether an image is not safe because of this. */
static int denied(const char *name, const char *code, const pven_policy *policy, size_t size)
{
    pven_audit *done = audit(name, policy, size);
    pven_finding found = find(done, code);
    pven_error *err = NULL;
    int denied = !pven_audit_safe(done) && found.code && found.severity == PVEN_SEVERITY_ERROR;
    pven_audit_free(done);
    CHECK_ERR(pven_audit_check(image(name), policy, size, &err), err, PVEN_ERR_DENIED);
    if (!denied)
        fprintf(stderr, "%s: no error '%s'\n", name, code);
    return denied;
}

static void a_chain_of_ones_own_is_safe(void)
{
    pven_audit *done = audit("top.qcow2", NULL, 0);
    const pven_chain *chain = pven_audit_chain(done);
    pven_error *err = GARBAGE(pven_error);
    CHECK(pven_audit_safe(done) == 1);
    CHECK(pven_audit_len(done) == 0);
    CHECK(pven_chain_len(chain) == 3);
    CHECK_STR(image_info(chain, 2).format_name, "qcow2");
    pven_audit_free(done);
    CHECK_ERR(pven_audit_check(image("top.qcow2"), NULL, 0, &err), err, PVEN_OK);
}

static void a_finding_says_what_where_and_why(void)
{
    pven_audit *done = audit("top.qcow2", POLICY(.preset = PVEN_PRESET_UPLOAD, .timeout = 30));
    pven_error *err = NULL;
    pven_finding found;
    CHECK(pven_audit_safe(done) == 0);
    CHECK(pven_audit_len(done) == 1);
    found = finding(done, 0);
    CHECK_STR(found.code, "backing-file");
    CHECK_STR(found.image, image("top.qcow2"));
    CHECK(found.message && strstr(found.message, "mid.qcow2") != NULL);
    CHECK(found.severity == PVEN_SEVERITY_ERROR && found.reserved == 0);
    CHECK(found.offset != 0 && found.offset < 65536);
    CHECK(pven_audit_check(image("top.qcow2"), POLICY(.deny_backing = 1), &err) ==
          PVEN_ERR_DENIED);
    CHECK(pven_error_errno(err) == EPERM);
    CHECK(pven_error_offset(err) == found.offset);
    CHECK_STR(pven_error_path(err), image("top.qcow2"));
    pven_error_free(err);
    pven_audit_free(done);
}

static void hostile_images_are_not_safe(void)
{
    CHECK(denied("tiny.qcow2", "backing-file", POLICY(.preset = PVEN_PRESET_UPLOAD)));
    CHECK(denied("tiny.qcow2", "unnamed-format", NULL, 0));
    CHECK(denied("outside.qcow2", "outside-roots", NULL, 0));
    CHECK(denied("nbd.qcow2", "protocol", NULL, 0));
    CHECK(denied("json.qcow2", "json-name", NULL, 0));
    CHECK(denied("escape.qcow2", "name-control", NULL, 0));
    CHECK(denied("hidden.raw", "hidden-format", POLICY(.preset = PVEN_PRESET_UPLOAD)));
    CHECK(denied("flat.vmdk", "extent", POLICY(.preset = PVEN_PRESET_UPLOAD)));
    CHECK(denied("unnamed.qcow2", "unnamed-format", NULL, 0));
    CHECK(denied("data-there.qcow2", "data-file", NULL, 0));
    CHECK(denied("lost.qcow2", "unreadable", NULL, 0));
    CHECK(denied("one.qcow2", "cycle", NULL, 0));
    CHECK(denied("junk.qcow2", "wrong-format", NULL, 0));
    CHECK(denied("text.qcow2", "wrong-format", NULL, 0));
    CHECK(denied("fifo.qcow2", "not-a-file", NULL, 0));
    CHECK(denied("fifo.qcow2", "not-a-file", POLICY(.timeout = 30)));
    CHECK(denied("directory", "not-a-file", NULL, 0));
}

static void no_message_moves_the_cursor(void)
{
    pven_audit *done = audit("escape.qcow2", NULL, 0);
    for (size_t i = 0; i < pven_audit_len(done); i++)
        CHECK(strchr(finding(done, i).message, '\033') == NULL);
    pven_audit_free(done);
}

static void a_policy_allows_and_forbids(void)
{
    const char *const roots[] = { images };
    const char *const elsewhere[] = { "/usr" };
    const char *const raw[] = { "raw", "vmdk" };
    const char *const nbd[] = { "nbd" };
    const struct {
        const char *name;
        const char *code;
        pven_policy forbids, allows;
    } cases[] = {
        { "top.qcow2", "outside-roots", { .roots = elsewhere, .roots_count = 1 },
          { .roots = roots, .roots_count = 1 } },
        { "top.qcow2", "format-not-allowed", { .formats = raw, .formats_count = 2 }, { 0 } },
        { "nbd.qcow2", "protocol", { 0 }, { .protocols = nbd, .protocols_count = 1 } },
        { "data-there.qcow2", "data-file", { 0 }, { .allow_data_file = 1 } },
        { "unnamed.qcow2", "unnamed-format", { 0 }, { .allow_unnamed_format = 1 } },
        { "top.qcow2", "too-deep", { .max_depth = 2 }, { .max_depth = 3 } },
        { "base.qcow2", "virtual-size", { .max_virtual_size = (64 << 20) - 1 },
          { .max_virtual_size = 64 << 20 } },
        { "top.qcow2", "backing-file", { .deny_backing = 1 }, { .same_device = 1 } },
        { "hidden.raw", "hidden-format", { .preset = PVEN_PRESET_NONE },
          { .preset = PVEN_PRESET_STORAGE } },
        { "base.qcow2", "wrong-format", { .format = "vmdk" }, { .format = "qcow2" } },
        { "top.qcow2", "backing-file", { .preset = PVEN_PRESET_UPLOAD },
          { .preset = PVEN_PRESET_RESTORE, .roots = roots, .roots_count = 1 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pven_error *err = NULL;
        CHECK(denied(cases[i].name, cases[i].code, &cases[i].forbids, sizeof cases[i].forbids));
        CHECK_ERR(pven_audit_check(image(cases[i].name), &cases[i].allows, sizeof cases[i].allows,
                                   &err), err, PVEN_OK);
    }
}

static void links_are_not_followed_where_none_are_allowed(void)
{
    pven_policy none = { .symlinks = PVEN_SYMLINKS_NONE }, any = { .symlinks = PVEN_SYMLINKS_ANY };
    pven_error *err = NULL;
    int32_t code = pven_audit_check(image("base.qcow2"), &none, sizeof none, &err);
    if (code == PVEN_ERR_IO && pven_error_errno(err) == ENOSYS) {
        /* valgrind has no openat2: then nobody could tell, and that is an error. */
        pven_error_free(err);
        return;
    }
    CHECK_ERR(code, err, PVEN_OK);
    CHECK(denied("on-link.qcow2", "symlink", &none, sizeof none));
    CHECK(denied("link.qcow2", "symlink", &none, sizeof none));
    CHECK_ERR(pven_audit_check(image("on-link.qcow2"), &any, sizeof any, &err), err, PVEN_OK);
}

static void an_image_above_a_limit_is_not_safe(void)
{
    pven_limits limits = { .max_snapshots = 1 };
    pven_policy policy = { .limits = &limits, .limits_size = sizeof limits };
    pven_error *err = NULL;
    CHECK(denied("snapshots.qcow2", "limit", &policy, sizeof policy));
    limits.max_snapshots = 2;
    CHECK_ERR(pven_audit_check(image("snapshots.qcow2"), &policy, sizeof policy, &err), err,
              PVEN_OK);
    limits.max_depth = 2;
    CHECK(denied("top.qcow2", "too-deep", &policy, sizeof policy));
    policy.max_depth = 3;
    CHECK_ERR(pven_audit_check(image("top.qcow2"), &policy, sizeof policy, &err), err, PVEN_OK);
}

static void json_has_all_of_it(void)
{
    pven_error *err = GARBAGE(pven_error);
    char *json = GARBAGE(char);
    size_t len = 1;
    CHECK_ERR(pven_audit_json(image("top.qcow2"), NULL, 0, &json, &len, &err), err, PVEN_OK);
    CHECK(json && len == strlen(json));
    CHECK(json && strstr(json, "\"safe\": true") && strstr(json, "\"findings\": [\n    ]"));
    pven_string_free(json);
    CHECK_ERR(pven_audit_json(image("escape.qcow2"), NULL, 0, &json, &len, &err), err, PVEN_OK);
    CHECK(json && strstr(json, "\"safe\": false") && strstr(json, "\"code\": \"name-control\""));
    CHECK(json && strchr(json, '\033') == NULL);
    pven_string_free(json);
}

static void what_is_no_verdict_is_an_error(void)
{
    pven_error *err = NULL;
    CHECK_ERR(pven_audit_check(image("none.qcow2"), NULL, 0, &err), err, PVEN_ERR_IO);
    CHECK_ERR(pven_audit_check("nbd://localhost/disk", NULL, 0, &err), err, PVEN_ERR_UNSUPPORTED);
    CHECK_ERR(pven_audit_check("", NULL, 0, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_audit_check(oversized, NULL, 0, &err), err, PVEN_ERR_IO);
}

static void refuse(const pven_policy *policy, size_t size)
{
    pven_error *err = NULL;
    pven_audit *audit = GARBAGE(pven_audit);
    pven_pin *pin = GARBAGE(pven_pin);
    char *json = GARBAGE(char);
    size_t len = 1;
    const char *base = image("base.qcow2");
    CHECK_ERR(pven_audit_open(base, policy, size, &audit, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_audit_json(base, policy, size, &json, &len, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_audit_check(base, policy, size, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_pin_open(base, policy, size, &pin, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(audit == NULL && json == NULL && len == 0 && pin == NULL);
}

static void values_of_policies(void)
{
    const pven_limits limits = { .max_steps = UINT64_MAX };
    const char *const strings[] = { "qcow2", NULL };
    const char *const junk[] = { "QCOW2" };
    const char *const probe[] = { "auto-detect" };
    const char *const json[] = { "json" };
    const char *const colon[] = { "nbd:" };
    const char *const empty[] = { "" };
    const char *const huge[] = { oversized };
    const char *const file[] = { image("base.qcow2") };
    refuse(POLICY(.preset = 4));
    refuse(POLICY(.preset = UINT32_MAX));
    refuse(POLICY(.symlinks = 3));
    refuse(POLICY(.symlinks = UINT32_MAX));
    refuse(POLICY(.format = "junk"));
    refuse(POLICY(.format = oversized));
    refuse(POLICY(.timeout = NAN));
    refuse(POLICY(.timeout = -1));
    refuse(POLICY(.timeout = INFINITY));
    refuse(POLICY(.max_depth = 10001));
    refuse(POLICY(.deny_backing = 2));
    refuse(POLICY(.allow_data_file = 2));
    refuse(POLICY(.allow_unnamed_format = 255));
    refuse(POLICY(.same_device = 2));
    refuse(POLICY(.limits = &limits));
    refuse(POLICY(.limits = &limits, .limits_size = sizeof limits));
    refuse(POLICY(.roots_count = 1));
    refuse(POLICY(.roots = strings, .roots_count = PVEN_POLICY_LIST_MAX + 1));
    refuse(POLICY(.roots = strings + 1, .roots_count = 1));
    refuse(POLICY(.roots = empty, .roots_count = 1));
    refuse(POLICY(.roots = file, .roots_count = 1));
    refuse(POLICY(.formats_count = SIZE_MAX));
    refuse(POLICY(.formats = strings, .formats_count = 2));
    refuse(POLICY(.formats = junk, .formats_count = 1));
    refuse(POLICY(.formats = probe, .formats_count = 1));
    refuse(POLICY(.formats = huge, .formats_count = 1));
    refuse(POLICY(.protocols_count = 1));
    refuse(POLICY(.protocols = strings, .protocols_count = 2));
    refuse(POLICY(.protocols = json, .protocols_count = 1));
    refuse(POLICY(.protocols = colon, .protocols_count = 1));
    refuse(POLICY(.protocols = empty, .protocols_count = 1));
    refuse(POLICY(.preset = PVEN_PRESET_RESTORE));
    refuse(POLICY(.preset = PVEN_PRESET_UPLOAD, .allow_data_file = 1));
    refuse(POLICY(.preset = PVEN_PRESET_UPLOAD, .allow_unnamed_format = 1));
}

static void sizes_of_policies(void)
{
    struct {
        pven_policy policy;
        uint64_t later;
    } newer = { .policy = { .symlinks = PVEN_SYMLINKS_ANY } };
    const char *base = image("base.qcow2");
    pven_error *err = NULL;
    /* What is not known here may be there as long as it asks for nothing. */
    CHECK_ERR(pven_audit_check(base, &newer.policy, sizeof newer, &err), err, PVEN_OK);
    newer.later = 1;
    refuse(&newer.policy, sizeof newer);
    refuse(&newer.policy, SIZE_MAX);
    /* An older caller's struct ends earlier: same_device, here junk, is not in it. */
    newer.policy.same_device = 77;
    CHECK_ERR(pven_audit_check(base, &newer.policy, offsetof(pven_policy, same_device), &err), err,
              PVEN_OK);
    CHECK_ERR(pven_audit_check(base, &newer.policy, 0, &err), err, PVEN_OK);
    CHECK_ERR(pven_audit_check(base, NULL, SIZE_MAX, &err), err, PVEN_OK);
}

static void null_is_answered(void)
{
    const char *base = image("base.qcow2");
    pven_audit *done = audit("top.qcow2", POLICY(.deny_backing = 1));
    pven_audit *out = GARBAGE(pven_audit);
    pven_error *err = NULL;
    pven_finding found;
    char *json = GARBAGE(char);
    size_t len = 1;
    pven_audit_free(NULL);
    CHECK(pven_audit_safe(NULL) == 0);
    CHECK(pven_audit_len(NULL) == 0);
    CHECK(pven_audit_chain(NULL) == NULL);
    CHECK_ERR(pven_audit_open(NULL, NULL, 0, &out, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(out == NULL);
    CHECK_ERR(pven_audit_open(base, NULL, 0, NULL, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_audit_check(NULL, NULL, 0, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(pven_audit_check(NULL, NULL, 0, NULL) == PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_audit_json(base, NULL, 0, NULL, &len, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(len == 0);
    CHECK_ERR(pven_audit_json(base, NULL, 0, &json, NULL, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(json == NULL);
    memset(&found, 0x5a, sizeof found);
    CHECK_ERR(pven_audit_finding(NULL, 0, &found, sizeof found, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(found.code == NULL && found.offset == 0);
    CHECK_ERR(pven_audit_finding(done, 1, &found, sizeof found, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_audit_finding(done, SIZE_MAX, &found, sizeof found, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_audit_finding(done, 0, NULL, sizeof found, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_audit_finding(done, 0, &found, 0, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_audit_finding(done, 0, &found, SIZE_MAX, &err), err, PVEN_ERR_ARGUMENT);
    pven_audit_free(done);
}

static void tests(void)
{
    memset(oversized, 'x', sizeof oversized - 1);
    a_chain_of_ones_own_is_safe();
    a_finding_says_what_where_and_why();
    hostile_images_are_not_safe();
    no_message_moves_the_cursor();
    a_policy_allows_and_forbids();
    links_are_not_followed_where_none_are_allowed();
    an_image_above_a_limit_is_not_safe();
    json_has_all_of_it();
    what_is_no_verdict_is_an_error();
    values_of_policies();
    sizes_of_policies();
    null_is_answered();
}
