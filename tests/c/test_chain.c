/* Chains: whole, damaged and cyclic ones, and what bounds a walk. */
#include "check.h"

#include <errno.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_whole_chain_is_read_from_the_top(void)
{
    pven_chain *chain = open_chain("top.qcow2");
    pven_image_info top, base;
    CHECK(pven_chain_len(chain) == 3);
    top = image_info(chain, 0);
    CHECK_STR(top.filename, image("top.qcow2"));
    CHECK_STR(top.format_name, "qcow2");
    CHECK_STR(top.backing_filename, "mid.qcow2");
    CHECK_STR(top.full_backing_filename, image("mid.qcow2"));
    CHECK_STR(top.backing_format, "qcow2");
    CHECK(top.virtual_size == 128 << 20);
    base = image_info(chain, 2);
    CHECK_STR(base.filename, image("base.qcow2"));
    CHECK(base.backing_filename == NULL);
    CHECK(base.virtual_size == 64 << 20);
    CHECK(base.error_code == PVEN_OK && base.error_message == NULL);
    pven_chain_free(chain);
}

static void the_json_is_qemus(void)
{
    pven_chain *chain = open_chain("top.qcow2");
    char *want = contents("top.chain");
    char *json = GARBAGE(char);
    size_t len = 1;
    pven_error *err = GARBAGE(pven_error);
    CHECK_ERR(pven_chain_json(chain, &json, &len, &err), err, PVEN_OK);
    CHECK_TEXT(json, want);
    CHECK(json && len == strlen(json));
    pven_string_free(json);
    free(want);
    pven_chain_free(chain);
}

/* The last entry of a chain that is damaged after count images says why. */
static void check_damaged(const char *name, size_t count, int32_t code, int number,
                          const char *last)
{
    pven_chain *chain = open_chain(name);
    pven_open_opts opts = { .strict = 1 };
    pven_error *err = NULL;
    pven_image_info info;
    char *json = NULL;
    size_t len = 0;
    CHECK(pven_chain_len(chain) == count + 1);
    for (size_t i = 0; i < count; i++)
        CHECK(image_info(chain, i).error_code == PVEN_OK);
    info = image_info(chain, count);
    CHECK(info.error_code == code);
    CHECK(info.error_errno == number);
    CHECK(info.error_message != NULL);
    CHECK_STR(info.filename, image(last));
    CHECK(info.format == PVEN_FORMAT_UNKNOWN && info.format_name == NULL);
    CHECK(info.virtual_size == 0 && info.flags == 0);
    CHECK_ERR(pven_chain_json(chain, &json, &len, &err), err, PVEN_OK);
    CHECK(json && strstr(json, "\"error\": {") != NULL);
    CHECK(json && strstr(json, pven_error_code_name(code)) != NULL);
    pven_string_free(json);
    pven_chain_free(chain);
    chain = GARBAGE(pven_chain);
    CHECK_ERR(pven_chain_open(image(name), &opts, sizeof opts, &chain, &err), err, code);
    CHECK(chain == NULL);
}

static void a_damaged_chain_gives_what_could_be_read(void)
{
    check_damaged("lost.qcow2", 1, PVEN_ERR_IO, ENOENT, "gone.qcow2");
    check_damaged("on-junk.qcow2", 1, PVEN_ERR_FORMAT, EINVAL, "junk.qcow2");
    check_damaged("unnamed.qcow2", 1, PVEN_ERR_UNNAMED_FORMAT, ENOTSUP, "base.qcow2");
}

static void a_cycle_ends(void)
{
    check_damaged("one.qcow2", 2, PVEN_ERR_CYCLE, ELOOP, "one.qcow2");
}

static void an_unreadable_top_is_an_error(void)
{
    pven_error *err = NULL;
    pven_chain *chain = GARBAGE(pven_chain);
    CHECK_ERR(pven_chain_open(image("text.qcow2"), NULL, 0, &chain, &err), err, PVEN_ERR_FORMAT);
    CHECK(chain == NULL);
    CHECK_ERR(pven_chain_open(image("directory"), NULL, 0, &chain, &err), err, PVEN_ERR_FORMAT);
    CHECK_ERR(pven_chain_open(image("fifo.qcow2"), NULL, 0, &chain, &err), err, PVEN_ERR_FORMAT);
    CHECK_ERR(pven_chain_open("nbd:localhost:1", NULL, 0, &chain, &err), err,
              PVEN_ERR_UNSUPPORTED);
    CHECK_ERR(pven_chain_open("json:{}", NULL, 0, &chain, &err), err, PVEN_ERR_UNSUPPORTED);
}

static void the_depth_is_bounded(void)
{
    pven_open_opts opts = { .max_depth = 2 };
    pven_error *err = NULL;
    pven_chain *chain = NULL;
    CHECK_ERR(pven_chain_open(image("top.qcow2"), &opts, sizeof opts, &chain, &err), err, PVEN_OK);
    CHECK(pven_chain_len(chain) == 3);
    CHECK(image_info(chain, 2).error_code == PVEN_ERR_LIMIT);
    pven_chain_free(chain);
    opts.strict = 1;
    CHECK_ERR(pven_chain_open(image("top.qcow2"), &opts, sizeof opts, &chain, &err), err,
              PVEN_ERR_LIMIT);
    opts.max_depth = 3;
    CHECK_ERR(pven_chain_open(image("top.qcow2"), &opts, sizeof opts, &chain, &err), err, PVEN_OK);
    pven_chain_free(chain);
}

static void the_format_is_the_callers_or_the_names(void)
{
    pven_open_opts opts = { .format = "raw" };
    pven_error *err = NULL;
    pven_chain *chain = open_chain("noext");
    CHECK(image_info(chain, 0).format == PVEN_FORMAT_RAW);
    pven_chain_free(chain);
    CHECK_ERR(pven_chain_open(image("top.qcow2"), &opts, sizeof opts, &chain, &err), err, PVEN_OK);
    CHECK(pven_chain_len(chain) == 1);
    CHECK(image_info(chain, 0).format == PVEN_FORMAT_RAW);
    pven_chain_free(chain);
    opts.format = "qcow2";
    CHECK_ERR(pven_chain_open(image("noext"), &opts, sizeof opts, &chain, &err), err,
              PVEN_ERR_FORMAT);
}

static void a_timeout_changes_no_answer(void)
{
    pven_open_opts opts = { .timeout = 30.5, .strict = 1 };
    pven_error *err = NULL;
    pven_chain *chain = NULL;
    CHECK_ERR(pven_chain_open(image("top.qcow2"), &opts, sizeof opts, &chain, &err), err, PVEN_OK);
    CHECK(pven_chain_len(chain) == 3);
    pven_chain_free(chain);
}

static void names_are_bytes(void)
{
    static const char name[] = "b\377\n.qcow2";
    pven_chain *chain = open_chain(name);
    CHECK_STR(image_info(chain, 0).filename, image(name));
    pven_chain_free(chain);
}

static void *reader(void *data)
{
    const pven_chain *chain = data;
    intptr_t wrong = 0;
    for (int i = 0; i < 200; i++) {
        pven_image_info info;
        char *json = NULL;
        size_t len = 0;
        if (pven_chain_image(chain, 1, &info, sizeof info, NULL) != PVEN_OK ||
            pven_chain_json(chain, &json, &len, NULL) != PVEN_OK || len != strlen(json) ||
            pven_chain_image(chain, 9, &info, sizeof info, NULL) != PVEN_ERR_ARGUMENT)
            wrong++;
        pven_string_free(json);
    }
    return (void *)wrong;
}

static void many_threads_may_use_one_chain(void)
{
    pven_chain *chain = open_chain("top.qcow2");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, reader, chain) == 0);
    for (int i = 0; i < 4; i++) {
        void *wrong = GARBAGE(void);
        CHECK(pthread_join(threads[i], &wrong) == 0);
        CHECK(wrong == NULL);
    }
    pven_chain_free(chain);
}

static void a_child_may_go_on_with_a_chain(void)
{
    pven_chain *chain = open_chain("top.qcow2");
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        pven_chain *own = open_chain("top.qcow2");
        int fine = pven_chain_len(chain) == 3 && pven_chain_len(own) == 3;
        pven_chain_free(own);
        pven_chain_free(chain);
        _exit(fine ? 0 : 1);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    pven_chain_free(chain);
}

static void tests(void)
{
    a_whole_chain_is_read_from_the_top();
    the_json_is_qemus();
    a_damaged_chain_gives_what_could_be_read();
    a_cycle_ends();
    an_unreadable_top_is_an_error();
    the_depth_is_bounded();
    the_format_is_the_callers_or_the_names();
    a_timeout_changes_no_answer();
    names_are_bytes();
    many_threads_may_use_one_chain();
    a_child_may_go_on_with_a_chain();
}
