/* Opens a backing chain through pve_native and, beside it, does the least that any reader must do
 * for the same files (open, fstat, pread 4 KiB, close), in turns; prints the median time of each in
 * nanoseconds: chain IMAGE ROUNDS. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pve_native.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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

static void report(const char *name, double *times, size_t rounds)
{
    qsort(times, rounds, sizeof *times, by_value);
    printf("%s %.0f\n", name, times[rounds / 2]);
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void floor_of(char *const *paths, size_t count)
{
    static char buffer[4096];
    for (size_t i = 0; i < count; i++) {
        struct stat st;
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        if (fd < 0 || fstat(fd, &st) != 0 || pread(fd, buffer, sizeof buffer, 0) < 0)
            fail(paths[i]);
        close(fd);
    }
}

static pven_chain *open_chain(const char *path)
{
    pven_chain *chain = NULL;
    if (pven_chain_open(path, NULL, 0, &chain, NULL) != 0)
        fail(path);
    return chain;
}

int main(int argc, char **argv)
{
    if (argc != 3 || atol(argv[2]) < 1) {
        fprintf(stderr, "usage: chain IMAGE ROUNDS\n");
        return 2;
    }
    size_t rounds = (size_t)atol(argv[2]);

    pven_chain *chain = open_chain(argv[1]);
    size_t count = pven_chain_len(chain);
    char **paths = calloc(count, sizeof *paths);
    double *ours = calloc(rounds, sizeof *ours);
    double *least = calloc(rounds, sizeof *least);
    if (!paths || !ours || !least)
        fail("calloc");
    for (size_t i = 0; i < count; i++) {
        pven_image_info info;
        if (pven_chain_image(chain, i, &info, sizeof info, NULL) != 0)
            fail("pven_chain_image");
        paths[i] = strdup(info.filename);
    }
    pven_chain_free(chain);

    for (size_t i = 0; i < rounds; i++) {
        double start = now();
        floor_of(paths, count);
        double middle = now();
        pven_chain_free(open_chain(argv[1]));
        ours[i] = now() - middle;
        least[i] = middle - start;
    }
    printf("images %zu\n", count);
    report("floor", least, rounds);
    report("c", ours, rounds);
    for (size_t i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
    free(ours);
    free(least);
    return 0;
}
