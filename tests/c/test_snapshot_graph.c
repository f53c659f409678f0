/* The images of a volume, and the snapshots that they mean. */
#include "check.h"

#define VOLUME "vm-100-disk-0.qcow2"
#define FIRST "vm-100-disk-0-snap-first.qcow2"
#define SECOND "vm-100-disk-0-snap-second.qcow2"
#define GONE "vm-100-disk-0-snap-gone.qcow2"

static const pven_snapshot_graph_opts lvm = { .scheme = "lvmqcow2", .storeid = "san" };

static pven_snapshot_graph *of_chain(const char *name, const pven_snapshot_graph_opts *opts)
{
    pven_error *err = GARBAGE(pven_error);
    pven_snapshot_graph *graph = GARBAGE(pven_snapshot_graph);
    CHECK_ERR(pven_snapshot_graph_open(image(name), opts, sizeof *opts, &graph, &err), err, PVEN_OK);
    CHECK(graph != NULL);
    return graph;
}

/* A listing with these names in the folder of snapshots. */
static pven_snapshot_graph *of_listing(const char *const *names, size_t count,
                                       const pven_snapshot_graph_opts *opts)
{
    static char paths[8][4096];
    static const char *const tags[] = { "pve-vm-100", "two" };
    pven_volume volumes[8] = { { 0 } };
    pven_error *err = NULL;
    pven_snapshot_graph *graph = NULL;
    for (size_t i = 0; i < count; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/volume/%s", images, names[i]);
        volumes[i].name = names[i];
        volumes[i].path = paths[i];
        volumes[i].size = 4096 * i;
        volumes[i].tags = tags;
        volumes[i].tag_count = i < 2 ? i + 1 : 0;
    }
    CHECK_ERR(pven_snapshot_graph_from_volumes(volumes, sizeof *volumes, count, opts, sizeof *opts,
                                               &graph, &err),
              err, PVEN_OK);
    return graph;
}

static pven_graph_image graph_image(const pven_snapshot_graph *graph, int64_t index)
{
    pven_graph_image out;
    pven_error *err = NULL;
    memset(&out, 0xff, sizeof out);
    CHECK_ERR(pven_snapshot_graph_image(graph, (size_t)index, &out, sizeof out, &err), err, PVEN_OK);
    return out;
}

typedef int32_t json_fn(const pven_snapshot_graph *, char **, size_t *, pven_error **);

/* A text that the caller frees. */
static char *json(json_fn *ask, const pven_snapshot_graph *graph)
{
    char *text = GARBAGE(char);
    size_t len = 1;
    pven_error *err = NULL;
    CHECK_ERR(ask(graph, &text, &len, &err), err, PVEN_OK);
    CHECK(text && strlen(text) == len);
    return text;
}

static char *blockers(const pven_snapshot_graph *graph, const char *snapshot)
{
    char *text = GARBAGE(char);
    size_t len = 1;
    CHECK(pven_snapshot_graph_blockers_json(graph, snapshot, &text, &len, NULL) == PVEN_OK);
    return text;
}

/* Texts without white space at the start of lines. */
static void check_lines(char *got, const char *want)
{
    char *to = got;
    for (const char *from = got; got && *from; from++)
        if (*from != ' ' && *from != '\n')
            *to++ = *from;
    if (got)
        *to = '\0';
    CHECK_TEXT(got, want);
    pven_string_free(got);
}

static void a_chain_means_snapshots(void)
{
    pven_snapshot_graph *graph = of_chain("volume/" VOLUME, &lvm);
    pven_graph_image top = graph_image(graph, pven_snapshot_graph_current(graph));
    pven_graph_image below = graph_image(graph, top.parent);
    pven_graph_image bottom = graph_image(graph, below.parent);
    char *text = NULL, path[4096];
    CHECK(pven_snapshot_graph_len(graph) == 3);
    CHECK(pven_snapshot_graph_finding_count(graph) == 0);
    CHECK_STR(top.name, VOLUME);
    CHECK_STR(top.path, image("volume/" VOLUME));
    CHECK_STR(top.role, "current");
    CHECK_STR(top.place, "line");
    CHECK_STR(top.content, "read");
    CHECK_STR(top.format, "qcow2");
    CHECK(top.format_number == PVEN_FORMAT_QCOW2 && top.virtual_size == 2 << 20);
    CHECK(top.snapshot == NULL && top.error_message == NULL && top.error_code == PVEN_OK);
    CHECK(top.standing == PVEN_STANDING_KEPT && top.listed == 0 && top.size == 0);
    CHECK_STR(below.role, "snapshot");
    CHECK_STR(below.snapshot, "second");
    CHECK_STR(bottom.snapshot, "first");
    CHECK(bottom.parent == PVEN_NO_INDEX && bottom.virtual_size == 2 << 20);
    check_lines(json(pven_snapshot_graph_names_json, graph), "[\"first\",\"second\"]");
    check_lines(blockers(graph, "first"), "[\"second\"]");
    check_lines(blockers(graph, "second"), "[]");
    text = json(pven_snapshot_graph_info_json, graph);
    snprintf(path, sizeof path, "\"file\": \"%s\"", image("volume/" FIRST));
    CHECK(strstr(text, path) && strstr(text, "\"volid\": \"san:" FIRST "\""));
    CHECK(strstr(text, "\"parent\": \"second\"") && strstr(text, "\"child\": \"current\""));
    pven_string_free(text);
    text = json(pven_snapshot_graph_json, graph);
    CHECK(strstr(text, "\"scheme\": \"lvmqcow2\"") && strstr(text, "\"line\": ["));
    pven_string_free(text);
    CHECK(pven_snapshot_graph_text(graph, &text, NULL) == PVEN_OK);
    CHECK(text && strncmp(text, VOLUME " (lvmqcow2): 2 snapshots\n", 38) == 0);
    pven_string_free(text);
    CHECK(pven_snapshot_graph_dot(graph, &text, NULL) == PVEN_OK);
    CHECK(text && strncmp(text, "digraph ", 8) == 0 && strstr(text, "image0 -> image1;"));
    pven_string_free(text);
    pven_snapshot_graph_free(graph);
}

static void a_listing_means_the_same_and_more(void)
{
    static const char *const names[] = { FIRST, SECOND, VOLUME, "vm-100-disk-1.qcow2", GONE };
    pven_snapshot_graph_opts opts = lvm;
    pven_snapshot_graph *graph;
    pven_finding finding;
    pven_graph_image gone;
    opts.volname = VOLUME;
    opts.timeout = 30;
    graph = of_listing(names, 5, &opts);
    CHECK(pven_snapshot_graph_len(graph) == 4);
    check_lines(json(pven_snapshot_graph_names_json, graph), "[\"first\",\"second\"]");
    for (size_t i = 0; i < 4; i++) {
        pven_graph_image one = graph_image(graph, (int64_t)i);
        CHECK(one.listed == 1);
        if (strcmp(one.name, SECOND) == 0)
            CHECK(one.size == 4096);
        if (strcmp(one.name, FIRST) == 0)
            CHECK(one.size == 0);
        if (strcmp(one.name, GONE) == 0)
            gone = one;
    }
    CHECK_STR(gone.content, "inactive");
    CHECK_STR(gone.place, "unlinked");
    CHECK(gone.format == NULL && gone.format_number == PVEN_FORMAT_UNKNOWN);
    CHECK(gone.virtual_size == 0 && gone.parent == PVEN_NO_INDEX);
    CHECK(pven_snapshot_graph_finding_count(graph) == 2);
    memset(&finding, 0xff, sizeof finding);
    CHECK(pven_snapshot_graph_finding(graph, 0, &finding, sizeof finding, NULL) == PVEN_OK);
    CHECK_STR(finding.code, "inactive");
    CHECK_STR(finding.image, GONE);
    CHECK_STR(finding.message, "'" GONE "' is not active");
    CHECK(finding.severity == PVEN_SEVERITY_WARNING && finding.offset == PVEN_NO_OFFSET);
    CHECK(finding.reserved == 0);
    pven_snapshot_graph_free(graph);
    graph = of_listing(names, 3, &lvm);
    CHECK(pven_snapshot_graph_len(graph) == 3);
    char *text = json(pven_snapshot_graph_json, graph);
    CHECK(strstr(text, "\"pve-vm-100\"") && strstr(text, "\"two\""));
    pven_string_free(text);
    pven_snapshot_graph_free(graph);
    /* An empty listing needs no array. */
    graph = NULL;
    CHECK(pven_snapshot_graph_from_volumes(NULL, 0, 0, &opts, sizeof opts, &graph, NULL) == PVEN_OK);
    CHECK(pven_snapshot_graph_current(graph) == PVEN_NO_INDEX);
    CHECK(pven_snapshot_graph_len(graph) == 0);
    pven_snapshot_graph_free(graph);
}

static int32_t list_with(const pven_volume *volumes, size_t size, size_t count, pven_error **err)
{
    pven_snapshot_graph *graph = GARBAGE(pven_snapshot_graph);
    pven_snapshot_graph_opts opts = lvm;
    int32_t code;
    opts.volname = VOLUME;
    code = pven_snapshot_graph_from_volumes(volumes, size, count, &opts, sizeof opts, &graph, err);
    CHECK((graph != NULL) == (code == PVEN_OK));
    pven_snapshot_graph_free(graph);
    return code;
}

/* Its device would hang whoever reads it. */
static void what_is_suspended_is_not_opened(void)
{
    static char paths[3][4096];
    static const char *const names[] = { FIRST, SECOND, VOLUME };
    pven_volume volumes[3] = { { 0 } };
    pven_snapshot_graph *graph = NULL;
    pven_graph_image below;
    pven_error *err = NULL;
    for (size_t i = 0; i < 3; i++) {
        snprintf(paths[i], sizeof paths[i], "%s/volume/%s", images, names[i]);
        volumes[i].name = names[i];
        volumes[i].path = paths[i];
    }
    volumes[1].suspended = 1;
    CHECK_ERR(pven_snapshot_graph_from_volumes(volumes, sizeof *volumes, 3, &lvm, sizeof lvm, &graph,
                                               &err),
              err, PVEN_OK);
    below = graph_image(graph, graph_image(graph, pven_snapshot_graph_current(graph)).parent);
    CHECK_STR(below.name, SECOND);
    CHECK_STR(below.content, "inactive");
    pven_snapshot_graph_free(graph);
    volumes[1].suspended = 2;
    CHECK_ERR(list_with(volumes, sizeof *volumes, 3, &err), err, PVEN_ERR_ARGUMENT);
    volumes[1].suspended = 0;
    volumes[1].reserved[0] = 1;
    CHECK_ERR(list_with(volumes, sizeof *volumes, 3, &err), err, PVEN_ERR_ARGUMENT);
    /* A struct of an older header, which ends before it. */
    struct {
        const char *name, *path;
        uint64_t size;
        const char *const *tags;
        size_t tag_count;
    } older[2] = { { .name = VOLUME, .path = paths[2] }, { .name = FIRST, .path = paths[0] } };
    CHECK(sizeof *older == offsetof(pven_volume, suspended));
    CHECK_ERR(list_with((const pven_volume *)(const void *)older, sizeof *older, 2, &err), err,
              PVEN_OK);
}

static void what_cannot_be_read_is_part_of_it(void)
{
    pven_snapshot_graph_opts opts = { .scheme = "pve-dir", .format = "raw" };
    pven_snapshot_graph *graph = of_chain("lost.qcow2", &(pven_snapshot_graph_opts){ "pve-dir",
                                          NULL, NULL, NULL, 0, NULL, 0 });
    pven_graph_image gone = graph_image(graph, 1);
    CHECK(pven_snapshot_graph_len(graph) == 2);
    CHECK_STR(gone.content, "missing");
    CHECK_STR(gone.role, "foreign");
    pven_snapshot_graph_free(graph);
    graph = of_chain("junk.qcow2", &(pven_snapshot_graph_opts){ .scheme = "pve-dir" });
    gone = graph_image(graph, 0);
    CHECK_STR(gone.content, "unread");
    CHECK(gone.error_code == PVEN_ERR_FORMAT && gone.error_message != NULL);
    pven_snapshot_graph_free(graph);
    graph = of_chain("junk.qcow2", &opts);
    gone = graph_image(graph, 0);
    CHECK_STR(gone.format, "raw");
    pven_snapshot_graph_free(graph);
    opts.scheme = "internal";
    opts.format = NULL;
    graph = of_chain("snapshots.qcow2", &opts);
    check_lines(json(pven_snapshot_graph_names_json, graph), "[\"first\",\"secondone\"]");
    pven_snapshot_graph_free(graph);
}

static int32_t open_with(pven_snapshot_graph_opts opts, size_t size, pven_error **err)
{
    pven_snapshot_graph *graph = GARBAGE(pven_snapshot_graph);
    int32_t code = pven_snapshot_graph_open(image("volume/" VOLUME), &opts, size, &graph, err);
    CHECK((graph != NULL) == (code == PVEN_OK));
    pven_snapshot_graph_free(graph);
    return code;
}

static void arguments_that_make_no_sense_are_refused(void)
{
    static const char *const none[] = { NULL };
    pven_error *err = NULL;
    pven_snapshot_graph_opts opts = { 0 };
    struct {
        pven_snapshot_graph_opts known;
        uint64_t later;
    } longer = { lvm, 0 };
    struct {
        pven_volume known;
        uint64_t later;
    } volumes[2] = { { { .name = VOLUME, .path = "/nowhere" }, 0 },
                     { { .name = FIRST, .path = "/nowhere2" }, 0 } };
    pven_snapshot_graph *graph = NULL;
    char *text = GARBAGE(char);
    size_t len = 1;

    CHECK_ERR(open_with(opts, sizeof opts, &err), err, PVEN_ERR_ARGUMENT);
    /* A struct of an older header. */
    CHECK_ERR(open_with(lvm, offsetof(pven_snapshot_graph_opts, format), &err), err, PVEN_OK);
    for (int i = 0; i < 6; i++) {
        opts = lvm;
        switch (i) {
        case 0: opts.scheme = "zfs"; break;
        case 1: opts.volname = "a/b/c"; break;
        case 2: opts.storeid = "a:b"; break;
        case 3: opts.format = "x"; break;
        case 4: opts.timeout = -1; break;
        case 5: opts.limits = (const pven_limits *)&opts; break;
        }
        CHECK_ERR(open_with(opts, sizeof opts, &err), err, PVEN_ERR_ARGUMENT);
    }
    CHECK_ERR(pven_snapshot_graph_open(image(VOLUME), &longer.known, sizeof longer, &graph, &err),
              err, PVEN_OK);
    pven_snapshot_graph_free(graph);
    longer.later = 1;
    CHECK_ERR(pven_snapshot_graph_open(image(VOLUME), &longer.known, sizeof longer, &graph, &err),
              err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_snapshot_graph_open(NULL, &lvm, sizeof lvm, &graph, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_snapshot_graph_open("", &lvm, sizeof lvm, &graph, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_snapshot_graph_open("/", &lvm, sizeof lvm, NULL, &err), err, PVEN_ERR_ARGUMENT);

    CHECK_ERR(list_with(&volumes[0].known, sizeof *volumes, 2, &err), err, PVEN_OK);
    volumes[1].later = 1;
    CHECK_ERR(list_with(&volumes[0].known, sizeof *volumes, 1, &err), err, PVEN_OK);
    CHECK_ERR(list_with(&volumes[0].known, sizeof *volumes, 2, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(list_with(&volumes[0].known, 0, 1, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(list_with(&volumes[0].known, 1 << 20, 1, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(list_with(NULL, sizeof *volumes, 1, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(list_with(&volumes[0].known, sizeof *volumes, PVEN_VOLUMES_MAX + 1, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(list_with(&volumes[0].known, sizeof *volumes, SIZE_MAX, &err), err, PVEN_ERR_ARGUMENT);
    volumes[0].known.tag_count = 1;
    CHECK_ERR(list_with(&volumes[0].known, sizeof *volumes, 1, &err), err, PVEN_ERR_ARGUMENT);
    volumes[0].known.tags = none;
    CHECK_ERR(list_with(&volumes[0].known, sizeof *volumes, 1, &err), err, PVEN_ERR_ARGUMENT);
    volumes[0].known.tag_count = 0;
    CHECK_ERR(list_with(&volumes[0].known, sizeof *volumes, 1, &err), err, PVEN_OK);
    volumes[0].known.name = NULL;
    CHECK_ERR(list_with(&volumes[0].known, sizeof *volumes, 1, &err), err, PVEN_ERR_ARGUMENT);
    opts = lvm;
    opts.format = "qcow2";
    CHECK_ERR(pven_snapshot_graph_from_volumes(NULL, 0, 0, &opts, sizeof opts, &graph, &err), err,
              PVEN_ERR_ARGUMENT);

    graph = of_chain("volume/" VOLUME, &lvm);
    CHECK_ERR(pven_snapshot_graph_blockers_json(graph, "none", &text, &len, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK(text == NULL && len == 0);
    CHECK_ERR(pven_snapshot_graph_blockers_json(graph, NULL, &text, &len, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_snapshot_graph_json(NULL, &text, &len, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_snapshot_graph_json(graph, NULL, &len, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_snapshot_graph_text(graph, NULL, &err), err, PVEN_ERR_ARGUMENT);
    pven_graph_image out;
    pven_finding finding;
    CHECK_ERR(pven_snapshot_graph_image(graph, 3, &out, sizeof out, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(out.name == NULL);
    CHECK_ERR(pven_snapshot_graph_finding(graph, 0, &finding, sizeof finding, &err), err,
              PVEN_ERR_ARGUMENT);
    pven_snapshot_graph_free(graph);
    pven_snapshot_graph_free(NULL);
    CHECK(pven_snapshot_graph_len(NULL) == 0 && pven_snapshot_graph_finding_count(NULL) == 0);
    CHECK(pven_snapshot_graph_current(NULL) == PVEN_NO_INDEX);
}

static void tests(void)
{
    a_chain_means_snapshots();
    a_listing_means_the_same_and_more();
    what_is_suspended_is_not_opened();
    what_cannot_be_read_is_part_of_it();
    arguments_that_make_no_sense_are_refused();
}
