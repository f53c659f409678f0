/* Keeps the status of a cluster up to date through pve_native: cluster_engine NODES LUNS MINUTES. Prints the
 * least times in nanoseconds of what happens to it, then how much of a processor it takes while each node
 * broadcasts once a minute, of which one in ten has a map that has changed, and somebody asks for what has
 * changed every ten seconds, in millionths, and what memory it takes, in KiB. */
#define _GNU_SOURCE
#include <pve_native.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { ROUNDS = 200 };
static const double begin = 1800000000;
static size_t nodes, luns;
static char *text;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void must(int32_t code)
{
    if (code != PVEN_OK) {
        fprintf(stderr, "pve_native failed: %d\n", code);
        exit(1);
    }
}

static long resident_kib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        exit(1);
    fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static unsigned mixed(unsigned long long value)
{
    value = (value + 1) * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(value >> 33);
}

/* The same in each run. */
static unsigned random_below(unsigned limit)
{
    static unsigned long long state = 1;
    return mixed(state++) % limit;
}

/* A broadcast of a node at that time, of which one map in a thousand has a path less, and that one. Its
 * length. */
static size_t broadcast(size_t node, double time, size_t changed)
{
    char *at = text + sprintf(text, "{\"maps\":{");
    for (size_t lun = 0; lun < luns; lun++) {
        int active = lun == changed || mixed(node * luns + lun) % 1000 == 0 ? 3 : 4;
        at += sprintf(at,
                      "%s\"3600a098038314c%017zx\":{\"state\":\"%s\",\"paths-active\":%d,\"paths-total\":4,"
                      "\"transport\":\"fc\",\"size\":1099511627776}",
                      lun ? "," : "", lun, active < 4 ? "degraded" : "optimal", active);
    }
    at += sprintf(at, "},\"time\":%.0f}", time);
    return (size_t)(at - text);
}

static const char *name(size_t node)
{
    static char name[32];
    sprintf(name, "pve%zu", node);
    return name;
}

static void ask(pven_cluster_engine *engine, char cursor[128])
{
    char *json;
    size_t len;
    must(pven_cluster_engine_changes_json(engine, cursor, &json, &len, NULL));
    if (sscanf(json, "{\"cursor\":\"%127[0-9a-f-]", cursor) != 1)
        exit(1);
    pven_string_free(json);
}

static double least(double known, double start)
{
    double taken = now() - start;
    return known == 0 || taken < known ? taken : known;
}

static void single(pven_cluster_engine *engine, char cursor[128])
{
    double cell = 0, delta = 0, same = 0, again = 0, gone = 0;
    pven_cluster_map map = { PVEN_MAP_OPTIMAL, 0, 4, 4, 1ULL << 40, "fc" };
    for (int round = 0; round < ROUNDS; round++) {
        char wwid[64];
        sprintf(wwid, "3600a098038314c%017x", random_below((unsigned)luns));
        map.paths_active = 3 + (unsigned)round % 2;
        double start = now();
        must(pven_cluster_engine_update_map(engine, "pve0", wwid, &map, sizeof map, begin, NULL));
        cell = least(cell, start);
        start = now();
        ask(engine, cursor);
        delta = least(delta, start);
    }
    for (int round = 0; round < (luns > 1000 ? 5 : ROUNDS); round++) {
        size_t len = broadcast(0, begin + round, random_below((unsigned)luns));
        double start = now();
        must(pven_cluster_engine_update(engine, "pve0", text, len, begin + 1, NULL));
        again = least(again, start);
        start = now();
        must(pven_cluster_engine_update(engine, "pve0", text, len, begin + 2, NULL));
        same = least(same, start);
        ask(engine, cursor);
        start = now();
        must(pven_cluster_engine_update(engine, "pve0", NULL, 0, begin + 2, NULL));
        gone = least(gone, start);
    }
    printf("cell %.0f\ndelta %.0f\nagain %.0f\nsame %.0f\ngone %.0f\n", cell, delta, again, same, gone);
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    nodes = strtoul(argv[1], NULL, 10);
    luns = strtoul(argv[2], NULL, 10);
    int minutes = atoi(argv[3]);
    text = malloc(luns * 160 + 1024);
    if (!text)
        return 1;
    memset(text, 0, luns * 160 + 1024);
    pven_cluster_engine *engine;
    long before = resident_kib();
    must(pven_cluster_engine_new(NULL, 0, &engine, NULL));
    for (size_t node = 0; node < nodes; node++) {
        size_t len = broadcast(node, begin, luns);
        must(pven_cluster_engine_update(engine, name(node), text, len, begin, NULL));
    }
    printf("memory %ld\n", resident_kib() - before);
    char cursor[128] = "";
    ask(engine, cursor);
    single(engine, cursor);
    double taken = 0;
    for (int minute = 1; minute <= minutes; minute++) {
        for (size_t node = 0; node < nodes; node++) {
            double time = begin + 60 * minute + 60.0 * (double)node / (double)nodes;
            size_t changed = node % 10 == 0 ? random_below((unsigned)luns) : luns;
            size_t len = broadcast(node, time, changed);
            double start = now();
            must(pven_cluster_engine_update(engine, name(node), text, len, time, NULL));
            if (node % (nodes / 6 ? nodes / 6 : 1) == 0)
                ask(engine, cursor);
            taken += now() - start;
        }
    }
    if (minutes)
        printf("load %.0f\n", taken / minutes / 60e9 * 1e6);
    pven_cluster_engine_free(engine);
    free(text);
    return 0;
}
