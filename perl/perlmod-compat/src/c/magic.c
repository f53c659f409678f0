/*
 * Native objects: a pointer kept in a value's magic, freed with the value, and never shared with
 * the copies that a new thread gets of all values.
 */
#include "glue.h"

XS_INTERNAL(answer_one) {
    dXSARGS;
    PERL_UNUSED_VAR(items);
    XSRETURN_YES;
}

/* Perl asks CLONE_SKIP when a thread starts: the thread then sees undef where the object was. */
void pvm_forbid_clones(PVM_THX, HV *stash) {
    const char *package = HvNAME_get(stash);
    SV *name;
    if (!package || hv_exists(stash, "CLONE_SKIP", 10))
        return;
    name = newSVpvf("%s::CLONE_SKIP", package);
    newXS(SvPVX(name), answer_one, __FILE__);
    SvREFCNT_dec(name);
}

int pvm_magic_free(pTHX_ SV *sv, MAGIC *mg) {
    const pvm_tag *tag = (const pvm_tag *)mg->mg_virtual;
    void *object = mg->mg_ptr;
    PERL_UNUSED_ARG(sv);
    mg->mg_ptr = NULL;
    if (object && tag->drop) {
        SV *message = tag->drop(object);
        if (message)
            warn_sv(sv_2mortal(message));
    }
    return 0;
}

/* Should a class be cloned all the same (a subclass may say so), the copy has no native part. */
int pvm_magic_dup(pTHX_ MAGIC *mg, CLONE_PARAMS *param) {
    PERL_UNUSED_ARG(param);
#ifdef MULTIPLICITY
    PERL_UNUSED_ARG(my_perl);
#endif
    mg->mg_ptr = NULL;
    return 0;
}

void pvm_magic_attach(PVM_THX, SV *sv, const pvm_tag *tag, void *object) {
    MAGIC *mg = sv_magicext(sv, NULL, PERL_MAGIC_ext, &tag->vtbl, (const char *)object, 0);
    mg->mg_flags |= MGf_DUP;
    if (SvOBJECT(sv))
        pvm_forbid_clones(PVM_aTHX, SvSTASH(sv));
}

static MAGIC *find(const SV *sv, const pvm_tag *tag) {
    return SvTYPE(sv) >= SVt_PVMG ? mg_findext(sv, PERL_MAGIC_ext, &tag->vtbl) : NULL;
}

/* The object; NULL without one. `found` tells magic without an object from no magic. */
void *pvm_magic_find(SV *sv, const pvm_tag *tag, int *found) {
    const MAGIC *mg = find(sv, tag);
    *found = mg != NULL;
    return mg ? mg->mg_ptr : NULL;
}

/* Removes the magic and hands the object to the caller; its destructor is not run. */
void *pvm_magic_take(PVM_THX, SV *sv, const pvm_tag *tag, int *found) {
    MAGIC *mg = find(sv, tag);
    void *object = NULL;
    *found = mg != NULL;
    if (mg) {
        object = mg->mg_ptr;
        mg->mg_ptr = NULL;
        sv_unmagicext(sv, PERL_MAGIC_ext, (MGVTBL *)&tag->vtbl);
    }
    return object;
}

/* 0 done, 1 no such package, 2 cannot be blessed */
int pvm_bless(PVM_THX, SV *ref, const char *package, STRLEN length, int utf8) {
    HV *stash;
    if (!length || length > I32_MAX || !(stash = gv_stashpvn(package, (U32)length, utf8 ? SVf_UTF8 : 0)))
        return 1;
    if (!SvROK(ref) || SvREADONLY(SvRV(ref)))
        return 2;
#ifdef HvSTASH_IS_CLASS
    if (HvSTASH_IS_CLASS(stash))
        return 2;
#endif
    sv_bless(ref, stash);
    return 0;
}
