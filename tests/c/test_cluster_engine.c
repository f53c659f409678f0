/* What all nodes say together, as it changes. The stories are told in src/cluster/engine/tests/. */
#include "check.h"

#define NOW 1800000000.0

static const pven_cluster_map well = { PVEN_MAP_OPTIMAL, 0, 4, 4, 1ULL << 40, "fc" };

static pven_cluster_engine *engine(const char *opts)
{
    pven_error *err = NULL;
    pven_cluster_engine *e = GARBAGE(pven_cluster_engine);
    CHECK_ERR(pven_cluster_engine_new(opts, opts ? strlen(opts) : 0, &e, &err), err, PVEN_OK);
    return e;
}

/* A cluster of two nodes with a LUN of four paths. */
static pven_cluster_engine *cluster(void)
{
    pven_cluster_engine *e = engine(NULL);
    pven_error *err = NULL;
    CHECK_ERR(pven_cluster_engine_update_map(e, "n1", "w", &well, sizeof well, NOW, &err), err, PVEN_OK);
    CHECK_ERR(pven_cluster_engine_update_map(e, "n2", "w", &well, sizeof well, NOW, &err), err, PVEN_OK);
    return e;
}

/* What has changed; the cursor takes the place of the one that is handed in. */
static char *changes(pven_cluster_engine *e, char cursor[128])
{
    pven_error *err = NULL;
    char *json = GARBAGE(char);
    size_t len = 7;
    CHECK_ERR(pven_cluster_engine_changes_json(e, *cursor ? cursor : NULL, &json, &len, &err), err, PVEN_OK);
    CHECK(json && len == strlen(json));
    CHECK(json && sscanf(json, "{\"cursor\":\"%127[0-9a-f-]\"", cursor) == 1);
    return json;
}

static int says(char *json, const char *part)
{
    int found = json && strstr(json, part) != NULL;
    if (!found)
        fprintf(stderr, "%s is not in %s\n", part, json ? json : "NULL");
    pven_string_free(json);
    return found;
}

static char *status(pven_cluster_engine *e)
{
    pven_error *err = NULL;
    char *json;
    size_t len;
    CHECK_ERR(pven_cluster_engine_status_json(e, &json, &len, &err), err, PVEN_OK);
    return json;
}

static void changes_are_told(void)
{
    pven_cluster_engine *e = cluster();
    pven_error *err = NULL;
    char cursor[128] = "";
    CHECK(says(changes(e, cursor), "\"full\":true,\"rows\":[{\"wwid\":\"w\",\"size\":1099511627776,"
                                   "\"cluster-state\":\"optimal\",\"coverage\":\"2/2\""));
    CHECK(says(changes(e, cursor), "\"full\":false,\"rows\":[],\"removed\":[],\"events\":[],\"passed-over\":0}"));

    pven_cluster_map worse = well;
    worse.paths_active = 3;
    CHECK_ERR(pven_cluster_engine_update_map(e, "n2", "w", &worse, sizeof worse, NOW + 5, &err), err, PVEN_OK);
    CHECK(says(changes(e, cursor), "\"events\":[{\"wwid\":\"w\",\"node\":\"n2\",\"from\":\"optimal\","
                                   "\"to\":\"degraded\",\"since\":1800000005,\"flaps\":1},"));

    static const char members[] = "{\"n1\":1}";
    CHECK_ERR(pven_cluster_engine_set_members_json(e, members, sizeof members - 1, &err), err, PVEN_OK);
    CHECK(says(changes(e, cursor), "\"n2\":{\"state\":\"unknown\",\"reason\":\"offline\"}"));
    CHECK_ERR(pven_cluster_engine_set_members_json(e, NULL, 0, &err), err, PVEN_OK);
    CHECK(says(changes(e, cursor), "\"coverage\":\"2/2\""));

    static const char config[] = "{\"aliases\":{\"w\":\"tank\"}}";
    CHECK_ERR(pven_cluster_engine_set_config_json(e, config, sizeof config - 1, &err), err, PVEN_OK);
    CHECK(says(changes(e, cursor), "\"rows\":[{\"wwid\":\"w\",\"alias\":\"tank\""));

    CHECK_ERR(pven_cluster_engine_update_map(e, "n1", "w", NULL, 0, NOW + 6, &err), err, PVEN_OK);
    CHECK_ERR(pven_cluster_engine_update(e, "n2", NULL, 0, NOW + 6, &err), err, PVEN_OK);
    CHECK(says(changes(e, cursor), "\"rows\":[],\"removed\":[\"w\"]"));
    pven_cluster_engine_free(e);
}

static void broadcasts_are_read(void)
{
    static const char raw[] = "{\"maps\":{\"w\":{\"state\":\"failed\"}},\"time\":1800000000}\0rubbish";
    pven_cluster_engine *e = engine("{\"mode\":\"compat\"}");
    pven_error *err = NULL;
    char *json;
    size_t len;
    CHECK_ERR(pven_cluster_engine_update(e, "n1", raw, strlen(raw), NOW, &err), err, PVEN_OK);
    CHECK_ERR(pven_cluster_engine_update(e, "n2", raw, sizeof raw, NOW, &err), err, PVEN_OK);
    CHECK_ERR(pven_cluster_engine_rows_json(e, &json, &len, &err), err, PVEN_OK);
    CHECK_STR(json, "[{\"wwid\":\"w\",\"cluster-state\":\"failed\",\"nodes\":{\"n1\":{\"state\":\"failed\","
                    "\"paths-active\":null,\"paths-total\":null}}}]");
    pven_string_free(json);
    pven_cluster_engine_free(e);
}

static void time_goes_by(void)
{
    pven_cluster_engine *e = cluster();
    pven_error *err = NULL;
    double deadline = pven_cluster_engine_next_deadline(e);
    CHECK(deadline > NOW + 179.9 && deadline < NOW + 180.1);
    CHECK_ERR(pven_cluster_engine_advance(e, NOW + 180, &err), err, PVEN_OK);
    CHECK(says(status(e), "\"status\":\"live\""));
    CHECK_ERR(pven_cluster_engine_advance(e, deadline, &err), err, PVEN_OK);
    CHECK(says(status(e), "\"n1\":{\"age\":180,\"status\":\"stale\"}"));
    char *json;
    size_t len;
    CHECK_ERR(pven_cluster_engine_nodes_json(e, &json, &len, &err), err, PVEN_OK);
    CHECK(says(json, "{\"n1\":{\"age\":180,\"status\":\"stale\"},\"n2\":"));
    CHECK(pven_cluster_engine_next_deadline(e) == 0);
    CHECK(pven_cluster_engine_next_deadline(NULL) == 0);
    pven_cluster_engine_free(e);
}

static void findings_are_muted(void)
{
    pven_cluster_engine *e = cluster();
    pven_error *err = NULL;
    pven_cluster_map worse = { PVEN_MAP_FAILED, PVEN_MAP_QUEUEING, 0, 4, 1ULL << 40, NULL };
    char *json;
    size_t len;
    uint8_t was = 7;
    CHECK_ERR(pven_cluster_engine_update_map(e, "n2", "w", &worse, sizeof worse, NOW, &err), err, PVEN_OK);
    CHECK_ERR(pven_cluster_engine_mute(e, "lun-failed-queueing", "w", NOW + 9, &err), err, PVEN_OK);
    CHECK_ERR(pven_cluster_engine_findings_json(e, &json, &len, &err), err, PVEN_OK);
    CHECK(json && strstr(json, "[{\"code\":\"lun-failed-queueing\",\"severity\":\"error\",\"subject\":\"w\","));
    CHECK(says(json, "\"muted\":true"));
    CHECK_ERR(pven_cluster_engine_unmute(e, "lun-failed-queueing", "w", &was, &err), err, PVEN_OK);
    CHECK(was == 1);
    CHECK_ERR(pven_cluster_engine_unmute(e, "lun-failed-queueing", NULL, &was, &err), err, PVEN_OK);
    CHECK(was == 0);
    CHECK_ERR(pven_cluster_engine_mute(e, "odd", NULL, 0, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_cluster_engine_mute(e, NULL, NULL, 0, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_cluster_engine_mute(e, "lun-degraded", NULL, NOW, &err), err, PVEN_ERR_ARGUMENT);
    pven_cluster_engine_free(e);
}

static void what_makes_no_sense_is_refused(void)
{
    pven_cluster_engine *e = GARBAGE(pven_cluster_engine);
    pven_error *err = NULL;
    static const char *const opts[] = { "[]", "{\"now\":1}", "{\"mode\":\"lax\"}", "x" };
    for (size_t i = 0; i < sizeof opts / sizeof *opts; i++) {
        e = GARBAGE(pven_cluster_engine);
        CHECK_ERR(pven_cluster_engine_new(opts[i], strlen(opts[i]), &e, &err), err, PVEN_ERR_ARGUMENT);
        CHECK(e == NULL);
    }
    CHECK_ERR(pven_cluster_engine_new(NULL, 0, NULL, &err), err, PVEN_ERR_ARGUMENT);

    e = cluster();
    char cursor[128] = "";
    pven_string_free(changes(e, cursor));
    pven_cluster_map odd[3] = { well, well, well };
    odd[0].state = 5;
    odd[1].flags = 8;
    odd[2].transport = "tin cans";
    for (size_t i = 0; i < 3; i++)
        CHECK_ERR(pven_cluster_engine_update_map(e, "n1", "w", &odd[i], sizeof *odd, NOW, &err), err,
                  PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_cluster_engine_update_map(e, NULL, "w", &well, sizeof well, NOW, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_cluster_engine_update_map(e, "n1", NULL, &well, sizeof well, NOW, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_cluster_engine_update_map(e, "n1", "w", &well, sizeof well, -1, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_cluster_engine_update(e, "\xff", "", 0, NOW, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_cluster_engine_advance(e, 1e300, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_cluster_engine_set_members_json(e, "[]", 2, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_cluster_engine_set_config_json(e, "{\"now\":1}", 9, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_cluster_engine_set_config_json(e, NULL, 9, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(pven_cluster_engine_changes_json(e, NULL, NULL, NULL, NULL) == PVEN_ERR_ARGUMENT);
    CHECK(says(changes(e, cursor), "\"full\":false,\"rows\":[]"));
    CHECK(pven_cluster_engine_advance(NULL, NOW, NULL) == PVEN_ERR_ARGUMENT);
    CHECK(pven_cluster_engine_changes_json(NULL, NULL, NULL, NULL, NULL) == PVEN_ERR_ARGUMENT);
    pven_cluster_engine_free(e);
    pven_cluster_engine_free(NULL);
}

static void tests(void)
{
    changes_are_told();
    broadcasts_are_read();
    time_goes_by();
    findings_are_muted();
    what_makes_no_sense_is_refused();
}
