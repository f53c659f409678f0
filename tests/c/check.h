/* What the C tests share: checks that name their line, and calls that must fail in a given way. */
#ifndef CHECK_H
#define CHECK_H

#include "pve_native.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failures;

/* The directory with the images that images.sh made. */
static const char *images;

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);     \
            check_failures++;                                                   \
        }                                                                       \
    } while (0)

#define CHECK_STR(got, want)                                                    \
    do {                                                                        \
        const char *got_ = (got);                                               \
        if (!got_ || strcmp(got_, (want)) != 0) {                               \
            fprintf(stderr, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__,      \
                    __LINE__, #got, got_ ? got_ : "(null)", (want));            \
            check_failures++;                                                   \
        }                                                                       \
    } while (0)

/* Two long texts; only the place where they part is shown. */
#define CHECK_TEXT(got, want) check_text(__FILE__, __LINE__, (got), (want))

static inline void check_text(const char *file, int line, const char *got, const char *want)
{
    size_t same = 0;
    got = got ? got : "";
    want = want ? want : "";
    while (got[same] != '\0' && got[same] == want[same])
        same++;
    if (got[same] != want[same] || same == 0) {
        fprintf(stderr, "%s:%d: at %zu: \"%.60s\", not \"%.60s\"\n", file, line, same,
                got + same, want + same);
        check_failures++;
    }
}

/* Takes a code and the error that came with it. */
#define CHECK_ERR(call, err, want)                                              \
    check_err(__FILE__, __LINE__, #call, (call), &(err), (want))

static inline void check_err(const char *file, int line, const char *call, int32_t code,
                             pven_error **err, int32_t want)
{
    if (code != want || pven_error_code(*err) != want) {
        const char *message = pven_error_message(*err);
        fprintf(stderr, "%s:%d: %s gives %d (%s), not %d\n", file, line, call, (int)code,
                message ? message : "no message", (int)want);
        check_failures++;
    }
    CHECK((*err != NULL) == (want != PVEN_OK));
    pven_error_free(*err);
    *err = NULL;
}

/* The path of an image; one at a time. */
static inline const char *image(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", images, name);
    return path;
}

/* A whole text file without the newline at its end; the caller frees it. */
static inline char *contents(const char *name)
{
    FILE *file = fopen(image(name), "rb");
    char *text = NULL;
    size_t length = 0;
    if (file) {
        text = calloc(1, 1 << 20);
        if (text)
            length = fread(text, 1, (1 << 20) - 1, file);
        fclose(file);
    }
    CHECK(length > 0);
    if (text && length > 0 && text[length - 1] == '\n')
        text[length - 1] = '\0';
    return text;
}

static inline pven_chain *open_chain(const char *name)
{
    pven_error *err = NULL;
    pven_chain *chain = NULL;
    CHECK_ERR(pven_chain_open(image(name), NULL, 0, &chain, &err), err, PVEN_OK);
    CHECK(chain != NULL);
    return chain;
}

static inline pven_image_info image_info(const pven_chain *chain, size_t index)
{
    pven_error *err = NULL;
    pven_image_info info;
    memset(&info, 0xff, sizeof info);
    CHECK_ERR(pven_chain_image(chain, index, &info, sizeof info, &err), err, PVEN_OK);
    return info;
}

/* For variables that must be overwritten. */
#define GARBAGE(type) ((type *)(uintptr_t)0x5a5a)

static void tests(void);

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIRECTORY-WITH-IMAGES\n", argv[0]);
        return 2;
    }
    images = argv[1];
    tests();
    return check_failures ? 1 : 0;
}

#endif
