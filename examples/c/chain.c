/* Prints a backing chain as a list for people.
 *
 * Build it in the source tree after make:
 *     export PKG_CONFIG_PATH=build/lib/pkgconfig
 *     cc -o chain examples/c/chain.c $(pkg-config --cflags --libs pve-native) -Wl,-rpath,build/lib
 * or, with the library installed:
 *     cc -o chain chain.c $(pkg-config --cflags --libs pve-native)
 *
 * Usage: chain [--repeat N] IMAGE
 * With --repeat the chain is read N times, and the time for each is printed instead. The exit status
 * is 0 for a whole chain, 1 if there is none, 2 for a wrong command line, 3 for a damaged chain.
 */
#include <pve_native.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Names are bytes and may hold anything: what could move a terminal's cursor is not printed. */
static void print_name(const char *name)
{
    for (; *name; name++) {
        unsigned char byte = (unsigned char)*name;
        if (byte < 0x20 || byte >= 0x7f)
            printf("\\x%02x", byte);
        else
            putchar(byte);
    }
}

static int fail(pven_error *err)
{
    fprintf(stderr, "chain: %s\n", pven_error_message(err));
    pven_error_free(err);
    return 1;
}

static int print_snapshots(const pven_chain *chain, size_t image, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        pven_snapshot snapshot;
        pven_error *err = NULL;
        if (pven_chain_image_snapshot(chain, image, i, &snapshot, sizeof snapshot, &err))
            return fail(err);
        printf("   snapshot ");
        print_name(snapshot.name);
        printf(", %" PRIu64 " bytes\n", snapshot.disk_size);
    }
    return 0;
}

static int print_image(const pven_chain *chain, size_t index)
{
    pven_image_info info;
    pven_error *err = NULL;
    if (pven_chain_image(chain, index, &info, sizeof info, &err))
        return fail(err);
    printf("%zu ", index);
    print_name(info.filename);
    if (info.error_code != PVEN_OK) {
        printf("\n   broken here: %s\n", info.error_message);
        return 3;
    }
    printf(": %s", info.format_name);
    if (info.flags & PVEN_IMAGE_HAS_VIRTUAL_SIZE)
        printf(", %" PRIu64 " bytes", info.virtual_size);
    printf("\n   %" PRIu64 " bytes on disk\n", info.actual_size);
    return print_snapshots(chain, index, info.snapshots);
}

static int print_chain(const char *path)
{
    pven_open_opts opts = { .timeout = 10 };
    pven_chain *chain = NULL;
    pven_error *err = NULL;
    int status = 0;

    if (pven_chain_open(path, &opts, sizeof opts, &chain, &err))
        return fail(err);
    for (size_t i = 0; i < pven_chain_len(chain) && status == 0; i++)
        status = print_image(chain, i);
    pven_chain_free(chain);
    return status;
}

static int print_time(const char *path, long times)
{
    struct timespec start, end;

    clock_gettime(CLOCK_MONOTONIC, &start);
    for (long i = 0; i < times; i++) {
        pven_chain *chain = NULL;
        pven_error *err = NULL;
        if (pven_chain_open(path, NULL, 0, &chain, &err))
            return fail(err);
        pven_chain_free(chain);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double ns = (double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec);
    printf("%.1f us per chain, %ld times\n", ns / 1e3 / (double)times, times);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && argv[1][0] != '-')
        return print_chain(argv[1]);
    if (argc == 4 && strcmp(argv[1], "--repeat") == 0 && atol(argv[2]) > 0)
        return print_time(argv[3], atol(argv[2]));
    fprintf(stderr, "usage: %s [--repeat N] IMAGE\n", argv[0]);
    return 2;
}
