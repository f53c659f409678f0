/* What a node broadcasts of its multipath maps. */
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

static void tests(void)
{
    maps_become_a_broadcast();
    options_are_obeyed();
    what_makes_no_sense_is_refused();
}
