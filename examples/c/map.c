/* Shows which image of a chain serves how much of the disk, and how fragmented that is.
 *
 * Build it in the source tree after make:
 *     export PKG_CONFIG_PATH=build/lib/pkgconfig
 *     cc -o map examples/c/map.c $(pkg-config --cflags --libs pve-native) -Wl,-rpath,build/lib
 * or, with the library installed:
 *     cc -o map map.c $(pkg-config --cflags --libs pve-native)
 *
 * Usage: map IMAGE
 * The exit status is 0, 1 if the chain cannot be mapped, 2 for a wrong command line.
 */
#include <pve_native.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* One array, used again and again: memory does not grow with the disk. */
#define CHUNK 4096

static int fail(pven_error *err)
{
    fprintf(stderr, "map: %s\n", pven_error_message(err));
    pven_error_free(err);
    return 1;
}

struct share {
    uint64_t bytes, pieces;
};

static int add_up(pven_extents *extents, struct share *shares)
{
    static pven_extent chunk[CHUNK];
    pven_error *err = NULL;
    size_t count = 0;

    do {
        if (pven_extents_next(extents, chunk, CHUNK, &count, &err))
            return fail(err);
        for (size_t i = 0; i < count; i++) {
            struct share *share = &shares[chunk[i].flags >> PVEN_EXTENT_DEPTH_SHIFT];
            if (chunk[i].flags & PVEN_EXTENT_DATA) {
                share->bytes += chunk[i].length;
                share->pieces++;
            }
        }
    } while (count > 0);
    return 0;
}

int main(int argc, char **argv)
{
    pven_open_opts opts = { .timeout = 10 };
    pven_extents *extents = NULL;
    pven_error *err = NULL;
    struct share *shares = NULL;
    size_t images;
    int status = 1;

    if (argc != 2) {
        fprintf(stderr, "usage: %s IMAGE\n", argv[0]);
        return 2;
    }
    if (pven_extents_open(argv[1], &opts, sizeof opts, &extents, &err))
        return fail(err);
    images = pven_chain_len(pven_extents_chain(extents));
    shares = calloc(images, sizeof *shares);
    if (shares)
        status = add_up(extents, shares);
    for (size_t i = 0; i < images && status == 0; i++)
        printf("%zu: %" PRIu64 " bytes in %" PRIu64 " pieces\n", i, shares[i].bytes,
               shares[i].pieces);
    free(shares);
    pven_extents_free(extents);
    return status;
}
