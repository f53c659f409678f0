/* Pins: files that stay what they were when they were audited, given to the real QEMU. */
#include "check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static pven_pin *pin(const char *name, const pven_policy *policy, size_t size)
{
    pven_error *err = GARBAGE(pven_error);
    pven_pin *pin = GARBAGE(pven_pin);
    CHECK_ERR(pven_pin_open(image(name), policy, size, &pin, &err), err, PVEN_OK);
    CHECK(pin != NULL);
    return pin;
}

static char *qemu_img_arg(const pven_pin *pin)
{
    pven_error *err = NULL;
    char *arg = GARBAGE(char);
    CHECK_ERR(pven_pin_qemu_img_arg(pin, &arg, &err), err, PVEN_OK);
    CHECK(arg && strncmp(arg, "json:{", 6) == 0);
    return arg;
}

static char *blockdev(const pven_pin *pin, const char *prefix, int64_t first_set)
{
    pven_error *err = NULL;
    char *json = GARBAGE(char);
    size_t len = 1;
    CHECK_ERR(pven_pin_blockdev_json(pin, prefix, first_set, &json, &len, &err), err, PVEN_OK);
    CHECK(json && len == strlen(json));
    return json;
}

/* Runs qemu-img convert to the raw image of this name. */
static int convert(const char *from, const char *to)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execlp("qemu-img", "qemu-img", "convert", "-O", "raw", from, image(to), (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A byte of a raw image; -1 if it has none there. */
static int byte_at(const char *name, off_t offset)
{
    unsigned char byte;
    int fd = open(image(name), O_RDONLY);
    ssize_t got = fd < 0 ? -1 : pread(fd, &byte, 1, offset);
    if (fd >= 0)
        close(fd);
    return got == 1 ? byte : -1;
}

static void rename_image(const char *from, const char *to)
{
    char old[4096];
    snprintf(old, sizeof old, "%s", image(from));
    CHECK(rename(old, image(to)) == 0);
}

static void qemu_img_converts_exactly_the_pinned_files(void)
{
    const pven_policy policies[] = { { 0 }, { .timeout = 30, .preset = PVEN_PRESET_STORAGE } };
    for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
        pven_pin *held = pin("top.qcow2", &policies[i], sizeof policies[i]);
        char *arg = qemu_img_arg(held);
        /* Whatever the names lead to from now on. */
        rename_image("mid.qcow2", "mid.away");
        rename_image("outside.qcow2", "mid.qcow2");
        CHECK(convert(arg, "out.raw") == 0);
        rename_image("mid.qcow2", "outside.qcow2");
        rename_image("mid.away", "mid.qcow2");
        CHECK(byte_at("out.raw", 1 << 20) == 7);
        CHECK(byte_at("out.raw", 3 << 20) == 9);
        CHECK(byte_at("out.raw", 5 << 20) == 0);
        pven_string_free(arg);
        pven_pin_free(held);
    }
}

static void a_data_file_is_pinned_too(void)
{
    pven_policy policy = { .allow_data_file = 1 };
    pven_pin *held = pin("data-there.qcow2", &policy, sizeof policy);
    pven_error *err = NULL;
    int fds[2];
    size_t count = 0;
    char *arg = qemu_img_arg(held);
    CHECK(arg && strstr(arg, "\"data-file\":{") != NULL);
    CHECK(convert(arg, "out.raw") == 0);
    CHECK_ERR(pven_pin_fds(held, fds, 2, &count, &err), err, PVEN_OK);
    CHECK(count == 2);
    pven_string_free(arg);
    pven_pin_free(held);
}

static void descriptors_are_those_of_the_files(void)
{
    static const char *const names[] = { "top.qcow2", "mid.qcow2", "base.qcow2" };
    pven_pin *held = pin("top.qcow2", NULL, 0);
    pven_error *err = NULL;
    int fds[4] = { -1, -1, -1, -1 };
    size_t count = 7;
    CHECK_ERR(pven_pin_fds(held, NULL, 0, &count, &err), err, PVEN_OK);
    CHECK(count == 3);
    CHECK_ERR(pven_pin_fds(held, fds, 2, &count, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(count == 0 && fds[0] == -1);
    CHECK_ERR(pven_pin_fds(held, fds, 4, &count, &err), err, PVEN_OK);
    CHECK(count == 3 && fds[3] == -1);
    for (size_t i = 0; i < 3; i++) {
        struct stat open_file, named;
        CHECK(fstat(fds[i], &open_file) == 0 && stat(image(names[i]), &named) == 0);
        CHECK(open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev);
        CHECK(fcntl(fds[i], F_GETFD) == FD_CLOEXEC);
        CHECK((fcntl(fds[i], F_GETFL) & O_ACCMODE) == O_RDONLY);
    }
    pven_pin_free(held);
    CHECK(fcntl(fds[0], F_GETFD) == -1);
}

static void nodes_are_described_from_the_bottom_up(void)
{
    pven_pin *held = pin("top.qcow2", NULL, 0);
    char want[64];
    char *json = blockdev(held, NULL, PVEN_NO_SETS);
    const char *base, *top;
    snprintf(want, sizeof want, "\"/proc/%ld/fd/", (long)getpid());
    CHECK(json && strstr(json, want) != NULL && strstr(json, ".qcow2") == NULL);
    base = json ? strstr(json, "\"node-name\": \"pin-image2\"") : NULL;
    top = base ? strstr(base, "\"node-name\": \"pin-image0\"") : NULL;
    CHECK(base && strstr(base, "\"backing\": null") != NULL);
    CHECK(top && strstr(top, "\"backing\": \"pin-image1\"") != NULL);
    pven_string_free(json);
    json = blockdev(held, "vm100", 40);
    CHECK(json && strstr(json, "\"vm100-image0\"") && strstr(json, "\"/dev/fdset/40\"") &&
          strstr(json, "\"/dev/fdset/42\"") && strstr(json, "/proc/") == NULL);
    pven_string_free(json);
    pven_pin_free(held);
}

static void an_emulator_gets_each_descriptor_in_a_set(void)
{
    pven_pin *held = pin("top.qcow2", NULL, 0);
    pven_error *err = NULL;
    int fds[3];
    size_t count = 0;
    CHECK_ERR(pven_pin_fds(held, fds, 3, &count, &err), err, PVEN_OK);
    for (size_t i = 0; i < count; i++) {
        char want[64];
        char *arg = GARBAGE(char);
        snprintf(want, sizeof want, "fd=%d,set=%zu", fds[i], 5 + i);
        CHECK_ERR(pven_pin_add_fd_arg(held, i, 5, &arg, &err), err, PVEN_OK);
        CHECK_STR(arg, want);
        pven_string_free(arg);
    }
    pven_pin_free(held);
}

static void a_pin_says_what_was_audited(void)
{
    pven_pin *held = pin("stale.qcow2", NULL, 0);
    const pven_audit *audit = pven_pin_audit(held);
    pven_finding found;
    CHECK(audit == pven_pin_audit(held));
    CHECK(pven_audit_safe(audit) == 1 && pven_audit_len(audit) == 1);
    CHECK(pven_audit_finding(audit, 0, &found, sizeof found, NULL) == PVEN_OK);
    CHECK(found.severity == PVEN_SEVERITY_WARNING && found.offset == PVEN_NO_OFFSET);
    CHECK(image_info(pven_audit_chain(audit), 0).virtual_size == 1 << 20);
    pven_pin_free(held);
}

static void a_child_has_a_pin_of_its_own(void)
{
    pven_pin *held = pin("top.qcow2", NULL, 0);
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        char want[64];
        char *arg = qemu_img_arg(held);
        snprintf(want, sizeof want, "\"/proc/%ld/fd/", (long)getpid());
        CHECK(arg && strstr(arg, want) != NULL);
        CHECK(convert(arg, "out.raw") == 0);
        pven_string_free(arg);
        pven_pin_free(held);
        _exit(check_failures ? 1 : 0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
    pven_pin_free(held);
}

static void what_may_not_be_used_is_not_pinned(void)
{
    static const struct {
        const char *name;
        uint32_t preset;
        int32_t code;
    } cases[] = {
        { "top.qcow2", PVEN_PRESET_UPLOAD, PVEN_ERR_DENIED },
        { "tiny.qcow2", PVEN_PRESET_NONE, PVEN_ERR_DENIED },
        { "outside.qcow2", PVEN_PRESET_STORAGE, PVEN_ERR_DENIED },
        { "fifo.qcow2", PVEN_PRESET_STORAGE, PVEN_ERR_DENIED },
        { "lost.qcow2", PVEN_PRESET_NONE, PVEN_ERR_DENIED },
        /* Safe by itself, but not to be given by descriptor. */
        { "flat.vmdk", PVEN_PRESET_NONE, PVEN_ERR_UNSUPPORTED },
        { "none.qcow2", PVEN_PRESET_NONE, PVEN_ERR_IO },
    };
    int before = dup(0), after;
    close(before);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pven_policy policy = { .preset = cases[i].preset };
        pven_pin *out = GARBAGE(pven_pin);
        pven_error *err = NULL;
        CHECK_ERR(pven_pin_open(image(cases[i].name), &policy, sizeof policy, &out, &err), err,
                  cases[i].code);
        CHECK(out == NULL);
    }
    /* No descriptor is left behind. */
    after = dup(0);
    close(after);
    CHECK(before == after);
}

static void junk_is_refused(void)
{
    static const char *const prefixes[] = {
        "", "0", "-a", "a b", "a/b", "a\"", "\xff", "a\xff", "seventeen-letters",
        "a prefix that is longer than any word that is looked at at all, by far",
    };
    static const int64_t sets[] = { -2, INT64_MIN, (int64_t)UINT32_MAX + 1, INT64_MAX };
    pven_pin *held = pin("top.qcow2", NULL, 0);
    pven_error *err = NULL;
    size_t len = 1;
    char *text;
    for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
        text = GARBAGE(char);
        CHECK_ERR(pven_pin_blockdev_json(held, prefixes[i], PVEN_NO_SETS, &text, &len, &err), err,
                  PVEN_ERR_ARGUMENT);
        CHECK(text == NULL && len == 0);
    }
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        CHECK_ERR(pven_pin_blockdev_json(held, NULL, sets[i], &text, &len, &err), err,
                  PVEN_ERR_ARGUMENT);
        CHECK_ERR(pven_pin_add_fd_arg(held, 0, sets[i], &text, &err), err, PVEN_ERR_ARGUMENT);
        CHECK(text == NULL);
    }
    /* The largest number there is, and those behind it. */
    CHECK_ERR(pven_pin_add_fd_arg(held, 2, UINT32_MAX, &text, &err), err, PVEN_OK);
    CHECK(text && strstr(text, ",set=4294967297") != NULL);
    pven_string_free(text);
    CHECK_ERR(pven_pin_blockdev_json(held, NULL, UINT32_MAX, &text, &len, &err), err, PVEN_OK);
    pven_string_free(text);
    CHECK_ERR(pven_pin_add_fd_arg(held, 0, PVEN_NO_SETS, &text, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_pin_add_fd_arg(held, 3, 0, &text, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_pin_add_fd_arg(held, SIZE_MAX, 0, &text, &err), err, PVEN_ERR_ARGUMENT);
    pven_pin_free(held);
}

static void null_is_answered(void)
{
    pven_pin *held = pin("base.qcow2", NULL, 0);
    pven_pin *out = GARBAGE(pven_pin);
    pven_error *err = NULL;
    char *text = GARBAGE(char);
    size_t len = 1, count = 1;
    int fd;
    pven_pin_free(NULL);
    CHECK(pven_pin_audit(NULL) == NULL);
    CHECK_ERR(pven_pin_open(NULL, NULL, 0, &out, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(out == NULL);
    CHECK_ERR(pven_pin_open(image("base.qcow2"), NULL, 0, NULL, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(pven_pin_open(NULL, NULL, 0, NULL, NULL) == PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_pin_fds(NULL, &fd, 1, &count, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(count == 0);
    CHECK_ERR(pven_pin_fds(held, &fd, 1, NULL, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_pin_fds(held, NULL, 1, &count, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_pin_fds(held, &fd, 0, &count, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_pin_qemu_img_arg(NULL, &text, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(text == NULL);
    CHECK_ERR(pven_pin_qemu_img_arg(held, NULL, &err), err, PVEN_ERR_ARGUMENT);
    text = GARBAGE(char);
    CHECK_ERR(pven_pin_blockdev_json(NULL, NULL, -1, &text, &len, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(text == NULL && len == 0);
    CHECK_ERR(pven_pin_blockdev_json(held, NULL, -1, NULL, NULL, &err), err, PVEN_ERR_ARGUMENT);
    text = GARBAGE(char);
    CHECK_ERR(pven_pin_add_fd_arg(NULL, 0, 0, &text, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(text == NULL);
    CHECK_ERR(pven_pin_add_fd_arg(held, 0, 0, NULL, &err), err, PVEN_ERR_ARGUMENT);
    pven_pin_free(held);
}

static void tests(void)
{
    qemu_img_converts_exactly_the_pinned_files();
    a_data_file_is_pinned_too();
    descriptors_are_those_of_the_files();
    nodes_are_described_from_the_bottom_up();
    an_emulator_gets_each_descriptor_in_a_set();
    a_pin_says_what_was_audited();
    a_child_has_a_pin_of_its_own();
    what_may_not_be_used_is_not_pinned();
    junk_is_refused();
    null_is_answered();
}
