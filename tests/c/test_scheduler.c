/* Where a guest would be started, and what would be migrated. Scores are tested in
 * src/placement/scoring/tests.rs. */
#include "check.h"

#include <math.h>

#define GIB (1ULL << 30)

static const pven_guest_stats two_cores = { 2, 2, 4 * GIB, 4 * GIB };

static pven_scheduler *scheduler(uint32_t mode, uint32_t scale)
{
    pven_error *err = NULL;
    pven_scheduler *s = GARBAGE(pven_scheduler);
    pven_scheduler_opts opts = { mode, scale };
    CHECK_ERR(pven_scheduler_new(&opts, sizeof opts, &s, &err), err, PVEN_OK);
    return s;
}

/* Three nodes of 16 cores and 64 GiB; on the first a guest of half of it. */
static pven_scheduler *three(uint32_t scale)
{
    pven_scheduler *s = scheduler(PVEN_SCHEDULER_STATIC, scale);
    pven_error *err = NULL;
    pven_node_stats node = { 99, 16, 99, 64 * GIB };
    pven_guest guest = { 0, 8, 0, 32 * GIB, "n1", NULL, 1, { 0 } };
    CHECK_ERR(pven_scheduler_add_node(s, "n2", &node, sizeof node, &err), err, PVEN_OK);
    CHECK_ERR(pven_scheduler_add_node(s, "n1", &node, sizeof node, &err), err, PVEN_OK);
    CHECK_ERR(pven_scheduler_add_node(s, "n3", &node, sizeof node, &err), err, PVEN_OK);
    CHECK_ERR(pven_scheduler_add_guest(s, "vm:1", &guest, sizeof guest, &err), err, PVEN_OK);
    return s;
}

/* Whether it is this text, white space aside. */
static int is(char *json, const char *text)
{
    size_t length = 0;
    for (const char *from = json; from && *from; from++)
        if (*from != ' ' && *from != '\n')
            json[length++] = *from;
    int same = json && length == strlen(text) && memcmp(json, text, length) == 0;
    if (!same)
        fprintf(stderr, "%.*s is not %s\n", (int)length, json ? json : "", text);
    pven_string_free(json);
    return same;
}

static void nodes_are_scored(void)
{
    pven_scheduler *s = three(PVEN_IMBALANCE_UNIT);
    pven_error *err = NULL;
    char *json;
    size_t len, count = 7;
    double scores[4] = { 7, 7, 7, 7 };
    uint8_t there = 7;
    CHECK(pven_scheduler_node_count(s) == 3);
    CHECK_ERR(pven_scheduler_nodes_json(s, &json, &len, &err), err, PVEN_OK);
    CHECK(is(json, "[\"n1\",\"n2\",\"n3\"]"));
    CHECK_ERR(pven_scheduler_contains_node(s, "n3", &there, &err), err, PVEN_OK);
    CHECK(there == 1);
    CHECK_ERR(pven_scheduler_score_start(s, &two_cores, sizeof two_cores, scores, 4, &count, &err), err, PVEN_OK);
    CHECK(count == 3 && scores[0] == 0 && scores[1] == 1 && scores[2] == 1 && scores[3] == 7);
    CHECK(fabs(pven_scheduler_imbalance(s) - 1) < 1e-12);

    pven_guest_stats half = { 8, 8, 32 * GIB, 32 * GIB };
    CHECK_ERR(pven_scheduler_add_guest_to_node(s, "n2", "vm:2", &half, sizeof half, &err), err, PVEN_OK);
    CHECK_ERR(pven_scheduler_add_guest_to_node(s, "n3", "vm:2", &half, sizeof half, &err), err, PVEN_OK);
    CHECK(pven_scheduler_imbalance(s) == 0);
    CHECK_ERR(pven_scheduler_remove_guest(s, "vm:2", &err), err, PVEN_OK);
    CHECK_ERR(pven_scheduler_remove_guest(s, "vm:2", &err), err, PVEN_OK);
    CHECK_ERR(pven_scheduler_remove_node(s, "n3", &err), err, PVEN_OK);
    CHECK_ERR(pven_scheduler_contains_node(s, "n3", &there, &err), err, PVEN_OK);
    CHECK(there == 0);
    CHECK_ERR(pven_scheduler_score_start(s, &two_cores, sizeof two_cores, scores, 2, NULL, &err), err, PVEN_OK);
    pven_scheduler_free(s);
}

static void migrations_are_compared(void)
{
    static const char some[] = "[{\"leader\":\"vm:1\",\"resources\":[\"vm:1\"],\"nodes\":[\"n3\",\"n2\"]}]";
    pven_scheduler *s = three(PVEN_IMBALANCE_MEAN);
    pven_error *err = NULL;
    char *json;
    size_t len;
    CHECK(fabs(pven_scheduler_imbalance(s) - sqrt(2)) < 1e-12);
    CHECK_ERR(pven_scheduler_best_migrations_json(s, some, sizeof some - 1, 9, 0, &json, &len, &err), err, PVEN_OK);
    CHECK(json && strstr(json, "\"imbalance\": 1.4142135623"));
    CHECK(json && strstr(json, "\"n2\"") && strstr(json, "\"n2\"") < strstr(json, "\"n3\""));
    pven_string_free(json);
    static const char self[] = "[{\"leader\":\"vm:1\",\"resources\":[\"vm:1\"],\"nodes\":[\"n1\"]}]";
    CHECK_ERR(pven_scheduler_best_migrations_json(s, self, sizeof self - 1, 9, 0, &json, &len, &err), err, PVEN_OK);
    CHECK(is(json, "[{\"migration\":{\"sid\":\"vm:1\",\"source-node\":\"n1\",\"target-node\":\"n1\"},"
                   "\"imbalance\":0.0}]"));
    CHECK_ERR(pven_scheduler_best_migrations_json(s, some, sizeof some - 1, 1, 1, &json, &len, &err), err, PVEN_OK);
    CHECK(json && strstr(json, "\"n3\"") && !strstr(json, "\"n2\""));
    pven_string_free(json);
    CHECK_ERR(pven_scheduler_best_migrations_json(s, some, sizeof some - 1, 0, 0, &json, &len, &err), err, PVEN_OK);
    CHECK(is(json, "[]"));
    pven_scheduler_free(s);
}

static void guests_about_to_start_count_in_the_dynamic_mode(void)
{
    pven_scheduler *s = scheduler(PVEN_SCHEDULER_DYNAMIC, 0);
    pven_error *err = NULL;
    pven_node_stats node = { 1, 16, GIB, 64 * GIB };
    pven_guest guest = { 1, 8, GIB, 32 * GIB, "n1", "n2", 1, { 0 } };
    double scores[2];
    CHECK_ERR(pven_scheduler_add_node(s, "n1", &node, sizeof node, &err), err, PVEN_OK);
    node.cpu = 2;
    CHECK_ERR(pven_scheduler_add_node(s, "n2", &node, sizeof node, &err), err, PVEN_OK);
    CHECK_ERR(pven_scheduler_add_guest(s, "vm:1", &guest, sizeof guest, &err), err, PVEN_OK);
    CHECK_ERR(pven_scheduler_score_start(s, &two_cores, sizeof two_cores, scores, 2, NULL, &err), err, PVEN_OK);
    CHECK(scores[0] > scores[1]);
    guest.running = 0;
    guest.target = NULL;
    CHECK_ERR(pven_scheduler_add_guest(s, "vm:2", &guest, sizeof guest, &err), err, PVEN_OK);
    CHECK_ERR(pven_scheduler_score_start(s, &two_cores, sizeof two_cores, scores, 2, NULL, &err), err, PVEN_OK);
    CHECK(scores[0] < scores[1]);
    pven_scheduler_free(s);
}

static void what_makes_no_sense_is_refused(void)
{
    pven_error *err = NULL;
    pven_scheduler *s = GARBAGE(pven_scheduler);
    pven_scheduler_opts odd[] = { { 2, 0 }, { 0, 2 } };
    for (size_t i = 0; i < 2; i++) {
        CHECK_ERR(pven_scheduler_new(&odd[i], sizeof *odd, &s, &err), err, PVEN_ERR_ARGUMENT);
        CHECK(s == NULL);
    }
    CHECK_ERR(pven_scheduler_new(NULL, 0, NULL, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_scheduler_new(NULL, 0, &s, &err), err, PVEN_OK);
    pven_scheduler_free(s);

    s = three(0);
    pven_node_stats node = { 0, 16, 0, 64 * GIB };
    CHECK_ERR(pven_scheduler_add_node(s, "n1", &node, sizeof node, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_scheduler_add_node(s, NULL, &node, sizeof node, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_scheduler_add_node(s, "\xff", &node, sizeof node, &err), err, PVEN_ERR_ARGUMENT);
    pven_guest guests[] = {
        { 0, 1, 0, 1, NULL, NULL, 1, { 0 } },  { 0, 1, 0, 1, "n9", NULL, 1, { 0 } },
        { 0, 1, 0, 1, "n1", "n1", 1, { 0 } },  { 0, -1, 0, 1, "n1", NULL, 1, { 0 } },
        { 0, NAN, 0, 1, "n1", NULL, 1, { 0 } }, { 0, 1, 0, 1, "n1", NULL, 2, { 0 } },
        { 0, 1, 0, 1, "n1", NULL, 1, { 1 } },
    };
    for (size_t i = 0; i < sizeof guests / sizeof *guests; i++)
        CHECK_ERR(pven_scheduler_add_guest(s, "x", &guests[i], sizeof *guests, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_scheduler_add_guest_to_node(s, "n1", "vm:1", &two_cores, sizeof two_cores, &err), err,
              PVEN_ERR_ARGUMENT);
    double scores[3] = { 7, 7, 7 };
    size_t count = 7;
    CHECK_ERR(pven_scheduler_score_start(s, &two_cores, sizeof two_cores, scores, 2, &count, &err), err,
              PVEN_ERR_ARGUMENT);
    CHECK(count == 0 && scores[0] == 7);
    CHECK_ERR(pven_scheduler_score_start(s, &two_cores, sizeof two_cores, NULL, 3, &count, &err), err,
              PVEN_ERR_ARGUMENT);
    static const char *const junk[] = { "", "x", "{}", "[1]", "[{\"leader\":\"vm:9\",\"resources\":[\"vm:9\"],\"nodes\":[]}]",
                                        "[{\"leader\":\"vm:1\",\"resources\":[],\"nodes\":[]}]" };
    for (size_t i = 0; i < sizeof junk / sizeof *junk; i++) {
        char *json = GARBAGE(char);
        size_t len = 7;
        CHECK_ERR(pven_scheduler_best_migrations_json(s, junk[i], strlen(junk[i]), 1, 0, &json, &len, &err), err,
                  PVEN_ERR_ARGUMENT);
        CHECK(json == NULL && len == 0);
    }
    CHECK(pven_scheduler_contains_node(s, "n1", NULL, NULL) == PVEN_ERR_ARGUMENT);
    CHECK(pven_scheduler_node_count(s) == 3 && pven_scheduler_node_count(NULL) == 0);
    CHECK(pven_scheduler_imbalance(NULL) == 0);
    CHECK(pven_scheduler_remove_node(NULL, "n1", NULL) == PVEN_ERR_ARGUMENT);
    CHECK(pven_scheduler_nodes_json(NULL, NULL, NULL, NULL) == PVEN_ERR_ARGUMENT);
    pven_scheduler_free(s);
    pven_scheduler_free(NULL);
}

static void tests(void)
{
    nodes_are_scored();
    migrations_are_compared();
    guests_about_to_start_count_in_the_dynamic_mode();
    what_makes_no_sense_is_refused();
}
