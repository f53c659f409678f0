/* Volumes as Proxmox VE's storage layer sees them. */
#include "check.h"

struct heard {
    int count;
    char last[512];
};

static void hear(void *data, const char *message)
{
    struct heard *heard = data;
    heard->count++;
    snprintf(heard->last, sizeof heard->last, "%s", message);
}

static int32_t ask(const char *name, const char *format, int untrusted, pven_file_size_info *info,
                   struct heard *heard, pven_error **err)
{
    pven_file_size_opts opts = {
        .format = format,
        .timeout = 30,
        .warning = hear,
        .warning_data = heard,
        .untrusted = (uint8_t)untrusted,
    };
    memset(heard, 0, sizeof *heard);
    memset(info, 0xff, sizeof *info);
    return pven_file_size(image(name), &opts, sizeof opts, info, sizeof *info, err);
}

static void a_volume_has_a_size_and_a_parent(void)
{
    pven_file_size_info info;
    struct heard heard;
    pven_error *err = NULL;
    CHECK_ERR(ask("top.qcow2", "qcow2", 0, &info, &heard, &err), err, PVEN_OK);
    CHECK(info.known == 1);
    CHECK(info.size == 128 << 20);
    CHECK(info.used > 0);
    CHECK(info.ctime > 1600000000);
    CHECK_STR(info.format, "qcow2");
    CHECK_STR(info.parent, "mid.qcow2");
    CHECK(heard.count == 0);
    pven_string_free(info.parent);
}

static void a_directory_is_a_subvolume(void)
{
    pven_file_size_info info;
    struct heard heard;
    pven_error *err = NULL;
    CHECK_ERR(ask("directory", "subvol", 0, &info, &heard, &err), err, PVEN_OK);
    CHECK(info.known == 1 && info.size == 0 && info.parent == NULL);
    CHECK_STR(info.format, "subvol");
    CHECK(heard.count == 0);
}

static void a_trusted_volume_that_is_gone_is_warned_of(void)
{
    pven_file_size_info info;
    struct heard heard;
    pven_error *err = NULL;
    CHECK_ERR(ask("gone.qcow2", "qcow2", 0, &info, &heard, &err), err, PVEN_OK);
    CHECK(info.known == 0 && info.size == 0 && info.format == NULL && info.parent == NULL);
    CHECK(heard.count == 1 && strstr(heard.last, "gone.qcow2") != NULL);
    CHECK_ERR(ask("gone.qcow2", "qcow2", 1, &info, &heard, &err), err, PVEN_ERR_IO);
}

static void an_untrusted_image_stands_alone(void)
{
    pven_file_size_info info;
    struct heard heard;
    pven_error *err = NULL;
    CHECK_ERR(ask("base.qcow2", "qcow2", 1, &info, &heard, &err), err, PVEN_OK);
    CHECK(info.known == 1 && info.parent == NULL);
    CHECK_ERR(ask("top.qcow2", "qcow2", 1, &info, &heard, &err), err, PVEN_ERR_DENIED);
    CHECK(info.known == 0 && info.parent == NULL);
    CHECK_ERR(ask("data.qcow2", "qcow2", 1, &info, &heard, &err), err, PVEN_ERR_DENIED);
    CHECK_ERR(ask("text.qcow2", "qcow2", 1, &info, &heard, &err), err, PVEN_ERR_FORMAT);
}

static void strange_names_are_warned_of(void)
{
    pven_file_size_info info;
    struct heard heard;
    pven_error *err = NULL;
    CHECK_ERR(ask("spaced.qcow2", "qcow2", 0, &info, &heard, &err), err, PVEN_OK);
    CHECK(info.known == 1 && info.parent == NULL);
    CHECK(heard.count == 1 && strstr(heard.last, "with space") != NULL);
    CHECK_ERR(ask("raw.img", "no-such-format", 0, &info, &heard, &err), err, PVEN_OK);
    CHECK_STR(info.format, "raw");
    CHECK(heard.count == 1);
}

static void nobody_has_to_listen(void)
{
    pven_file_size_opts opts = { .format = "qcow2" };
    pven_file_size_info info;
    pven_error *err = NULL;
    CHECK_ERR(pven_file_size(image("spaced.qcow2"), &opts, sizeof opts, &info, sizeof info, &err),
              err, PVEN_OK);
    CHECK(info.known == 1);
}

static void a_parent_that_nobody_could_free_is_not_copied(void)
{
    pven_file_size_opts opts = { .format = "qcow2" };
    pven_file_size_info info;
    pven_error *err = NULL;
    size_t size = offsetof(pven_file_size_info, parent);
    memset(&info, 0x5a, sizeof info);
    CHECK_ERR(pven_file_size(image("top.qcow2"), &opts, sizeof opts, &info, size, &err), err,
              PVEN_OK);
    CHECK(info.size == 128 << 20);
    CHECK(info.known == 0x5a);
}

static void tests(void)
{
    a_volume_has_a_size_and_a_parent();
    a_directory_is_a_subvolume();
    a_trusted_volume_that_is_gone_is_warned_of();
    an_untrusted_image_stands_alone();
    strange_names_are_warned_of();
    nobody_has_to_listen();
    a_parent_that_nobody_could_free_is_not_copied();
}
