/* Prints a backing chain as a list for people.
 *
 * Build it in the source tree after make:
 *     export PKG_CONFIG_PATH=build/lib/pkgconfig
 *     cc -o chain examples/c/chain.c $(pkg-config --cflags --libs pve-native) -Wl,-rpath,build/lib
 * or, with the library installed:
 *     cc -o chain chain.c $(pkg-config --cflags --libs pve-native)
 *
 * Usage: chain IMAGE [FORMAT]
 */
#include <pve_native.h>

#include <inttypes.h>
#include <stdio.h>

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
    printf("%zu. ", index);
    print_name(info.filename);
    if (info.error_code != PVEN_OK) {
        printf("\n   the chain ends here: %s\n", info.error_message);
        return 1;
    }
    printf("\n   %s, ", info.format_name);
    if (info.flags & PVEN_IMAGE_HAS_VIRTUAL_SIZE)
        printf("%" PRIu64 " bytes, ", info.virtual_size);
    printf("%" PRIu64 " bytes on storage\n", info.actual_size);
    return print_snapshots(chain, index, info.snapshots);
}

int main(int argc, char **argv)
{
    pven_open_opts opts = { .timeout = 10 };
    pven_chain *chain = NULL;
    pven_error *err = NULL;
    int status = 0;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: %s IMAGE [FORMAT]\n", argv[0]);
        return 2;
    }
    opts.format = argv[2];
    if (pven_chain_open(argv[1], &opts, sizeof opts, &chain, &err))
        return fail(err);
    for (size_t i = 0; i < pven_chain_len(chain) && status == 0; i++)
        status = print_image(chain, i);
    pven_chain_free(chain);
    return status;
}
