/* Scores nodes through pve_native: scheduler NODES GUESTS. Prints in nanoseconds the least time for one guest
 * on so many nodes (score), the least processor time for so many guests that are placed one by one (place),
 * and the least time in which the loads of all nodes can be looked at once (floor): what each would be with
 * the guest on it, and the lowest. */
#include <pve_native.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 2000, PLACED = 10 };
#define GIB (1ULL << 30)

static double told_by(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static double now(void)
{
    return told_by(CLOCK_MONOTONIC);
}

/* For what takes so long that others get the processor in between. */
static double processor_time(void)
{
    return told_by(CLOCK_PROCESS_CPUTIME_ID);
}

static void must(int32_t code)
{
    if (code != PVEN_OK) {
        fprintf(stderr, "pve_native failed: %d\n", code);
        exit(1);
    }
}

/* The same clusters and guests as in scheduler.pl and peers/scheduler.rs. */
static pven_node_stats node(size_t i)
{
    return (pven_node_stats){ 0, 16 + i % 7 * 8, 0, (64 + i * 37 % 449) * GIB };
}

static pven_guest_stats guest(size_t i)
{
    return (pven_guest_stats){ 0, 1 + (double)(i % 16), 0, (1 + i * 31 % 16) * GIB };
}

static size_t best(const double *scores, size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count; i++)
        if (scores[i] > scores[best])
            best = i;
    return best;
}

static volatile double sink;

static double floor_of(size_t nodes)
{
    double *used = calloc(nodes, sizeof *used), *capacity = calloc(nodes, sizeof *capacity);
    for (size_t i = 0; used && capacity && i < nodes; i++)
        capacity[i] = (double)node(i).maxmem;
    double least = 1e18;
    for (int round = 0; used && capacity && round < ROUNDS; round++) {
        double start = now(), lowest = 1e18;
        for (int resource = 0; resource < 2; resource++)
            for (size_t i = 0; i < nodes; i++) {
                double load = (used[i] + round) / capacity[i];
                lowest = load < lowest ? load : lowest;
            }
        sink = lowest;
        double taken = now() - start;
        least = taken < least ? taken : least;
    }
    free(used);
    free(capacity);
    return least;
}

static pven_scheduler *cluster(char (*names)[32], size_t nodes)
{
    pven_scheduler *s;
    must(pven_scheduler_new(NULL, 0, &s, NULL));
    for (size_t i = 0; i < nodes; i++) {
        pven_node_stats stats = node(i);
        /* Of one length: their order is that of the numbers. */
        snprintf(names[i], sizeof names[i], "node%06zu", i);
        must(pven_scheduler_add_node(s, names[i], &stats, sizeof stats, NULL));
    }
    return s;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: scheduler NODES GUESTS\n");
        return 2;
    }
    size_t nodes = strtoul(argv[1], NULL, 10), guests = strtoul(argv[2], NULL, 10);
    char (*names)[32] = calloc(nodes, sizeof *names);
    double *scores = calloc(nodes, sizeof *scores);
    if (!names || !scores)
        return 1;

    pven_scheduler *s = cluster(names, nodes);
    double least = 1e18;
    for (int round = 0; guests && round < PLACED; round++) {
        pven_scheduler_free(s);
        s = cluster(names, nodes);
        double start = processor_time();
        for (size_t i = 0; i < guests; i++) {
            char sid[32];
            pven_guest_stats stats = guest(i);
            snprintf(sid, sizeof sid, "vm:%zu", 100 + i);
            must(pven_scheduler_score_start(s, &stats, sizeof stats, scores, nodes, NULL, NULL));
            const char *chosen = names[best(scores, nodes)];
            must(pven_scheduler_add_guest_to_node(s, chosen, sid, &stats, sizeof stats, NULL));
        }
        double taken = processor_time() - start;
        least = taken < least ? taken : least;
    }
    if (guests)
        printf("place %.0f\n", least);

    least = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        pven_guest_stats stats = guest((size_t)round);
        double start = now();
        must(pven_scheduler_score_start(s, &stats, sizeof stats, scores, nodes, NULL, NULL));
        double taken = now() - start;
        least = taken < least ? taken : least;
    }
    printf("score %.0f\nfloor %.0f\n", least, floor_of(nodes));
    pven_scheduler_free(s);
    free(names);
    free(scores);
    return 0;
}
