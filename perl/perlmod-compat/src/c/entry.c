/*
 * The way from Perl into Rust and back: one XSUB serves every exported function, with the
 * function's description behind it. All dying happens here, before Rust is entered or after it has
 * returned, so no Rust frame is ever jumped over.
 */
#include <errno.h>

#include "glue.h"

void *pvm_interpreter(void) {
#ifdef MULTIPLICITY
    return PERL_GET_THX;
#else
    static int only_one;
    return &only_one;
#endif
}

/* Perl's stack does not own its values; code that runs now could free them under our feet. */
static void hold_arguments(pTHX_ SV **first, size_t count) {
    size_t i;
    for (i = 0; i < count; i++)
        sv_2mortal(SvREFCNT_inc_simple_NN(first[i]));
}

static int is_trivial(const SV *sv) {
    return !SvROK(sv) && !SvGMAGICAL(sv);
}

XS_INTERNAL(run_exported) {
    dXSARGS;
    const pvm_sub *sub = (const pvm_sub *)XSANY.any_ptr;
    const bool was_tainted = TAINT_get;
    SV *args[PVM_PARAM_LIMIT];
    pvm_call call;
    size_t i, given = (size_t)items;
    int held = 0;
    SV *error;

    if (given > sub->param_count)
        croak("too many parameters for function '%s', (expected %lu)\n", sub->name,
              (unsigned long)sub->param_count);
    for (i = given; i < sub->param_count; i++) {
        if (!(sub->modes[i] & PVM_PARAM_OPTIONAL))
            croak("missing required parameter: '%s'\n", sub->params[i]);
        args[i] = NULL;
    }

    /* Results shall be tainted by our arguments, not by the rest of the caller's statement. */
    TAINT_NOT;
    for (i = 0; i < given; i++) {
        SV *arg = ST(i);
        if (!is_trivial(arg)) {
            const int raw = sub->modes[i] & PVM_PARAM_RAW;
            if (raw ? SvGMAGICAL(arg) != 0 : !pvm_is_plain(PVM_aTHX, arg)) {
                if (!held)
                    hold_arguments(aTHX_ & ST(0), given);
                held = 1;
                arg = raw ? sv_mortalcopy(arg) : pvm_plain_copy(aTHX_ arg, sub->params[i]);
            }
        }
        args[i] = arg;
    }
    for (i = 0; i < given; i++)
        SvREFCNT_inc_simple_void_NN(args[i]);

    #ifdef MULTIPLICITY
    call.thx = aTHX;
#else
    call.thx = pvm_interpreter();
#endif
    call.args = args;
    call.result_count = 0;
    call.result_list = NULL;
    call.error = NULL;
    call.set_errno = 0;
    error = sub->run(&call) ? call.error : NULL;

    /* Mortal where it is the last reference: a destructor must not run before the results are safe. */
    for (i = 0; i < given; i++) {
        if (SvREFCNT(args[i]) > 1)
            SvREFCNT_dec_NN(args[i]);
        else
            sv_2mortal(args[i]);
    }
    if (was_tainted)
        TAINT;
    for (i = 0; i < call.result_count; i++)
        sv_2mortal(call.results[i]);
    if (call.result_list)
        sv_2mortal((SV *)call.result_list);
    if (call.set_errno)
        errno = call.errno_value;
    if (error)
        croak_sv(sv_2mortal(error));

    /* Perl code may have run meanwhile and moved the stack. */
    SP = PL_stack_base + ax - 1;
    if (call.result_list) {
        SSize_t n, count = AvFILLp(call.result_list) + 1;
        EXTEND(SP, count);
        for (n = 0; n < count; n++) {
            SV *result = AvARRAY(call.result_list)[n];
            ST(n) = result ? sv_2mortal(SvREFCNT_inc_simple_NN(result)) : &PL_sv_undef;
        }
        XSRETURN(count);
    }
    EXTEND(SP, PVM_INLINE_RESULTS);
    for (i = 0; i < call.result_count; i++)
        ST(i) = call.results[i];
    XSRETURN(call.result_count);
}

/* Called by Perl's loader through the exported boot symbol; may die. */
void pvm_boot(const pvm_package *package) {
    dTHX;
    dXSARGS;
    size_t i;
    SV *error;
    PERL_UNUSED_VAR(items);
    for (i = 0; i < package->sub_count; i++) {
        const pvm_sub *sub = &package->subs[i];
        CV *cv = get_cv(sub->full_name, 0);
        if (cv && CvISXSUB(cv) && CvXSUBANY(cv).any_ptr == (void *)sub)
            continue; /* booted before in this interpreter */
        cv = newXS_flags(sub->full_name, run_exported, sub->file, sub->prototype, 0);
        CvXSUBANY(cv).any_ptr = (void *)sub;
    }
    if (package->has_objects)
        pvm_forbid_clones(PVM_aTHX, gv_stashpv(package->name, GV_ADD));
    error = package->on_boot();
    if (error)
        croak_sv(sv_2mortal(error));
    XSRETURN_EMPTY;
}

/* 1 void, 2 scalar, 3 list */
int pvm_gimme(PVM_THX) {
    const U8 context = GIMME_V;
    return context == G_VOID ? 1 : context == G_LIST ? 3 : 2;
}
