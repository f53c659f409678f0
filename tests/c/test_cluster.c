/* What a node broadcasts of its multipath maps, and what all nodes say together. */
#include "check.h"

static const char reply[] =
    "{\"maps\":[{\"name\":\"a\",\"uuid\":\"w\",\"queueing\":\"on\",\"path_groups\":["
    "{\"paths\":[{\"dev\":\"sda\",\"chk_st\":\"faulty\",\"host_adapter\":\"0000:01:00.0\"}]}]}]}";

static int32_t summarize(const char *text, const char *opts, char **payload, pven_error **err)
{
    size_t len = 7;
    *payload = GARBAGE(char);
    int32_t code = pven_cluster_summarize(text, text ? strlen(text) : 0, opts,
                                          opts ? strlen(opts) : 0, payload, &len, err);
    CHECK(*payload ? len == strlen(*payload) : len == 0);
    return code;
}

static int says(const char *payload, const char *part)
{
    return payload && strstr(payload, part) != NULL;
}

static void maps_become_a_broadcast(void)
{
    pven_error *err = NULL;
    char *payload;
    CHECK_ERR(summarize(reply, NULL, &payload, &err), err, PVEN_OK);
    CHECK(says(payload, "{\"maps\":{\"w\":{\"state\":\"failed\",\"paths-active\":0,"
                        "\"paths-total\":1,\"flags\":[\"queueing\"],\"down\":[0]}}"));
    CHECK(says(payload, "\"ports\":[[\"hba\",\"0000:01:00.0\",1,1]]"));
    pven_string_free(payload);
}

static void options_are_obeyed(void)
{
    pven_error *err = NULL;
    char *payload;
    CHECK_ERR(summarize(reply, "{\"sizes\":{\"a\":512},\"transports\":{\"a\":\"sas\"},\"time\":5,"
                               "\"seq\":\"6\"}", &payload, &err), err, PVEN_OK);
    CHECK(says(payload, "\"transport\":\"sas\",\"size\":512") && says(payload, "\"time\":5,\"seq\":6"));
    pven_string_free(payload);
    CHECK_ERR(summarize(reply, "{\"transports\":\"sda|a|scsi:fcp\\n\"}", &payload, &err), err, PVEN_OK);
    CHECK(says(payload, "\"transport\":\"fc\""));
    pven_string_free(payload);
    CHECK_ERR(summarize(reply, "{\"limit\":62}", &payload, &err), err, PVEN_OK);
    CHECK(payload && strlen(payload) <= 62 && says(payload, "{\"v\":2,"));
    pven_string_free(payload);
}

static void what_makes_no_sense_is_refused(void)
{
    static const struct {
        const char *reply, *opts;
        int32_t code;
    } refused[] = {
        { NULL, NULL, PVEN_ERR_ARGUMENT },
        { "", NULL, PVEN_ERR_CORRUPT },
        { "timeout\n", NULL, PVEN_ERR_CORRUPT },
        { "{\"maps\":[", NULL, PVEN_ERR_CORRUPT },
        { reply, "[]", PVEN_ERR_ARGUMENT },
        { reply, "{\"sizes\":5}", PVEN_ERR_ARGUMENT },
        { reply, "{\"sizes\":{\"a\":-1}}", PVEN_ERR_ARGUMENT },
        { reply, "{\"transports\":{\"a\":\"tin cans\"}}", PVEN_ERR_ARGUMENT },
        { reply, "{\"size\":5}", PVEN_ERR_ARGUMENT },
        { reply, "{\"size\":null}", PVEN_ERR_ARGUMENT },
        { reply, "{\"limit\":20}", PVEN_ERR_ARGUMENT },
        { reply, "{\"time\":true}", PVEN_ERR_ARGUMENT },
    };
    pven_error *err = NULL;
    char *payload;
    size_t len;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        CHECK_ERR(summarize(refused[i].reply, refused[i].opts, &payload, &err), err,
                  refused[i].code);
        CHECK(payload == NULL);
    }
    CHECK(pven_cluster_summarize(reply, strlen(reply), NULL, 1, &payload, &len, NULL) ==
          PVEN_ERR_ARGUMENT);
    CHECK(pven_cluster_summarize(reply, strlen(reply), NULL, 0, NULL, &len, NULL) ==
          PVEN_ERR_ARGUMENT);
}

static const char opts[] = "{\"now\":1000,\"allow\":[\"w\"]}";

/* The LUN w, of which n1 has 3 of 4 paths, and n2 says nothing that can be understood. */
static const char rows[] =
    "{\"luns\":[{\"wwid\":\"w\",\"cluster-state\":\"degraded\",\"coverage\":\"1/2\",\"nodes\":{"
    "\"n1\":{\"state\":\"degraded\",\"paths-active\":3,\"paths-total\":4},"
    "\"n2\":{\"state\":\"unknown\",\"reason\":\"undecodable\"}}}],"
    "\"nodes\":{\"n1\":{\"age\":10,\"status\":\"live\"},\"n2\":{\"error\":\"";

#define BROADCAST                                                                                \
    "{\"maps\":{\"w\":{\"state\":\"degraded\",\"paths-active\":3,\"paths-total\":4}},\"time\":990}"

static int32_t ask(const char *const *nodes, const char *const *raw, const size_t *raw_len, size_t count,
                   const char *options, char **json, pven_error **err)
{
    size_t len = 7;
    *json = GARBAGE(char);
    int32_t code = pven_cluster_status_json(nodes, raw, raw_len, count, options,
                                            options ? strlen(options) : 0, json, &len, err);
    CHECK(*json ? len == strlen(*json) : len == 0);
    return code;
}

static void nodes_make_a_status(void)
{
    static const char *const nodes[] = { "n1", "n2", "n3" };
    /* Anything may be in a broadcast, and NULL is none. */
    static const char *const raw[] = { BROADCAST, "{\"maps\":\0}", NULL };
    static const size_t raw_len[] = { sizeof BROADCAST - 1, 10, 99 };
    pven_error *err = NULL;
    char *json;
    CHECK_ERR(ask(nodes, raw, raw_len, 3, opts, &json, &err), err, PVEN_OK);
    CHECK(json && strncmp(json, rows, sizeof rows - 1) == 0);
    CHECK(json && strstr(json, "\"findings\":[{\"code\":\"node-malformed\",\"severity\":\"error\","
                               "\"subject\":\"n2\",\"sentence\":\""));
    pven_string_free(json);
    CHECK_ERR(ask(nodes, raw, raw_len, 1, "{\"mode\":\"compat\",\"now\":1000}", &json, &err), err, PVEN_OK);
    CHECK_STR(json, "{\"luns\":[{\"wwid\":\"w\",\"cluster-state\":\"degraded\",\"nodes\":{\"n1\":{"
                    "\"state\":\"degraded\",\"paths-active\":3,\"paths-total\":4}}}],\"nodes\":{}}");
    pven_string_free(json);
    CHECK_ERR(ask(NULL, NULL, NULL, 0, NULL, &json, &err), err, PVEN_OK);
    CHECK_STR(json, "{\"luns\":[],\"nodes\":{},\"findings\":[]}");
    pven_string_free(json);
}

static void a_document_makes_the_same(void)
{
    static const char document[] =
        "{\"now\":1000,\"allow\":[\"w\"],\"nodes\":{\"n1\":" BROADCAST ",\"n2\":\"x\",\"n3\":null}}";
    pven_error *err = NULL;
    char *json = GARBAGE(char);
    size_t len = 7;
    CHECK_ERR(pven_cluster_status_document_json(document, sizeof document - 1, &json, &len, &err), err,
              PVEN_OK);
    CHECK(json && len == strlen(json) && strncmp(json, rows, sizeof rows - 1) == 0);
    pven_string_free(json);
    static const char *const refused[] = { "", "x", "[]", "{\"nodes\":5}", "{\"node\":{}}", "{\"now\":\"x\"}" };
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        json = GARBAGE(char);
        CHECK_ERR(pven_cluster_status_document_json(refused[i], strlen(refused[i]), &json, &len, &err),
                  err, PVEN_ERR_ARGUMENT);
        CHECK(json == NULL && len == 0);
    }
    CHECK(pven_cluster_status_document_json(NULL, 0, &json, &len, NULL) == PVEN_ERR_ARGUMENT);
}

static void questions_that_make_no_sense_are_refused(void)
{
    static const char *const nodes[] = { "n1" }, *const odd[] = { "\xff" }, *const none[] = { NULL };
    static const char *const raw[] = { BROADCAST };
    static const size_t raw_len[] = { sizeof BROADCAST - 1 };
    static const char *const options[] = { "[]", "{\"allowed\":[]}", "{\"now\":-1}", "{\"mode\":\"lax\"}" };
    pven_error *err = NULL;
    char *json;
    size_t len;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        CHECK_ERR(ask(nodes, raw, raw_len, 1, options[i], &json, &err), err, PVEN_ERR_ARGUMENT);
        CHECK(json == NULL);
    }
    CHECK_ERR(ask(odd, raw, raw_len, 1, opts, &json, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(ask(none, raw, raw_len, 1, opts, &json, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(ask(NULL, raw, raw_len, 1, opts, &json, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(ask(nodes, NULL, raw_len, 1, opts, &json, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(ask(nodes, raw, NULL, 1, opts, &json, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(ask(nodes, raw, raw_len, 1 << 20, opts, &json, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(pven_cluster_status_json(nodes, raw, raw_len, 1, NULL, 1, &json, &len, NULL) == PVEN_ERR_ARGUMENT);
    CHECK(pven_cluster_status_json(nodes, raw, raw_len, 1, NULL, 0, NULL, &len, NULL) == PVEN_ERR_ARGUMENT);
}

static void tests(void)
{
    maps_become_a_broadcast();
    options_are_obeyed();
    what_makes_no_sense_is_refused();
    nodes_make_a_status();
    a_document_makes_the_same();
    questions_that_make_no_sense_are_refused();
}
