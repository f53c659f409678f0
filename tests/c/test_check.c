/* Long work: checks, changed blocks, bitmaps, measures, room and costs, the same as QEMU says, and
 * stopped when the caller wants. */
#include "check.h"

#include <errno.h>
#include <limits.h>

#define WORK(...) (&(pven_work_opts){ __VA_ARGS__ }), sizeof(pven_work_opts)

/* What was told of the progress. */
struct seen {
    int calls;
    int stop_at;
    uint64_t done;
    uint64_t total;
};

static int32_t see(void *data, uint64_t done, uint64_t total)
{
    struct seen *seen = data;
    CHECK(done >= seen->done && done <= total);
    seen->done = done;
    seen->total = total;
    return ++seen->calls != seen->stop_at;
}

/* The number behind a key in a text of QEMU's; 0 if it is not there. */
static uint64_t number(const char *text, const char *key)
{
    char quoted[64];
    const char *at;
    snprintf(quoted, sizeof quoted, "\"%s\": ", key);
    at = strstr(text, quoted);
    return at ? strtoull(at + strlen(quoted), NULL, 10) : 0;
}

static void a_check_has_the_numbers_of_qemu(const char *name, const char *theirs, int sound)
{
    pven_error *err = GARBAGE(pven_error);
    pven_check_result got;
    char *want = contents(theirs), *json = NULL;
    size_t length = 0, shared;
    memset(&got, 0x5a, sizeof got);
    CHECK_ERR(pven_check(image(name), NULL, 0, &got, sizeof got, &err), err, PVEN_OK);
    CHECK(got.check_errors == number(want, "check-errors"));
    CHECK(got.corruptions == number(want, "corruptions"));
    CHECK(got.leaks == number(want, "leaks"));
    CHECK(got.image_end_offset == number(want, "image-end-offset"));
    CHECK(got.total_clusters == number(want, "total-clusters"));
    CHECK(got.allocated_clusters == number(want, "allocated-clusters"));
    CHECK(got.fragmented_clusters == number(want, "fragmented-clusters"));
    CHECK(got.compressed_clusters == number(want, "compressed-clusters"));
    CHECK((got.corruptions + got.leaks == 0) == sound);
    CHECK_ERR(pven_check_json(image(name), NULL, 0, &json, &length, &err), err, PVEN_OK);
    CHECK(json && strlen(json) == length);
    /* The same text, up to the findings in place of its end. */
    shared = strlen(want) - strlen("\n}");
    CHECK(json && strncmp(json, want, shared) == 0);
    CHECK(json && strncmp(json + shared, ",\n    \"findings\": [", 19) == 0);
    CHECK(json && (strstr(json, "\"code\": \"refcount-too-low\"") == NULL) == sound);
    pven_string_free(json);
    free(want);
}

static void what_cannot_be_checked_is_an_error(void)
{
    const pven_open_opts probe = { .allow_probe = 1 }, raw = { .format = "raw" };
    pven_error *err = GARBAGE(pven_error);
    pven_check_result got;
    CHECK_ERR(pven_check(image("base.qcow2"), WORK(.open = &raw, .open_size = sizeof raw), &got,
                         sizeof got, &err), err, PVEN_ERR_UNSUPPORTED);
    CHECK(got.total_clusters == 0);
    CHECK_ERR(pven_check(image("base.qcow2"), WORK(.open = &probe, .open_size = sizeof probe), &got,
                         sizeof got, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_check(image("base.qcow2"), WORK(.open = &raw), &got, sizeof got, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_check(image("text.qcow2"), NULL, 0, &got, sizeof got, &err), err,
              PVEN_ERR_FORMAT);
    CHECK_ERR(pven_check(NULL, NULL, 0, &got, sizeof got, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_check(image("base.qcow2"), NULL, 0, NULL, 0, &err), err, PVEN_ERR_ARGUMENT);
}

static void work_tells_how_far_it_is_and_can_be_stopped(void)
{
    struct seen seen = { 0 };
    pven_error *err = GARBAGE(pven_error);
    pven_check_result got;
    CHECK_ERR(pven_check(image("base.qcow2"), WORK(.progress = see, .progress_data = &seen), &got,
                         sizeof got, &err), err, PVEN_OK);
    CHECK(seen.calls > 0 && seen.total > 0);
    seen = (struct seen){ .stop_at = 1 };
    CHECK_ERR(pven_check(image("base.qcow2"), WORK(.progress = see, .progress_data = &seen), &got,
                         sizeof got, &err), err, PVEN_ERR_CANCELLED);
    CHECK(seen.calls == 1 && got.total_clusters == 0);
}

static pven_ranges *changed(const char *top, const char *base)
{
    char top_path[PATH_MAX];
    pven_error *err = GARBAGE(pven_error);
    pven_ranges *ranges = GARBAGE(pven_ranges);
    snprintf(top_path, sizeof top_path, "%s", image(top));
    CHECK_ERR(pven_changed_extents(top_path, image(base), NULL, 0, &ranges, &err), err, PVEN_OK);
    return ranges;
}

static void changed_blocks_are_what_the_images_above_hold(void)
{
    pven_ranges *ranges = changed("top.qcow2", "base.qcow2");
    pven_error *err = GARBAGE(pven_error);
    const pven_range *data = pven_ranges_data(ranges);
    char *json = NULL, top_path[PATH_MAX];
    size_t length = 0;
    /* What top has grown by reads as zeros: that is no range. */
    CHECK(pven_ranges_len(ranges) == 1);
    CHECK(data && data[0].start == 3 << 20 && data[0].length == 64 << 10);
    CHECK_ERR(pven_ranges_json(ranges, &json, &length, &err), err, PVEN_OK);
    CHECK(json && json[0] == '[' && strlen(json) == length);
    pven_string_free(json);
    pven_ranges_free(ranges);

    ranges = changed("top.qcow2", "top.qcow2");
    CHECK(ranges && pven_ranges_len(ranges) == 0 && pven_ranges_data(ranges) == NULL);
    pven_ranges_free(ranges);

    snprintf(top_path, sizeof top_path, "%s", image("mid.qcow2"));
    ranges = GARBAGE(pven_ranges);
    CHECK_ERR(pven_changed_extents(top_path, image("top.qcow2"), NULL, 0, &ranges, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK(ranges == NULL);
    CHECK(pven_ranges_len(NULL) == 0 && pven_ranges_data(NULL) == NULL);
    CHECK_ERR(pven_ranges_json(NULL, &json, &length, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(json == NULL && length == 0);
    pven_ranges_free(NULL);
}

static void bitmaps_say_what_is_dirty(void)
{
    const pven_limits none = { .max_ranges = 1 };
    const pven_open_opts limited = { .limits = &none, .limits_size = sizeof none };
    pven_error *err = GARBAGE(pven_error);
    pven_ranges *ranges = GARBAGE(pven_ranges);
    const char *path = image("dirty.qcow2");
    CHECK_ERR(pven_bitmap_extents(path, "dirty", NULL, 0, &ranges, &err), err, PVEN_OK);
    CHECK(pven_ranges_len(ranges) == 2);
    CHECK(pven_ranges_data(ranges)[0].start == 0);
    CHECK(pven_ranges_data(ranges)[0].length == 128 << 10);
    CHECK(pven_ranges_data(ranges)[1].start == 512 << 10);
    pven_ranges_free(ranges);
    CHECK_ERR(pven_bitmap_extents(path, "clean", NULL, 0, &ranges, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_bitmap_extents(path, NULL, NULL, 0, &ranges, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_bitmap_extents(path, "dirty", WORK(.open = &limited, .open_size = sizeof limited),
                                  &ranges, &err), err, PVEN_ERR_LIMIT);
    CHECK(ranges == NULL);
}

static void measures_are_those_of_qemu(void)
{
    const char *options[] = { "cluster_size=128k", "extended_l2=on" };
    char *want = contents("size.measure"), *json = NULL;
    size_t length = 0;
    pven_error *err = GARBAGE(pven_error);
    pven_measure got;
    memset(&got, 0x5a, sizeof got);
    CHECK_ERR(pven_measure_size(UINT64_C(10) << 30, "qcow2", options, 2, &got, sizeof got, &err),
              err, PVEN_OK);
    CHECK(got.required == number(want, "required"));
    CHECK(got.fully_allocated == number(want, "fully-allocated"));
    CHECK(got.bitmaps == PVEN_NO_SIZE);
    CHECK_ERR(pven_qemu_img_measure_json("10485760", "qcow2", options, 2, &json, &length, &err), err,
              PVEN_OK);
    CHECK(json && length == strlen(json) && length > 0 && json[length - 1] == '\n');
    if (json)
        json[strlen(json) - 1] = '\0';
    CHECK_TEXT(json, want);
    pven_string_free(json);
    free(want);

    want = contents("top.measure");
    CHECK_ERR(pven_measure_image(image("top.qcow2"), "qcow2", NULL, 0, NULL, 0, &got, sizeof got,
                                 &err), err, PVEN_OK);
    CHECK(got.required == number(want, "required"));
    CHECK(got.fully_allocated == number(want, "fully-allocated"));
    free(want);

    CHECK_ERR(pven_measure_size(1, "none", NULL, 0, &got, sizeof got, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_measure_size(1, NULL, NULL, 0, &got, sizeof got, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_measure_size(1, "qcow2", NULL, 1, &got, sizeof got, &err), err,
              PVEN_ERR_ARGUMENT);
    options[1] = NULL;
    CHECK_ERR(pven_measure_size(1, "qcow2", options, 2, &got, sizeof got, &err), err,
              PVEN_ERR_ARGUMENT);
    options[1] = "colour=blue";
    CHECK_ERR(pven_measure_size(1, "qcow2", options, 2, &got, sizeof got, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK(got.required == 0);
}

static void room_is_measured_against_a_device(void)
{
    pven_error *err = GARBAGE(pven_error);
    pven_headroom got, more;
    CHECK_ERR(pven_image_headroom(image("base.qcow2"), 0, NULL, 0, &got, sizeof got, &err), err,
              PVEN_OK);
    CHECK(got.end > 0 && got.worst_case > 64 << 20);
    CHECK(got.device_size == PVEN_NO_SIZE && got.short_by == PVEN_NO_SIZE);
    CHECK_ERR(pven_image_headroom(image("base.qcow2"), 64 << 20, NULL, 0, &more, sizeof more, &err),
              err, PVEN_OK);
    CHECK(more.device_size == 64 << 20 && more.worst_case == got.worst_case);
    CHECK(more.short_by == got.worst_case - (64 << 20));
    CHECK_ERR(pven_image_headroom(image("gone.qcow2"), 0, NULL, 0, &got, sizeof got, &err), err,
              PVEN_ERR_IO);
}

static void merges_have_a_cost(void)
{
    char *json = NULL;
    size_t length = 0;
    pven_error *err = GARBAGE(pven_error);
    CHECK_ERR(pven_merge_costs_json(image("top.qcow2"), NULL, 0, &json, &length, &err), err,
              PVEN_OK);
    CHECK(json && length == strlen(json));
    CHECK(json && number(json, "data") == 64 << 10);
    CHECK(json && strstr(json, "mid.qcow2") && strstr(json, "\"stream-cost\""));
    pven_string_free(json);
    CHECK_ERR(pven_merge_costs_json(image("lost.qcow2"), NULL, 0, &json, &length, &err), err,
              PVEN_ERR_IO);
}

static void tests(void)
{
    a_check_has_the_numbers_of_qemu("base.qcow2", "base.check", 1);
    a_check_has_the_numbers_of_qemu("unsound.qcow2", "unsound.check", 0);
    what_cannot_be_checked_is_an_error();
    work_tells_how_far_it_is_and_can_be_stopped();
    changed_blocks_are_what_the_images_above_hold();
    bitmaps_say_what_is_dirty();
    measures_are_those_of_qemu();
    room_is_measured_against_a_device();
    merges_have_a_cost();
}
