/* How long past its deadline a call comes back from storage that does not answer:
 * deadline IMAGE CONTROL ROUNDS. The file system of tests/support/hangfs.py holds IMAGE while the
 * file CONTROL says so. Each round has a time-out between 20 and 50 ms. Prints the median and the
 * longest in nanoseconds. */
#define _GNU_SOURCE
#include <pve_native.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* So many calls may hang at a time; then storage has to answer for a moment. */
#define STUCK_MAX 16

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static int32_t ask(const char *image, double timeout)
{
    pven_open_opts opts = { .format = "raw", .timeout = timeout };
    char *json = NULL;
    size_t len;
    int32_t code = pven_image_info_json(image, &opts, sizeof opts, &json, &len, NULL);
    pven_string_free(json);
    return code;
}

static void hold(const char *control)
{
    FILE *file = fopen(control, "w");
    if (!file || fputs("open", file) < 0 || fclose(file) != 0)
        fail(control);
}

/* Storage answers again, and nothing hangs any more: the next to hang is the first. */
static void let_go(const char *control, const char *image)
{
    if (unlink(control) != 0)
        fail(control);
    for (int i = 0; i < 100; i++) {
        if (ask(image, 10) == PVEN_OK) {
            usleep(100000);
            return;
        }
        usleep(100000);
    }
    fail(image);
}

int main(int argc, char **argv)
{
    if (argc != 4 || atol(argv[3]) < 1) {
        fprintf(stderr, "usage: deadline IMAGE CONTROL ROUNDS\n");
        return 2;
    }
    size_t rounds = (size_t)atol(argv[3]);
    double *late = calloc(rounds, sizeof *late);
    if (!late)
        fail("calloc");
    for (size_t i = 0; i < rounds; i++) {
        double timeout = 0.020 + 0.030 * (double)(i % 31) / 30;
        if (i % STUCK_MAX == 0)
            hold(argv[2]);
        double start = now();
        int32_t code = ask(argv[1], timeout);
        late[i] = now() - start - timeout * 1e9;
        if (code != PVEN_ERR_TIMEOUT) {
            fprintf(stderr, "%s: %s\n", argv[1], pven_error_code_name(code));
            return 1;
        }
        if (i % STUCK_MAX == STUCK_MAX - 1 || i == rounds - 1)
            let_go(argv[2], argv[1]);
    }
    qsort(late, rounds, sizeof *late, by_value);
    printf("late-median %.0f\n", late[rounds / 2]);
    printf("late-most %.0f\n", late[rounds - 1]);
    free(late);
    return 0;
}
