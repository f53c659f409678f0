/* What storages can do. */
#include "check.h"

static int32_t ask(const char *type, const char *format, char **json, pven_error **err)
{
    size_t len = 7;
    *json = GARBAGE(char);
    int32_t code = pven_storage_capabilities_json(type, format, json, &len, err);
    CHECK(*json ? len == strlen(*json) : len == 0);
    return code;
}

static int says(const char *json, const char *part)
{
    return json && strstr(json, part) != NULL;
}

static void a_volume_has_capabilities(void)
{
    pven_error *err = NULL;
    char *json;
    CHECK_ERR(ask("lvmthin", "raw", &json, &err), err, PVEN_OK);
    CHECK(says(json, "\"type\": \"lvmthin\""));
    CHECK(says(json, "\"method\": \"native\""));
    CHECK(says(json, "\"live-migration-without-copying\": \"never\""));
    pven_string_free(json);
}

static void a_type_has_all_its_volumes_and_all_types_are_one_answer(void)
{
    pven_error *err = NULL;
    char *json;
    CHECK_ERR(ask("dir", NULL, &json, &err), err, PVEN_OK);
    CHECK(says(json, "\"format\": \"qcow2\"") && says(json, "\"format\": \"subvol\""));
    pven_string_free(json);
    CHECK_ERR(ask(NULL, NULL, &json, &err), err, PVEN_OK);
    CHECK(json && json[0] == '[' && says(json, "\"type\": \"lvmqcow2\""));
    pven_string_free(json);
}

static void there_are_lists_of_types_and_contents(void)
{
    pven_error *err = NULL;
    char *json = GARBAGE(char);
    size_t len = 0;
    CHECK_ERR(pven_storage_types_json(&json, &len, &err), err, PVEN_OK);
    CHECK(says(json, "\"zfspool\"") && len == strlen(json));
    pven_string_free(json);
    CHECK_ERR(pven_storage_content_types_json(&json, &len, &err), err, PVEN_OK);
    CHECK(says(json, "\"content-type\": \"vztmpl\"") && len == strlen(json));
    pven_string_free(json);
}

static void what_there_is_not_is_refused(void)
{
    static const struct {
        const char *type, *format;
    } refused[] = {
        { "glusterfs", NULL }, { "lvm", "vmdk" }, { "lvm", "" }, { "", "raw" }, { "pbs", "raw" },
        { NULL, "raw" },       { "dir", "QCOW2" },
    };
    pven_error *err = NULL;
    char *json;
    size_t len;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        CHECK_ERR(ask(refused[i].type, refused[i].format, &json, &err), err, PVEN_ERR_ARGUMENT);
        CHECK(json == NULL);
    }
    CHECK(pven_storage_capabilities_json("dir", NULL, NULL, &len, NULL) == PVEN_ERR_ARGUMENT);
    CHECK(pven_storage_types_json(&json, NULL, NULL) == PVEN_ERR_ARGUMENT && json == NULL);
    CHECK(pven_storage_content_types_json(NULL, NULL, NULL) == PVEN_ERR_ARGUMENT);
}

static void tests(void)
{
    a_volume_has_capabilities();
    a_type_has_all_its_volumes_and_all_types_are_one_answer();
    there_are_lists_of_types_and_contents();
    what_there_is_not_is_refused();
}
