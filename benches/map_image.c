/* Makes the images on which maps and checks are measured, by writing their tables: a qcow2 image of
 * version 3 with 16-bit refcounts, sound, whose data nobody has written. qemu-img says whether it is
 * one.
 *
 * Usage: map_image KIND FILE [BACKING-FILE]
 *   contiguous  64 GiB, clusters of 64 KiB, all of them in the order of the disk; a sparse file
 *   alternate   8 GiB, clusters of 4 KiB, every other one, in order; 4 GiB of storage
 *   random      64 GiB, clusters of 64 KiB, 100,000 of them at random places; 6.25 GiB of storage
 *   layerN      64 GiB, clusters of 64 KiB, 1,000 of them at random places, other ones for each N;
 *               a sparse file
 *   hostile     2 EiB, clusters of 2 MiB, 4 million L2 tables that are the same one: not sound
 *
 * Storage is set aside where QEMU would otherwise look at each hole of the file: it does so if
 * noticeably more clusters are in use than there is storage.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COPIED (UINT64_C(1) << 63)

static const struct kind {
    const char *name;
    uint64_t disk;
    unsigned bits;
    /* Clusters with data: every so many-th, or so many at random. */
    uint64_t every, random;
    int stored;
} kinds[] = {
    { "contiguous", UINT64_C(64) << 30, 16, 1, 0, 0 },
    { "alternate", UINT64_C(8) << 30, 12, 2, 0, 1 },
    { "random", UINT64_C(64) << 30, 16, 0, 100000, 1 },
    { "layer", UINT64_C(64) << 30, 16, 0, 1000, 0 },
    { "hostile", UINT64_C(1) << 61, 21, 2, 0, 0 },
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void *zeros(uint64_t bytes)
{
    void *memory = calloc(1, bytes);
    if (!memory)
        fail("calloc");
    return memory;
}

static void put(int fd, const void *bytes, uint64_t count, uint64_t at)
{
    if (pwrite(fd, bytes, count, (off_t)at) != (ssize_t)count)
        fail("write");
}

static uint64_t up(uint64_t n, uint64_t unit)
{
    return (n + unit - 1) / unit;
}

static void put32(uint8_t *at, uint32_t value)
{
    value = htobe32(value);
    memcpy(at, &value, sizeof value);
}

static void put64(uint8_t *at, uint64_t value)
{
    value = htobe64(value);
    memcpy(at, &value, sizeof value);
}

/* Where the parts of the file are, in clusters. */
struct layout {
    uint64_t table, table_clusters, blocks, block_count, l1, l1_entries, l2, data, end;
};

static void put_header(int fd, const struct kind *kind, const struct layout *at,
                       const char *backing)
{
    uint8_t header[512] = { 0 };
    size_t length = backing ? strlen(backing) : 0;
    memcpy(header, "QFI\xfb", 4);
    put32(header + 4, 3);
    put32(header + 20, kind->bits);
    put64(header + 24, kind->disk);
    put32(header + 36, (uint32_t)at->l1_entries);
    put64(header + 40, at->l1 << kind->bits);
    put64(header + 48, at->table << kind->bits);
    put32(header + 56, (uint32_t)at->table_clusters);
    put32(header + 96, 4);
    put32(header + 100, 104);
    if (backing) {
        if (length > sizeof header - 128) {
            fprintf(stderr, "the backing file's name is too long\n");
            exit(2);
        }
        /* The extension with its format, the end of the extensions, and the name. */
        put32(header + 104, UINT32_C(0xe2792aca));
        put32(header + 108, 5);
        memcpy(header + 112, "qcow2", 5);
        put64(header + 8, 128);
        put32(header + 16, (uint32_t)length);
        memcpy(header + 128, backing, length);
    }
    put(fd, header, sizeof header, 0);
}

/* A generator of numbers that are the same everywhere. */
static uint64_t state = 88172645463325252;

static uint64_t draw(uint64_t most)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % most;
}

/* Where each cluster of the disk is, as L2 entries; 0: nowhere. Returns how many there are. */
static uint64_t fill(uint64_t *entries, const struct kind *kind, uint64_t clusters, uint64_t data)
{
    uint64_t count = 0;
    for (uint64_t i = 0; kind->every && i < clusters; i += kind->every)
        entries[i] = htobe64(((data + count++) << kind->bits) | COPIED);
    while (count < kind->random) {
        uint64_t i = draw(clusters);
        if (entries[i] == 0)
            entries[i] = htobe64(((data + count++) << kind->bits) | COPIED);
    }
    return count;
}

static void put_refcounts(int fd, const struct kind *kind, const struct layout *at)
{
    uint64_t cluster = UINT64_C(1) << kind->bits;
    uint64_t *table = zeros(at->table_clusters * cluster);
    uint16_t *counts = zeros(at->block_count * cluster);
    for (uint64_t i = 0; i < at->block_count; i++)
        table[i] = htobe64((at->blocks + i) << kind->bits);
    for (uint64_t i = 0; i < at->end; i++)
        counts[i] = htobe16(1);
    put(fd, table, at->table_clusters * cluster, at->table << kind->bits);
    put(fd, counts, at->block_count * cluster, at->blocks << kind->bits);
    free(table);
    free(counts);
}

static void make(int fd, const struct kind *kind, const char *backing)
{
    uint64_t cluster = UINT64_C(1) << kind->bits, per_table = cluster / 8;
    uint64_t clusters = kind->disk >> kind->bits;
    uint64_t used = kind->every ? up(clusters, kind->every) : kind->random;
    int shared = strcmp(kind->name, "hostile") == 0;
    uint64_t tables = up(clusters, per_table);
    struct layout at = { .table = 1, .l1_entries = tables };
    if (shared) {
        clusters = per_table;
        used = up(clusters, kind->every);
    }
    uint64_t l1_clusters = up(at.l1_entries * 8, cluster), l2_clusters = up(clusters, per_table);
    /* The refcount blocks count themselves. */
    do {
        at.block_count++;
        at.table_clusters = up(at.block_count * 8, cluster);
        at.blocks = at.table + at.table_clusters;
        at.l1 = at.blocks + at.block_count;
        at.l2 = at.l1 + l1_clusters;
        at.data = at.l2 + l2_clusters;
        at.end = at.data + used;
    } while (at.block_count * (cluster / 2) < at.end);

    uint64_t *l1 = zeros(l1_clusters * cluster), *l2 = zeros(l2_clusters * cluster);
    for (uint64_t i = 0; i < at.l1_entries; i++)
        l1[i] = htobe64(((at.l2 + (shared ? 0 : i)) << kind->bits) | COPIED);
    if (fill(l2, kind, clusters, at.data) != used)
        fail("fill");
    put_header(fd, kind, &at, backing);
    put_refcounts(fd, kind, &at);
    put(fd, l1, l1_clusters * cluster, at.l1 << kind->bits);
    put(fd, l2, l2_clusters * cluster, at.l2 << kind->bits);
    free(l1);
    free(l2);
    if (ftruncate(fd, (off_t)(at.end << kind->bits)) != 0)
        fail("ftruncate");
    if (kind->stored &&
        fallocate(fd, 0, (off_t)(at.data << kind->bits), (off_t)(used << kind->bits)) != 0)
        fail("fallocate");
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc >= 3 && argc <= 4 && i < sizeof kinds / sizeof *kinds; i++) {
        size_t length = strlen(kinds[i].name);
        if (strncmp(argv[1], kinds[i].name, length) != 0)
            continue;
        state += strtoull(argv[1] + length, NULL, 10) * UINT64_C(0x9e3779b97f4a7c15);
        int fd = open(argv[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (fd < 0)
            fail(argv[2]);
        make(fd, &kinds[i], argv[3]);
        if (close(fd) != 0)
            fail("close");
        return 0;
    }
    fprintf(stderr, "usage: map_image contiguous|alternate|random|layerN|hostile FILE [BACKING]\n");
    return 2;
}
