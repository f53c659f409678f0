/* Takes in an image that somebody uploaded: audits it and, if it may be used, has qemu-img convert
 * exactly the file that was audited.
 *
 * Build it in the source tree after make:
 *     export PKG_CONFIG_PATH=build/lib/pkgconfig
 *     cc -o audit examples/c/audit.c $(pkg-config --cflags --libs pve-native) -Wl,-rpath,build/lib
 * or, with the library installed:
 *     cc -o audit audit.c $(pkg-config --cflags --libs pve-native)
 *
 * Usage: audit IMAGE [OUT]
 * Without OUT nothing is converted. The exit status is 0 if the image may be used, 1 for an error, 2
 * for a wrong command line, 3 if the image must not be used.
 */
#include <pve_native.h>

#include <inttypes.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

/* Somebody else chose all of it: one file that names no other, and no more than 1 TiB. */
static const pven_policy policy = {
    .preset = PVEN_PRESET_UPLOAD,
    .max_virtual_size = UINT64_C(1) << 40,
    .timeout = 10,
};

static int fail(pven_error *err)
{
    int status = pven_error_code(err) == PVEN_ERR_DENIED ? 3 : 1;
    fprintf(stderr, "audit: %s\n", pven_error_message(err));
    pven_error_free(err);
    return status;
}

static int print_findings(const pven_audit *audit)
{
    static const char *const severities[] = { "info", "warning", "error" };

    for (size_t i = 0; i < pven_audit_len(audit); i++) {
        pven_finding finding;
        pven_error *err = NULL;
        if (pven_audit_finding(audit, i, &finding, sizeof finding, &err))
            return fail(err);
        /* A message can be printed as it is; the name of the image could not. */
        printf("%s [%s]: %s", finding.severity <= PVEN_SEVERITY_ERROR ?
               severities[finding.severity] : "?", finding.code, finding.message);
        if (finding.offset != PVEN_NO_OFFSET)
            printf(" (at offset %" PRIu64 ")", finding.offset);
        putchar('\n');
    }
    printf("%s\n", pven_audit_safe(audit) ? "safe" : "not safe");
    return pven_audit_safe(audit) ? 0 : 3;
}

static int run_qemu_img(const char *image, const char *out)
{
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execlp("qemu-img", "qemu-img", "convert", "-O", "raw", image, out, (char *)NULL);
        _exit(127);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) {
        fprintf(stderr, "audit: qemu-img failed\n");
        return 1;
    }
    return 0;
}

/* From the audit to the end of the conversion the files stay open, so that it does not matter what
 * becomes of their names in between. */
static int convert(const char *path, const char *out)
{
    pven_pin *pin = NULL;
    char *image = NULL;
    pven_error *err = NULL;
    int status;

    if (pven_pin_open(path, &policy, sizeof policy, &pin, &err))
        return fail(err);
    if (pven_pin_qemu_img_arg(pin, &image, &err))
        status = fail(err);
    else
        status = run_qemu_img(image, out);
    pven_string_free(image);
    pven_pin_free(pin);
    return status;
}

int main(int argc, char **argv)
{
    pven_audit *audit = NULL;
    pven_error *err = NULL;
    int status;

    if (argc != 2 && argc != 3) {
        fprintf(stderr, "usage: %s IMAGE [OUT]\n", argv[0]);
        return 2;
    }
    if (pven_audit_open(argv[1], &policy, sizeof policy, &audit, &err))
        return fail(err);
    status = print_findings(audit);
    pven_audit_free(audit);
    if (status == 0 && argc == 3)
        status = convert(argv[1], argv[2]);
    return status;
}
