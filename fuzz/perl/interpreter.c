/*
 * An interpreter of Perl's inside the fuzzer, with the test library's packages linked in. It runs
 * RandomValues::run() on each input; what that dies with is a finding, and so is what it leaves
 * behind.
 */
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"

void boot_CompatTest__Data(pTHX_ CV *cv);
void boot_CompatTest__Values(pTHX_ CV *cv);
void boot_CompatTest__Beyond(pTHX_ CV *cv);
void boot_CompatTest__Counter(pTHX_ CV *cv);
void boot_CompatTest__Shared(pTHX_ CV *cv);

static PerlInterpreter *my_perl;

static void install(pTHX) {
    static const struct {
        const char *name;
        XSUBADDR_t boot;
    } packages[] = {
        {"CompatTest::Data", boot_CompatTest__Data},
        {"CompatTest::Values", boot_CompatTest__Values},
        {"CompatTest::Beyond", boot_CompatTest__Beyond},
        {"CompatTest::Counter", boot_CompatTest__Counter},
        {"CompatTest::Shared", boot_CompatTest__Shared},
    };
    size_t i;
    for (i = 0; i < sizeof packages / sizeof *packages; i++) {
        char name[64];
        snprintf(name, sizeof name, "%s::bootstrap", packages[i].name);
        newXS(name, packages[i].boot, __FILE__);
    }
}

/* Starts it; 0 if that works. `folder` holds the module. */
int fuzz_perl_start(const char *folder) {
    static char script[] =
        "require RandomValues; $_->() for map { \\&{\"CompatTest::${_}::bootstrap\"} } "
        "qw(Data Values Beyond Counter Shared);";
    static char include[4096];
    char *arguments[] = {"fuzz", include, "-e", script, NULL};
    static int count = 4;
    static char *environment[] = {NULL}, **env = environment;
    char **argv = arguments;
    snprintf(include, sizeof include, "-I%s", folder);
    PERL_SYS_INIT3(&count, &argv, &env);
    my_perl = perl_alloc();
    if (!my_perl)
        return 1;
    perl_construct(my_perl);
    if (perl_parse(my_perl, install, count, argv, NULL))
        return 2;
    return perl_run(my_perl);
}

/* Values that are alive. */
static IV alive(void) {
    return PL_sv_count;
}

/* One run; NULL, or what is wrong. */
static const char *once(const char *input, size_t length) {
    dSP;
    const char *wrong = NULL;
    ENTER;
    SAVETMPS;
    PUSHMARK(SP);
    mXPUSHp(input, length);
    PUTBACK;
    call_pv("RandomValues::run", G_VOID | G_DISCARD | G_EVAL);
    if (SvTRUE(ERRSV))
        wrong = savepv(SvPV_nolen(ERRSV));
    FREETMPS;
    LEAVE;
    return wrong;
}

/* Runs the input; NULL, or what is wrong. */
const char *fuzz_perl_run(const char *input, size_t length) {
    int i;
    IV before;
    const char *wrong = once(input, length);
    /* The first run fills caches. What grows each time is lost. */
    for (i = 0; i < 3 && !wrong; i++) {
        before = alive();
        wrong = once(input, length);
        if (alive() <= before)
            return wrong;
    }
    return wrong ? wrong : "values are left behind";
}
