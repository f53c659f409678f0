/* Extents: the same as qemu-img map, in arrays of any length. */
#include "check.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>

static pven_extents *open_extents(const char *name, const pven_open_opts *opts)
{
    pven_error *err = NULL;
    pven_extents *extents = NULL;
    CHECK_ERR(pven_extents_open(image(name), opts, opts ? sizeof *opts : 0, &extents, &err), err,
              PVEN_OK);
    CHECK(extents != NULL);
    return extents;
}

static const char *word(const pven_extent *extent, uint64_t bit)
{
    return extent->flags & bit ? "true" : "false";
}

/* Writes an entry as qemu-img does; returns where the text ends. */
static char *entry(char *text, const char *before, const pven_extent *extent)
{
    text += sprintf(text,
                    "%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64 ", \"depth\": %" PRIu64
                    ", \"present\": %s, \"zero\": %s, \"data\": %s, \"compressed\": %s",
                    before, extent->start, extent->length, extent->flags >> PVEN_EXTENT_DEPTH_SHIFT,
                    word(extent, PVEN_EXTENT_PRESENT), word(extent, PVEN_EXTENT_ZERO),
                    word(extent, PVEN_EXTENT_DATA), word(extent, PVEN_EXTENT_COMPRESSED));
    if (extent->offset != PVEN_NO_OFFSET)
        text += sprintf(text, ", \"offset\": %" PRIu64, extent->offset);
    return text + sprintf(text, "}");
}

/* Compares the map of an image, asked for so many at a time, with QEMU's. */
static void check_map(const char *name, const char *map, size_t capacity)
{
    enum { MOST = 16 };
    static char text[1 << 20];
    pven_open_opts opts = { .timeout = 30 };
    pven_extents *extents = open_extents(name, &opts);
    pven_extent chunk[MOST];
    pven_error *err = NULL;
    char *at = text, *want = contents(map);
    size_t count = 1;
    uint64_t reached = 0, done = 1, total = 1;
    pven_extents_progress(extents, &done, &total);
    CHECK(done == 0 && total > 0);
    CHECK(capacity <= MOST);
    while (count > 0) {
        memset(chunk, 0x5a, sizeof chunk);
        CHECK_ERR(pven_extents_next(extents, chunk, capacity, &count, &err), err, PVEN_OK);
        CHECK(count <= capacity);
        for (size_t i = 0; i < count; i++) {
            CHECK(chunk[i].start == reached && chunk[i].length > 0);
            reached += chunk[i].length;
            at = entry(at, at == text ? "[" : ",\n", &chunk[i]);
        }
        /* Behind what was given nothing is touched. */
        for (size_t i = count; i < MOST; i++)
            CHECK(chunk[i].start == UINT64_C(0x5a5a5a5a5a5a5a5a));
        pven_extents_progress(extents, &done, NULL);
        CHECK(done >= reached && done <= total);
    }
    CHECK(reached == total && done == total);
    strcpy(at, "]");
    CHECK_TEXT(text, want);
    /* The end stays the end. */
    CHECK_ERR(pven_extents_next(extents, chunk, capacity, &count, &err), err, PVEN_OK);
    CHECK(count == 0);
    free(want);
    pven_extents_free(extents);
}

static void the_extents_are_qemus(void)
{
    for (size_t capacity = 1; capacity <= 16; capacity *= 4) {
        check_map("map.qcow2", "map.map", capacity);
        check_map("top.qcow2", "top.map", capacity);
        check_map("fancy.qcow2", "fancy.map", capacity);
        check_map("noext", "noext.map", capacity);
    }
}

static void the_json_is_qemus(void)
{
    static const char *const names[] = { "map", "top", "fancy" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char name[32], map[32];
        char *want, *json = GARBAGE(char);
        size_t len = 1;
        pven_error *err = GARBAGE(pven_error);
        sprintf(name, "%s.qcow2", names[i]);
        sprintf(map, "%s.map", names[i]);
        CHECK_ERR(pven_extents_json(image(name), NULL, 0, &json, &len, &err), err, PVEN_OK);
        CHECK(json && len == strlen(json) && len > 0 && json[len - 1] == '\n');
        if (json && len > 0)
            json[len - 1] = '\0';
        want = contents(map);
        CHECK_TEXT(json, want);
        free(want);
        pven_string_free(json);
    }
}

static void the_depth_is_an_index_of_the_chain(void)
{
    pven_extents *extents = open_extents("map.qcow2", NULL);
    const pven_chain *chain = pven_extents_chain(extents);
    pven_extent all[16];
    pven_error *err = NULL;
    size_t count = 0;
    uint64_t deepest = 0;
    CHECK(pven_chain_len(chain) == 2);
    CHECK_ERR(pven_extents_next(extents, all, 16, &count, &err), err, PVEN_OK);
    for (size_t i = 0; i < count; i++) {
        uint64_t depth = all[i].flags >> PVEN_EXTENT_DEPTH_SHIFT;
        deepest = depth > deepest ? depth : deepest;
    }
    CHECK(deepest == 1);
    CHECK_STR(image_info(chain, deepest).filename, image("map-base.qcow2"));
    pven_extents_free(extents);
}

static void what_is_sound_comes_before_the_error(void)
{
    pven_extents *extents = open_extents("map-broken.qcow2", NULL);
    pven_extent one;
    pven_error *err = NULL;
    size_t count = 0;
    char *json = GARBAGE(char);
    size_t len = 1;
    CHECK_ERR(pven_extents_next(extents, &one, 1, &count, &err), err, PVEN_OK);
    CHECK(count == 1 && one.length == 8192 && one.flags & PVEN_EXTENT_DATA);
    CHECK_ERR(pven_extents_next(extents, &one, 1, &count, &err), err, PVEN_OK);
    CHECK(count == 1 && one.start + one.length == 2 << 20);
    for (int i = 0; i < 2; i++) {
        count = 1;
        CHECK_ERR(pven_extents_next(extents, &one, 1, &count, &err), err, PVEN_ERR_CORRUPT);
        CHECK(count == 0);
    }
    pven_extents_free(extents);
    CHECK_ERR(pven_extents_json(image("map-broken.qcow2"), NULL, 0, &json, &len, &err), err,
              PVEN_ERR_CORRUPT);
    CHECK(json == NULL && len == 0);
}

static void a_damaged_chain_has_no_extents(void)
{
    static const struct {
        const char *name;
        int32_t code;
    } damaged[] = {
        { "gone.qcow2", PVEN_ERR_IO },     { "lost.qcow2", PVEN_ERR_IO },
        { "on-junk.qcow2", PVEN_ERR_FORMAT }, { "one.qcow2", PVEN_ERR_CYCLE },
        { "unnamed.qcow2", PVEN_ERR_UNNAMED_FORMAT },
    };
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        pven_error *err = NULL;
        pven_extents *extents = GARBAGE(pven_extents);
        CHECK_ERR(pven_extents_open(image(damaged[i].name), NULL, 0, &extents, &err), err,
                  damaged[i].code);
        CHECK(extents == NULL);
    }
}

static void bad_arguments_are_refused(void)
{
    pven_error *err = NULL;
    pven_extents *extents = GARBAGE(pven_extents);
    pven_open_opts opts = { .timeout = -1 };
    pven_extent one;
    size_t count = 7, len = 7;
    uint64_t done = 7, total = 7;
    char *json = GARBAGE(char);
    CHECK_ERR(pven_extents_open(NULL, NULL, 0, &extents, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(extents == NULL);
    CHECK_ERR(pven_extents_open(image("map.qcow2"), NULL, 0, NULL, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_extents_open(image("map.qcow2"), &opts, sizeof opts, &extents, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_extents_json(NULL, NULL, 0, &json, &len, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(json == NULL && len == 0);
    CHECK_ERR(pven_extents_json(image("map.qcow2"), NULL, 0, NULL, NULL, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_extents_next(NULL, &one, 1, &count, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(count == 0);
    pven_extents_progress(NULL, &done, &total);
    CHECK(done == 0 && total == 0);
    CHECK(pven_extents_chain(NULL) == NULL);
    pven_extents_free(NULL);
    extents = open_extents("map.qcow2", NULL);
    CHECK_ERR(pven_extents_next(extents, NULL, 1, &count, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_extents_next(extents, &one, 0, &count, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_extents_next(extents, &one, 1, NULL, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(pven_extents_next(extents, NULL, 0, NULL, NULL) == PVEN_ERR_ARGUMENT);
    pven_extents_progress(extents, NULL, NULL);
    /* None of it has moved it. */
    CHECK_ERR(pven_extents_next(extents, &one, 1, &count, &err), err, PVEN_OK);
    CHECK(count == 1 && one.start == 0);
    pven_extents_free(extents);
}

static void *go_on(void *data)
{
    pven_extents *extents = data;
    pven_extent rest[16];
    size_t count = 0;
    int32_t code = pven_extents_next(extents, rest, 16, &count, NULL);
    return code == PVEN_OK && count > 0 && rest[0].start > 0 ? data : NULL;
}

static void another_thread_may_go_on(void)
{
    pven_extents *extents = open_extents("map.qcow2", NULL);
    pven_extent one;
    pven_error *err = NULL;
    size_t count = 0;
    pthread_t thread;
    void *answer = NULL;
    CHECK_ERR(pven_extents_next(extents, &one, 1, &count, &err), err, PVEN_OK);
    CHECK(pthread_create(&thread, NULL, go_on, extents) == 0);
    CHECK(pthread_join(thread, &answer) == 0);
    CHECK(answer == extents);
    pven_extents_free(extents);
}

static void tests(void)
{
    the_extents_are_qemus();
    the_json_is_qemus();
    the_depth_is_an_index_of_the_chain();
    what_is_sound_comes_before_the_error();
    a_damaged_chain_has_no_extents();
    bad_arguments_are_refused();
    another_thread_may_go_on();
}
