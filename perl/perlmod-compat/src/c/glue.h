/*
 * Perl's C interface as the Rust half of this crate sees it.
 *
 * Two rules keep croak() (a longjmp) away from Rust frames:
 *  - functions marked "may die" are called by Perl or by C only, never by Rust;
 *  - functions that Rust calls run no Perl code: no magic, no overloading, no destructors. What
 *    must run Perl code goes through pvm_plain_owned(), which does it inside an eval.
 *
 * The interpreter is looked up once per call from Perl and passed on as the first argument.
 */
#ifndef PERLMOD_COMPAT_GLUE_H
#define PERLMOD_COMPAT_GLUE_H

#define PERL_NO_GET_CONTEXT
#include "EXTERN.h"
#include "perl.h"
#include "XSUB.h"

/* Unlike Perl's own pTHX this argument is always there, so that Rust has one signature to know. */
#ifdef MULTIPLICITY
#define PVM_THX PerlInterpreter *my_perl
#define PVM_aTHX aTHX
#else
#define PVM_THX void *no_interpreter PERL_UNUSED_DECL
#define PVM_aTHX NULL
#endif

/* Nesting of data that is converted; deeper (or cyclic) data is refused. Also in limits.rs. */
#define PVM_DEPTH_LIMIT 512
/* Values in one converted structure; shared sub-structures count each time they are reached. */
#define PVM_VALUE_LIMIT ((UV)1 << 22)
/* Parameters of one exported function. Also in the macro crate. */
#define PVM_PARAM_LIMIT 32
/* Results that travel without an intermediate array. */
#define PVM_INLINE_RESULTS 8

/* Parameter modes. Also in call.rs and in the macro crate. */
#define PVM_PARAM_RAW 1
#define PVM_PARAM_OPTIONAL 2

typedef struct pvm_call {
    void *thx;
    SV **args; /* one per declared parameter; NULL where the caller gave none */
    SV *results[PVM_INLINE_RESULTS]; /* owned */
    size_t result_count;
    AV *result_list; /* owned; if set, its elements are the results */
    SV *error;       /* owned; what to die with */
    int set_errno;
    int errno_value;
} pvm_call;

typedef struct pvm_sub {
    const char *full_name;
    const char *name;
    const char *prototype;
    const char *file;
    int (*run)(pvm_call *); /* non-zero: die with call->error */
    const char *const *params;
    const unsigned char *modes;
    size_t param_count;
} pvm_sub;

typedef struct pvm_package {
    const char *name;
    const pvm_sub *subs;
    size_t sub_count;
    int has_objects;
    SV *(*on_boot)(void); /* returns an owned error, or NULL */
} pvm_package;

/* A magic table with the Rust destructor behind it. */
typedef struct pvm_tag {
    MGVTBL vtbl;
    SV *(*drop)(void *); /* returns an owned message if the destructor panicked */
} pvm_tag;

/* plain.c, may die */
SV *pvm_plain_copy(pTHX_ SV *sv, const char *param);

/* plain.c, for C and Rust */
int pvm_is_plain(PVM_THX, SV *sv);

/* magic.c */
void pvm_forbid_clones(PVM_THX, HV *stash);

#endif
