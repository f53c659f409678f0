/* One image of a chain: its struct and its lists. */
#include "check.h"

static void numbers_of_qcow2_are_told(void)
{
    pven_chain *chain = open_chain("fancy.qcow2");
    pven_image_info info = image_info(chain, 0);
    CHECK(info.format == PVEN_FORMAT_QCOW2);
    CHECK(info.qcow2_version == 3);
    CHECK(info.refcount_bits == 16);
    CHECK(info.cluster_size == 128 << 10);
    CHECK(info.virtual_size == 8 << 20);
    CHECK(info.compression == PVEN_COMPRESSION_ZSTD);
    CHECK(info.encryption == PVEN_ENCRYPTION_NONE);
    CHECK(info.flags == (PVEN_IMAGE_HAS_VIRTUAL_SIZE | PVEN_IMAGE_HAS_DIRTY_FLAG |
                         PVEN_IMAGE_LAZY_REFCOUNTS | PVEN_IMAGE_EXTENDED_L2));
    CHECK(info.incompatible_features == (1 << 3 | 1 << 4));
    CHECK(info.compatible_features == 1);
    CHECK(info.autoclear_features == 0);
    CHECK(info.file_size > 0 && info.actual_size > 0 && info.ctime > 1600000000);
    pven_chain_free(chain);

    chain = open_chain("old.qcow2");
    info = image_info(chain, 0);
    CHECK(info.qcow2_version == 2);
    CHECK(info.compression == PVEN_COMPRESSION_ZLIB);
    CHECK(info.feature_names == 0);
    pven_chain_free(chain);
}

static void raw_has_a_size_and_little_else(void)
{
    pven_chain *chain = open_chain("raw.img");
    pven_image_info info = image_info(chain, 0);
    CHECK_STR(info.format_name, "raw");
    CHECK(info.virtual_size == 1 << 20 && info.file_size == 1 << 20);
    CHECK((info.flags & PVEN_IMAGE_HAS_VIRTUAL_SIZE) != 0);
    CHECK(info.cluster_size == 0 && info.qcow2_version == 0 && info.refcount_bits == 0);
    CHECK(info.compression == PVEN_COMPRESSION_NONE);
    pven_chain_free(chain);
}

static void a_data_file_is_named(void)
{
    pven_chain *chain = open_chain("data.qcow2");
    pven_image_info info = image_info(chain, 0);
    CHECK_STR(info.data_file, "data.raw");
    CHECK((info.flags & PVEN_IMAGE_DATA_FILE) != 0);
    CHECK((info.flags & PVEN_IMAGE_DATA_FILE_RAW) != 0);
    pven_chain_free(chain);
}

static void snapshots_are_listed(void)
{
    pven_chain *chain = open_chain("snapshots.qcow2");
    pven_error *err = NULL;
    pven_snapshot snapshot;
    CHECK(image_info(chain, 0).snapshots == 2);
    CHECK_ERR(pven_chain_image_snapshot(chain, 0, 0, &snapshot, sizeof snapshot, &err), err,
              PVEN_OK);
    CHECK_STR(snapshot.id, "1");
    CHECK_STR(snapshot.name, "first");
    CHECK(snapshot.disk_size == 1 << 20);
    CHECK(snapshot.vm_state_size == 0);
    CHECK(snapshot.date_sec > 1600000000 && snapshot.date_nsec < 1000000000);
    CHECK(snapshot.icount == PVEN_NO_ICOUNT || snapshot.icount == 0);
    CHECK_ERR(pven_chain_image_snapshot(chain, 0, 1, &snapshot, sizeof snapshot, &err), err,
              PVEN_OK);
    CHECK_STR(snapshot.name, "second one");
    CHECK(snapshot.disk_size == 2 << 20);
    CHECK_ERR(pven_chain_image_snapshot(chain, 0, 2, &snapshot, sizeof snapshot, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK(snapshot.name == NULL && snapshot.disk_size == 0);
    pven_chain_free(chain);
}

static void bitmaps_are_listed(void)
{
    pven_chain *chain = open_chain("bitmaps.qcow2");
    pven_error *err = NULL;
    pven_bitmap bitmap;
    CHECK(image_info(chain, 0).bitmaps == 2);
    CHECK_ERR(pven_chain_image_bitmap(chain, 0, 0, &bitmap, sizeof bitmap, &err), err, PVEN_OK);
    CHECK_STR(bitmap.name, "plain");
    CHECK(bitmap.granularity == 65536);
    CHECK(bitmap.flags == PVEN_BITMAP_AUTO);
    CHECK_ERR(pven_chain_image_bitmap(chain, 0, 1, &bitmap, sizeof bitmap, &err), err, PVEN_OK);
    CHECK_STR(bitmap.name, "fine");
    CHECK(bitmap.granularity == 4096);
    CHECK(bitmap.flags == 0);
    CHECK_ERR(pven_chain_image_bitmap(chain, 0, 2, &bitmap, sizeof bitmap, &err), err,
              PVEN_ERR_ARGUMENT);
    pven_chain_free(chain);
}

static void stale_bitmaps_are_warned_of(void)
{
    pven_chain *chain = open_chain("stale.qcow2");
    pven_error *err = NULL;
    pven_image_info info = image_info(chain, 0);
    const char *warning = GARBAGE(const char);
    CHECK(info.bitmaps == 0);
    CHECK((info.flags & PVEN_IMAGE_STALE_BITMAPS) != 0);
    CHECK(info.warnings == 1);
    CHECK_ERR(pven_chain_image_warning(chain, 0, 0, &warning, &err), err, PVEN_OK);
    CHECK(warning && strstr(warning, "bitmaps") != NULL);
    CHECK_ERR(pven_chain_image_warning(chain, 0, 1, &warning, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(warning == NULL);
    pven_chain_free(chain);
}

static void features_have_names(void)
{
    pven_chain *chain = open_chain("base.qcow2");
    pven_error *err = NULL;
    size_t count = image_info(chain, 0).feature_names;
    int dirty = 0;
    CHECK(count > 3);
    for (size_t i = 0; i < count; i++) {
        pven_feature_name feature;
        CHECK_ERR(pven_chain_image_feature_name(chain, 0, i, &feature, sizeof feature, &err), err,
                  PVEN_OK);
        CHECK(feature.name && feature.kind <= PVEN_FEATURE_AUTOCLEAR && feature.bit < 64);
        if (feature.kind == PVEN_FEATURE_INCOMPATIBLE && feature.bit == 0)
            dirty = strcmp(feature.name, "dirty bit") == 0;
    }
    CHECK(dirty);
    pven_chain_free(chain);
}

static void an_old_callers_struct_is_filled_as_far_as_it_goes(void)
{
    pven_chain *chain = open_chain("base.qcow2");
    pven_error *err = NULL;
    pven_image_info info;
    size_t size = offsetof(pven_image_info, virtual_size);
    memset(&info, 0x5a, sizeof info);
    CHECK_ERR(pven_chain_image(chain, 0, &info, size, &err), err, PVEN_OK);
    CHECK_STR(info.filename, image("base.qcow2"));
    CHECK(info.virtual_size == UINT64_C(0x5a5a5a5a5a5a5a5a));
    pven_chain_free(chain);
}

static void a_newer_callers_struct_ends_in_zeros(void)
{
    pven_chain *chain = open_chain("base.qcow2");
    pven_error *err = NULL;
    struct {
        pven_image_info info;
        uint64_t later;
    } out;
    memset(&out, 0x5a, sizeof out);
    CHECK_ERR(pven_chain_image(chain, 0, &out.info, sizeof out, &err), err, PVEN_OK);
    CHECK(out.info.virtual_size == 64 << 20);
    CHECK(out.later == 0);
    pven_chain_free(chain);
}

static void the_broken_entry_has_no_lists(void)
{
    pven_chain *chain = open_chain("lost.qcow2");
    pven_error *err = NULL;
    pven_snapshot snapshot;
    pven_bitmap bitmap;
    pven_feature_name feature;
    pven_extent_file extent;
    const char *warning;
    CHECK_ERR(pven_chain_image_snapshot(chain, 1, 0, &snapshot, sizeof snapshot, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_chain_image_bitmap(chain, 1, 0, &bitmap, sizeof bitmap, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_chain_image_feature_name(chain, 1, 0, &feature, sizeof feature, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_chain_image_extent(chain, 1, 0, &extent, sizeof extent, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_chain_image_warning(chain, 1, 0, &warning, &err), err, PVEN_ERR_ARGUMENT);
    pven_chain_free(chain);
}

static void tests(void)
{
    numbers_of_qcow2_are_told();
    raw_has_a_size_and_little_else();
    a_data_file_is_named();
    snapshots_are_listed();
    bitmaps_are_listed();
    stale_bitmaps_are_warned_of();
    features_have_names();
    an_old_callers_struct_is_filled_as_far_as_it_goes();
    a_newer_callers_struct_ends_in_zeros();
    the_broken_entry_has_no_lists();
}
