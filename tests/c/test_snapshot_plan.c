/* Plans for a volume, and what is wrong with it, as JSON and as text. */

#include "check.h"

#define VOLUME "vm-100-disk-0.qcow2"

static const pven_snapshot_graph_opts lvm = { .scheme = "lvmqcow2", .volname = VOLUME,
                                              .storeid = "san" };

/* The volume in the folder volume, as far as these names are listed. */
static pven_snapshot_graph *of_listing(const char *const *names, size_t count)
{
    pven_volume volumes[4] = { { 0 } };
    char paths[4][4096];
    pven_snapshot_graph *graph = GARBAGE(pven_snapshot_graph);
    CHECK(count <= 4);
    for (size_t i = 0; i < count; i++) {
        char name[100];
        snprintf(name, sizeof name, "volume/%s", names[i]);
        snprintf(paths[i], sizeof paths[i], "%s", image(name));
        volumes[i].name = names[i];
        volumes[i].path = paths[i];
        volumes[i].size = 8 << 20;
    }
    CHECK(pven_snapshot_graph_from_volumes(volumes, sizeof *volumes, count, &lvm, sizeof lvm, &graph,
                                           NULL) == PVEN_OK);
    return graph;
}

static pven_snapshot_graph *whole_volume(void)
{
    static const char *const names[] = { "vm-100-disk-0-snap-first.qcow2",
                                         "vm-100-disk-0-snap-second.qcow2", VOLUME };
    return of_listing(names, 3);
}

static int32_t plan(const pven_snapshot_graph *graph, const char *op, const char *args, char **text,
                    pven_error **err)
{
    size_t len = 1;
    int32_t code = pven_snapshot_plan_json(graph, op, args, args ? strlen(args) : 0, text, &len, err);
    CHECK((*text != NULL) == (code == PVEN_OK));
    CHECK(len == (*text ? strlen(*text) : 0));
    return code;
}

static void a_plan_says_what_is_to_be_done(void)
{
    pven_snapshot_graph *graph = whole_volume();
    pven_error *err = NULL;
    const char *args = "{\"snapshot\": \"third\", \"extent-size\": 4194304, \"timeout\": 30}";
    char *text = GARBAGE(char);
    CHECK_ERR(plan(graph, "create", args, &text, &err), err, PVEN_OK);
    CHECK(strstr(text, "\"op\": \"create\"") && strstr(text, "\"online\": false"));
    CHECK(strstr(text, "\"/sbin/lvcreate\"") && strstr(text, "\"kind\": \"exec\""));
    CHECK(strstr(text, "\"on-failure\": {") && strstr(text, "\"resume\": \"allocate\""));
    pven_string_free(text);
    text = GARBAGE(char);
    CHECK_ERR(pven_snapshot_plan_text(graph, "create", args, strlen(args), &text, &err), err, PVEN_OK);
    CHECK(text && strncmp(text, "create " VOLUME "\n", 27) == 0);
    CHECK(strstr(text, "  1. allocate   /sbin/lvcreate ") && strstr(text, "\nmoves 0 bytes, "));
    pven_string_free(text);
    CHECK_ERR(plan(graph, "delete-many", "{\"snapshots\": [\"first\", \"second\"]}", &text, &err), err,
              PVEN_OK);
    CHECK(strstr(text, "\"/usr/bin/qemu-img\""));
    pven_string_free(text);
    CHECK_ERR(plan(graph, "free", NULL, &text, &err), err, PVEN_OK);
    CHECK(strstr(text, "\"/sbin/lvremove\""));
    pven_string_free(text);
    CHECK_ERR(plan(graph, "free", " ", &text, &err), err, PVEN_OK);
    pven_string_free(text);
    pven_snapshot_graph_free(graph);
}

static void what_is_no_wish_is_refused(void)
{
    static const struct {
        const char *op, *args;
    } bad[] = {
        { NULL, NULL },
        { "", NULL },
        { "repair", NULL },
        { "create", NULL },
        { "create", "{" },
        { "create", "[]" },
        { "create", "{\"snapshot\": \"first\"}" },
        { "create", "{\"snapshot\": \"third\", \"nosuch\": 1}" },
        { "create", "{\"snapshot\": {\"name\": \"third\"}}" },
        { "create", "{\"snapshot\": \"\xff\"}" },
        { "resize", "{\"size\": 1.5}" },
        { "resize", "{\"size\": \"10G\"}" },
        { "rollback", "{\"snapshot\": \"first\"}" },
        { "adopt", NULL },
    };
    pven_snapshot_graph *graph = whole_volume();
    pven_error *err = NULL;
    char *text = GARBAGE(char);
    size_t len = 1;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_ERR(plan(graph, bad[i].op, bad[i].args, &text, &err), err, PVEN_ERR_ARGUMENT);
        text = GARBAGE(char);
    }
    CHECK_ERR(plan(NULL, "free", NULL, &text, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_snapshot_plan_json(graph, "free", NULL, 1, &text, &len, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_snapshot_plan_json(graph, "free", "{}", (size_t)-1, &text, &len, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_snapshot_plan_json(graph, "free", "{}", 2, NULL, &len, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_snapshot_plan_text(graph, "free", "{}", 2, NULL, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_snapshot_plan_text(NULL, "free", "{}", 2, &text, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(text == NULL);
    CHECK_ERR(plan(graph, "create", "{\"snapshot\": \"third\", \"free\": 0}", &text, &err), err,
              PVEN_ERR_LIMIT);
    pven_snapshot_graph_free(graph);
}

static char *diagnosis(const pven_snapshot_graph *graph, const char *opts)
{
    pven_error *err = NULL;
    char *text = GARBAGE(char);
    size_t len = 1;
    CHECK_ERR(pven_snapshot_diagnose_json(graph, opts, opts ? strlen(opts) : 0, &text, &len, &err), err,
              PVEN_OK);
    CHECK(text && strlen(text) == len);
    return text;
}

static void a_diagnosis_says_what_is_wrong(void)
{
    static const char *const lost[] = { "vm-100-disk-0-snap-first.qcow2",
                                        "vm-100-disk-0-snap-second.qcow2" };
    pven_snapshot_graph *graph = whole_volume();
    pven_error *err = NULL;
    char *text = diagnosis(graph, NULL);
    size_t len = 1;
    CHECK_STR(text, "[\n]");
    pven_string_free(text);
    text = GARBAGE(char);
    CHECK_ERR(pven_snapshot_diagnose_json(graph, "{\"size\": 1}", 11, &text, &len, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK(text == NULL && len == 0);
    CHECK_ERR(pven_snapshot_diagnose_json(NULL, NULL, 0, &text, &len, &err), err, PVEN_ERR_ARGUMENT);
    pven_snapshot_graph_free(graph);
    graph = of_listing(lost, 2);
    text = diagnosis(graph, "{\"check\": false, \"put-aside\": 1, \"timeout\": 30}");
    CHECK(strstr(text, "\"code\": \"current-lost\"") && strstr(text, "\"severity\": \"error\""));
    CHECK(strstr(text, "\"certain\": false") && strstr(text, "\"op\": \"repair\""));
    pven_string_free(text);
    pven_snapshot_graph_free(graph);
}

static void tests(void)
{
    a_plan_says_what_is_to_be_done();
    what_is_no_wish_is_refused();
    a_diagnosis_says_what_is_wrong();
}
