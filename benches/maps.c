/* Walks the tables of a qcow2 image, in turns: with the least code that can (the floor: read the
 * tables, decode them, join what is alike), and through pve_native.
 *
 *   maps extents IMAGE ROUNDS  prints the median processor time of each in nanoseconds
 *   maps check IMAGE ROUNDS    the same for counting all references and comparing the refcounts
 *   maps memory IMAGE SECONDS  prints by how many bytes all extents, or those of so many seconds,
 *                              raised the peak of the memory that the process has
 *
 * The floor knows only what the images of map_image.c have: version 3, 16-bit refcounts, no backing
 * file, no snapshots, nothing compressed. Both answers must be the same.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pve_native.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define OFFSET UINT64_C(0x00fffffffffffe00)
#define COPIED (UINT64_C(1) << 63)
#define COMPRESSED (UINT64_C(1) << 62)
#define MOST 65536

static double at(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Processor time: nothing is waited for, and what else the machine does is not our matter. */
static double now(void)
{
    return at(CLOCK_PROCESS_CPUTIME_ID);
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

static void *memory(size_t bytes)
{
    void *place = calloc(1, bytes);
    if (!place)
        fail("calloc");
    return place;
}

static void get(int fd, void *buffer, size_t bytes, uint64_t at)
{
    if (pread(fd, buffer, bytes, (off_t)at) != (ssize_t)bytes)
        fail("read");
}

static uint64_t be(const void *at, size_t bytes)
{
    uint64_t value = 0;
    memcpy((char *)&value + sizeof value - bytes, at, bytes);
    return be64toh(value);
}

struct header {
    unsigned bits;
    uint64_t disk, l1_entries, l1, table, table_clusters;
};

static struct header header_of(int fd)
{
    uint8_t bytes[104];
    get(fd, bytes, sizeof bytes, 0);
    return (struct header){
        .bits = (unsigned)be(bytes + 20, 4),
        .disk = be(bytes + 24, 8),
        .l1_entries = be(bytes + 36, 4),
        .l1 = be(bytes + 40, 8),
        .table = be(bytes + 48, 8),
        .table_clusters = be(bytes + 56, 4),
    };
}

/* What a walk has found: enough to see that two are the same. */
struct sum {
    uint64_t count, bytes, offsets;
};

static void add(struct sum *sum, const pven_extent *extents, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        sum->bytes += extents[i].length;
        sum->offsets ^= extents[i].offset + extents[i].flags;
    }
    sum->count += count;
}

/* The next extent: joined with the one that still grows, or behind it. */
static inline size_t join(pven_extent *chunk, size_t at, pven_extent next, struct sum *sum)
{
    pven_extent *last = &chunk[at];
    if (last->flags == next.flags &&
        (next.offset == PVEN_NO_OFFSET ? last->offset == PVEN_NO_OFFSET
                                       : last->offset + last->length == next.offset)) {
        last->length += next.length;
        return at;
    }
    if (++at == MOST) {
        add(sum, chunk, at);
        at = 0;
    }
    chunk[at] = next;
    return at;
}

static struct sum floor_extents(const char *path, pven_extent *chunk)
{
    struct sum sum = { 0 };
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        fail(path);
    struct header header = header_of(fd);
    uint64_t cluster = UINT64_C(1) << header.bits, per_table = cluster / 8, guest = 0;
    uint64_t *l1 = memory(header.l1_entries * 8), *l2 = memory(cluster);
    size_t at = 0;
    chunk[0] = (pven_extent){ .flags = UINT64_MAX };
    get(fd, l1, header.l1_entries * 8, header.l1);
    for (uint64_t i = 0; i < header.l1_entries; i++) {
        uint64_t table = be64toh(l1[i]) & OFFSET;
        if (table == 0) {
            pven_extent nothing = { guest, per_table * cluster, PVEN_NO_OFFSET, PVEN_EXTENT_ZERO };
            at = join(chunk, at, nothing, &sum);
            guest += nothing.length;
            continue;
        }
        get(fd, l2, cluster, table);
        for (uint64_t j = 0; j < per_table && guest < header.disk; j++, guest += cluster) {
            uint64_t entry = be64toh(l2[j]), offset = entry & OFFSET;
            pven_extent next = { guest, cluster, PVEN_NO_OFFSET, PVEN_EXTENT_ZERO };
            if (entry & COMPRESSED) {
                next.flags = PVEN_EXTENT_PRESENT | PVEN_EXTENT_DATA | PVEN_EXTENT_COMPRESSED;
            } else if (entry & 1) {
                next.flags = PVEN_EXTENT_PRESENT | PVEN_EXTENT_ZERO;
                next.offset = offset ? offset : PVEN_NO_OFFSET;
            } else if (offset) {
                next.flags = PVEN_EXTENT_PRESENT | PVEN_EXTENT_DATA;
                next.offset = offset;
            }
            at = join(chunk, at, next, &sum);
        }
    }
    add(&sum, chunk, at + 1);
    /* The start of the first chunk is no extent. */
    sum.offsets ^= UINT64_MAX;
    sum.count--;
    free(l1);
    free(l2);
    close(fd);
    return sum;
}

static struct sum our_extents(const char *path, pven_extent *chunk, size_t capacity)
{
    struct sum sum = { 0 };
    pven_extents *extents = NULL;
    size_t count;
    if (pven_extents_open(path, NULL, 0, &extents, NULL) != 0)
        fail(path);
    do {
        if (pven_extents_next(extents, chunk, capacity, &count, NULL) != 0)
            fail("pven_extents_next");
        add(&sum, chunk, count);
    } while (count > 0);
    pven_extents_free(extents);
    return sum;
}

static void extents(const char *path, size_t rounds)
{
    double *least = memory(rounds * sizeof *least), *small = memory(rounds * sizeof *small);
    double *large = memory(rounds * sizeof *large);
    pven_extent *chunk = memory(MOST * sizeof *chunk);
    struct sum theirs = { 0 }, ours = { 0 };
    for (size_t i = 0; i < rounds; i++) {
        double start = now();
        theirs = floor_extents(path, chunk);
        double first = now();
        ours = our_extents(path, chunk, 4096);
        double second = now();
        our_extents(path, chunk, MOST);
        large[i] = now() - second;
        small[i] = second - first;
        least[i] = first - start;
    }
    /* A disk that lies in holes of the file: told as such by us, and not known to the floor. */
    int holes = ours.count == 1 && theirs.count == 1;
    if (theirs.count != ours.count || theirs.bytes != ours.bytes ||
        (theirs.offsets != ours.offsets && !holes)) {
        fprintf(stderr, "%s: %" PRIu64 " extents of %" PRIu64 " bytes, not %" PRIu64 " of %" PRIu64
                "\n", path, ours.count, ours.bytes, theirs.count, theirs.bytes);
        exit(1);
    }
    printf("count %" PRIu64 "\n", ours.count);
    report("floor", least, rounds);
    report("c-4096", small, rounds);
    report("c-65536", large, rounds);
    free(least);
    free(small);
    free(large);
    free(chunk);
}

static void count(uint8_t *counts, uint64_t clusters, unsigned bits, uint64_t at, uint64_t bytes)
{
    uint64_t end = (at + bytes + (UINT64_C(1) << bits) - 1) >> bits;
    for (uint64_t i = at >> bits; i < end && i < clusters; i++)
        counts[i]++;
}

/* References that differ from the refcounts, or flags that do not go with them. */
static uint64_t check(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        fail(path);
    struct header header = header_of(fd);
    unsigned bits = header.bits;
    uint64_t cluster = UINT64_C(1) << bits, per_table = cluster / 8, per_block = cluster / 2;
    uint64_t clusters = ((uint64_t)st.st_size + cluster - 1) >> bits, wrong = 0;
    uint64_t table_bytes = header.table_clusters << bits;
    uint8_t *counts = memory(clusters);
    uint64_t *l1 = memory(header.l1_entries * 8), *l2 = memory(cluster);
    uint64_t *table = memory(table_bytes);
    uint16_t *block = memory(cluster);

    count(counts, clusters, bits, 0, cluster);
    count(counts, clusters, bits, header.table, table_bytes);
    count(counts, clusters, bits, header.l1, header.l1_entries * 8);
    get(fd, l1, header.l1_entries * 8, header.l1);
    for (uint64_t i = 0; i < header.l1_entries; i++) {
        uint64_t entry = be64toh(l1[i]);
        if ((entry & OFFSET) == 0)
            continue;
        count(counts, clusters, bits, entry & OFFSET, cluster);
        wrong += (entry & COPIED) == 0;
        get(fd, l2, cluster, entry & OFFSET);
        for (uint64_t j = 0; j < per_table; j++) {
            entry = be64toh(l2[j]);
            uint64_t offset = entry & OFFSET;
            if (offset == 0)
                continue;
            if ((offset & (cluster - 1)) != 0 || offset >> bits >= clusters)
                wrong++;
            else
                counts[offset >> bits]++;
            wrong += (entry & COPIED) == 0;
        }
    }
    get(fd, table, table_bytes, header.table);
    for (uint64_t i = 0; i < table_bytes / 8; i++)
        if (table[i] != 0)
            count(counts, clusters, bits, be64toh(table[i]), cluster);
    for (uint64_t first = 0; first < clusters; first += per_block) {
        uint64_t offset = be64toh(table[first / per_block]);
        if (offset == 0)
            memset(block, 0, cluster);
        else
            get(fd, block, cluster, offset);
        for (uint64_t i = 0; i < per_block && first + i < clusters; i++)
            wrong += be16toh(block[i]) != counts[first + i];
    }
    free(counts);
    free(l1);
    free(l2);
    free(table);
    free(block);
    close(fd);
    return wrong;
}

static void our_check(const char *path)
{
    pven_check_result result;
    if (pven_check(path, NULL, 0, &result, sizeof result, NULL) != 0)
        fail(path);
    if (result.corruptions != 0 || result.leaks != 0 || result.check_errors != 0)
        fail("errors in a sound image");
}

static void checks(const char *path, size_t rounds)
{
    double *least = memory(rounds * sizeof *least), *ours = memory(rounds * sizeof *ours);
    for (size_t i = 0; i < rounds; i++) {
        double start = now();
        if (check(path) != 0)
            fail("the prototype finds errors in a sound image");
        double middle = now();
        our_check(path);
        ours[i] = now() - middle;
        least[i] = middle - start;
    }
    report("prototype", least, rounds);
    report("check", ours, rounds);
    free(least);
    free(ours);
}

/* A field of /proc/self/status, in bytes. */
static uint64_t status(const char *field)
{
    char line[256];
    uint64_t kib = 0;
    FILE *file = fopen("/proc/self/status", "re");
    if (!file)
        fail("/proc/self/status");
    while (fgets(line, sizeof line, file))
        if (strncmp(line, field, strlen(field)) == 0)
            kib = strtoull(line + strlen(field) + 1, NULL, 10);
    fclose(file);
    return kib * 1024;
}

static void peak(const char *path, double seconds)
{
    static pven_extent chunk[4096];
    size_t found = 1;
    pven_extents *extents = NULL;
    memset(chunk, 1, sizeof chunk);
    /* Sets the peak back to what there is now. */
    FILE *file = fopen("/proc/self/clear_refs", "we");
    if (!file || fputs("5", file) < 0 || fclose(file) != 0)
        fail("/proc/self/clear_refs");
    uint64_t before = status("VmRSS");
    double end = at(CLOCK_MONOTONIC) + seconds * 1e9;
    if (pven_extents_open(path, NULL, 0, &extents, NULL) != 0)
        fail(path);
    while (found > 0 && at(CLOCK_MONOTONIC) < end)
        if (pven_extents_next(extents, chunk, 4096, &found, NULL) != 0)
            fail("pven_extents_next");
    uint64_t most = status("VmHWM");
    pven_extents_free(extents);
    printf("memory %" PRIu64 "\n", most > before ? most - before : 0);
}

int main(int argc, char **argv)
{
    if (argc == 4 && atol(argv[3]) > 0) {
        if (strcmp(argv[1], "extents") == 0)
            extents(argv[2], (size_t)atol(argv[3]));
        else if (strcmp(argv[1], "check") == 0)
            checks(argv[2], (size_t)atol(argv[3]));
        else if (strcmp(argv[1], "memory") == 0)
            peak(argv[2], (double)atol(argv[3]));
        else
            argc = 0;
        if (argc == 4)
            return 0;
    }
    fprintf(stderr, "usage: maps extents|check IMAGE ROUNDS\n       maps memory IMAGE SECONDS\n");
    return 2;
}
