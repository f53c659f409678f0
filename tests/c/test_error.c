/* Versions, error objects, and the words for codes and formats. */
#include "check.h"

#include <errno.h>

static void versions_are_told(void)
{
    CHECK(pven_abi_version() == PVEN_ABI_VERSION);
    CHECK(strchr(pven_version(), '.') != NULL);
}

static void an_error_says_what_where_and_why(void)
{
    pven_error *err = GARBAGE(pven_error);
    pven_chain *chain = GARBAGE(pven_chain);
    int32_t code = pven_chain_open(image("missing.qcow2"), NULL, 0, &chain, &err);
    CHECK(code == PVEN_ERR_IO);
    CHECK(chain == NULL);
    CHECK(pven_error_code(err) == PVEN_ERR_IO);
    CHECK(pven_error_errno(err) == ENOENT);
    CHECK_STR(pven_error_path(err), image("missing.qcow2"));
    CHECK(pven_error_offset(err) == PVEN_NO_OFFSET);
    CHECK(strstr(pven_error_message(err), "missing.qcow2") != NULL);
    CHECK(strchr(pven_error_message(err), '\n') == NULL);
    pven_error_free(err);
}

static void an_error_names_the_field_to_blame(void)
{
    static const char path[] = "version9.qcow2";
    unsigned char head[512] = { 'Q', 'F', 'I', 0xfb, 0, 0, 0, 9 };
    FILE *file = fopen(image(path), "wb");
    pven_error *err = NULL;
    pven_chain *chain = NULL;
    CHECK(file && fwrite(head, sizeof head, 1, file) == 1 && fclose(file) == 0);
    CHECK(pven_chain_open(image(path), NULL, 0, &chain, &err) == PVEN_ERR_UNSUPPORTED);
    CHECK(pven_error_offset(err) == 4);
    CHECK(pven_error_errno(err) == ENOTSUP);
    pven_error_free(err);
}

static void no_error_is_no_crash(void)
{
    CHECK(pven_error_code(NULL) == PVEN_OK);
    CHECK(pven_error_errno(NULL) == 0);
    CHECK(pven_error_message(NULL) == NULL);
    CHECK(pven_error_path(NULL) == NULL);
    CHECK(pven_error_offset(NULL) == PVEN_NO_OFFSET);
    pven_error_free(NULL);
    pven_string_free(NULL);
    pven_chain_free(NULL);
}

static void codes_have_words(void)
{
    static const char *const words[] = {
        "ok", "argument", "io", "format", "corrupt", "unsupported", "limit", "denied", "cycle",
        "unnamed-format", "timeout", "busy", "panic", "poisoned", "cancelled",
    };
    for (int32_t code = PVEN_OK; code <= PVEN_ERR_CANCELLED; code++)
        CHECK_STR(pven_error_code_name(code), words[code]);
    CHECK(pven_error_code_name(PVEN_ERR_CANCELLED + 1) == NULL);
    CHECK(pven_error_code_name(-1) == NULL);
    CHECK(pven_error_code_name(INT32_MIN) == NULL);
}

static void formats_have_names(void)
{
    CHECK_STR(pven_format_name(PVEN_FORMAT_RAW), "raw");
    CHECK_STR(pven_format_name(PVEN_FORMAT_QCOW2), "qcow2");
    CHECK_STR(pven_format_name(PVEN_FORMAT_DMG), "dmg");
    CHECK(pven_format_name(PVEN_FORMAT_UNKNOWN) == NULL);
    CHECK(pven_format_name(UINT32_MAX) == NULL);
}

static void tests(void)
{
    versions_are_told();
    an_error_says_what_where_and_why();
    an_error_names_the_field_to_blame();
    no_error_is_no_crash();
    codes_have_words();
    formats_have_names();
}
