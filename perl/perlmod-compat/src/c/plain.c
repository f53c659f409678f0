/*
 * Plain data: what can be read without running Perl code. Arguments are made plain before Rust is
 * entered, by leaving them alone if they already are (the usual case), and by copying them while
 * running FETCH, stringification and the like where they are not.
 *
 * Blessed references are opaque here unless they turn into text or numbers by overloading: an
 * object may well be cyclic, and whoever passes one rarely means its contents.
 */
#include "glue.h"

typedef struct walk {
    UV values;
    const char *refused; /* why the walk stopped */
    const char *param;   /* whose data it is, NULL if it is no parameter's */
} walk;

static const char too_deep[] = "nested deeper than 512 levels, or cyclic";
static const char too_many[] = "more than 4194304 values";

static int is_tied(pTHX_ SV *container) {
    return SvRMAGICAL(container) && mg_find(container, PERL_MAGIC_tied) != NULL;
}

/* Taint is magic too, but reading its value runs nothing. */
static int needs_get(pTHX_ SV *sv) {
    const MAGIC *mg;
    if (!SvGMAGICAL(sv))
        return 0;
    for (mg = SvMAGIC(sv); mg; mg = mg->mg_moremagic) {
        if (mg->mg_type != PERL_MAGIC_taint && mg->mg_virtual && mg->mg_virtual->svt_get)
            return 1;
    }
    if (sv_tainted(sv))
        TAINT;
    return 0;
}

static int is_simple_scalar(const SV *sv) {
    return SvTYPE(sv) < SVt_PVAV && SvTYPE(sv) != SVt_PVGV && SvTYPE(sv) != SVt_REGEXP;
}

static int admit(walk *w, int depth) {
    if (depth > PVM_DEPTH_LIMIT)
        w->refused = too_deep;
    else if (++w->values > PVM_VALUE_LIMIT)
        w->refused = too_many;
    return !w->refused;
}

static int scan(pTHX_ SV *sv, int depth, walk *w);

static int scan_container(pTHX_ SV *sv, int depth, walk *w) {
    if (is_tied(aTHX_ sv))
        return 0;
    if (SvTYPE(sv) == SVt_PVAV) {
        SV **elements = AvARRAY((AV *)sv);
        SSize_t i, count = AvFILLp((AV *)sv) + 1;
        for (i = 0; i < count; i++) {
            if (elements[i] && !scan(aTHX_ elements[i], depth, w))
                return 0;
        }
    } else if (HvARRAY((HV *)sv)) {
        HE **buckets = HvARRAY((HV *)sv);
        STRLEN i, last = HvMAX((HV *)sv);
        for (i = 0; i <= last; i++) {
            HE *entry;
            for (entry = buckets[i]; entry; entry = HeNEXT(entry)) {
                if (HeVAL(entry) != &PL_sv_placeholder && !scan(aTHX_ HeVAL(entry), depth, w))
                    return 0;
            }
        }
    }
    return 1;
}

/* True if everything under sv is plain; false also if the walk was refused. Runs no Perl code. */
static int scan(pTHX_ SV *sv, int depth, walk *w) {
    SV *target;
    if (!admit(w, depth))
        return 0;
    if (SvTYPE(sv) == SVt_PVAV || SvTYPE(sv) == SVt_PVHV)
        return scan_container(aTHX_ sv, depth + 1, w);
    if (needs_get(aTHX_ sv))
        return 0;
    if (!SvROK(sv))
        return 1;
    target = SvRV(sv);
    if (SvOBJECT(target))
        return !SvAMAGIC(sv);
    if (SvTYPE(target) == SVt_PVAV || SvTYPE(target) == SVt_PVHV)
        return scan_container(aTHX_ target, depth + 1, w);
    return is_simple_scalar(target) ? scan(aTHX_ target, depth + 1, w) : 1;
}

int pvm_is_plain(PVM_THX, SV *sv) {
    walk w = {0, NULL, NULL};
    return scan(aTHX_ sv, 0, &w);
}

/* From here on functions may die; what they build hangs on something mortal or owned meanwhile. */

static void copy_scalar(pTHX_ SV *to, SV *from, int depth, walk *w);

static void refuse(pTHX_ const walk *w, const char *why) {
    if (w->param)
        croak("parameter '%s': %s\n", w->param, why);
    croak("%s\n", why);
}

static void point_at(pTHX_ SV *to, SV *target) {
    SvUPGRADE(to, SVt_IV);
    SvRV_set(to, target);
    SvROK_on(to);
}

static void copy_tied_array(pTHX_ AV *to, AV *from, int depth, walk *w) {
    SSize_t i, count = av_len(from) + 1;
    if (count > (SSize_t)(PVM_VALUE_LIMIT - w->values))
        refuse(aTHX_ w, too_many);
    for (i = 0; i < count; i++) {
        SV *fresh = newSV(0);
        SV **slot;
        av_push(to, fresh);
        ENTER;
        SAVETMPS;
        slot = av_fetch(from, i, 0);
        if (slot)
            copy_scalar(aTHX_ fresh, *slot, depth, w);
        else if (!admit(w, depth))
            refuse(aTHX_ w, w->refused);
        FREETMPS;
        LEAVE;
    }
}

/* The elements are shared first and copied one by one then, as copying one may change `from`. */
static void copy_array(pTHX_ AV *to, AV *from, int depth, walk *w) {
    SSize_t i, count = AvFILLp(from) + 1;
    if (count > 0)
        av_extend(to, count - 1);
    for (i = 0; i < count; i++) {
        SV *element = AvARRAY(from)[i];
        av_push(to, element ? SvREFCNT_inc_simple_NN(element) : newSV(0));
    }
    for (i = 0; i < count; i++) {
        SV *shared = sv_2mortal(AvARRAY(to)[i]);
        SV *fresh = newSV(0);
        AvARRAY(to)[i] = fresh;
        copy_scalar(aTHX_ fresh, shared, depth, w);
    }
}

static void copy_tied_hash(pTHX_ HV *to, HV *from, int depth, walk *w) {
    HE *entry;
    hv_iterinit(from);
    while ((entry = hv_iternext(from))) {
        SV *fresh = newSV(0);
        SV *key = hv_iterkeysv(entry);
        SV *value = hv_iterval(from, entry);
        if (!hv_store_ent(to, key, fresh, 0))
            SvREFCNT_dec(fresh);
        else
            copy_scalar(aTHX_ fresh, value, depth, w);
        if (!admit(w, depth))
            refuse(aTHX_ w, w->refused);
    }
}

static void copy_hash(pTHX_ HV *to, HV *from, int depth, walk *w) {
    STRLEN i;
    HE *entry;
    for (i = 0; HvARRAY(from) && i <= HvMAX(from); i++) {
        for (entry = HvARRAY(from)[i]; entry; entry = HeNEXT(entry)) {
            I32 length = HeKUTF8(entry) ? -(I32)HeKLEN(entry) : (I32)HeKLEN(entry);
            SV *value = HeVAL(entry);
            if (value == &PL_sv_placeholder)
                continue;
            if (!hv_store(to, HeKEY(entry), length, SvREFCNT_inc_simple_NN(value), 0))
                SvREFCNT_dec(value);
        }
    }
    /* Nobody else knows `to`, so its buckets stay as they are while values are replaced. */
    for (i = 0; HvARRAY(to) && i <= HvMAX(to); i++) {
        for (entry = HvARRAY(to)[i]; entry; entry = HeNEXT(entry)) {
            SV *shared = sv_2mortal(HeVAL(entry));
            SV *fresh = newSV(0);
            HeVAL(entry) = fresh;
            copy_scalar(aTHX_ fresh, shared, depth, w);
        }
    }
}

static int converts_to_text(pTHX_ SV *ref) {
    HV *stash = SvSTASH(SvRV(ref));
    return SvAMAGIC(ref)
        && (gv_fetchmeth_pvn(stash, "(\"\"", 3, -1, 0) || gv_fetchmeth_pvn(stash, "(0+", 3, -1, 0));
}

static void copy_scalar(pTHX_ SV *to, SV *from, int depth, walk *w) {
    SV *target;
    if (!admit(w, depth))
        refuse(aTHX_ w, w->refused);
    SvGETMAGIC(from);
    target = SvROK(from) ? SvRV(from) : NULL;
    if (target && SvOBJECT(target) && converts_to_text(aTHX_ from)) {
        SV *text = AMG_CALLunary(from, string_amg);
        if (text && !(SvROK(text) && SvRV(text) == target)) {
            copy_scalar(aTHX_ to, text, depth + 1, w);
            return;
        }
    }
    if (!target || SvOBJECT(target)) {
        sv_setsv_flags(to, from, SV_NOSTEAL);
    } else if (SvTYPE(target) == SVt_PVAV) {
        AV *copy = newAV();
        point_at(aTHX_ to, (SV *)copy);
        if (is_tied(aTHX_ target))
            copy_tied_array(aTHX_ copy, (AV *)target, depth + 1, w);
        else
            copy_array(aTHX_ copy, (AV *)target, depth + 1, w);
    } else if (SvTYPE(target) == SVt_PVHV) {
        HV *copy = newHV();
        point_at(aTHX_ to, (SV *)copy);
        if (is_tied(aTHX_ target))
            copy_tied_hash(aTHX_ copy, (HV *)target, depth + 1, w);
        else
            copy_hash(aTHX_ copy, (HV *)target, depth + 1, w);
    } else if (is_simple_scalar(target)) {
        SV *copy = newSV(0);
        point_at(aTHX_ to, copy);
        copy_scalar(aTHX_ copy, target, depth + 1, w);
    } else {
        sv_setsv_flags(to, from, SV_NOSTEAL);
    }
}

/* A mortal plain copy of what is not plain. `param` names it in the error. */
SV *pvm_plain_copy(pTHX_ SV *sv, const char *param) {
    walk w = {0, NULL, NULL};
    SV *copy;
    w.param = param;
    /* What is too large or deep anyway is not copied first. */
    if (!scan(aTHX_ sv, 0, &w) && w.refused)
        refuse(aTHX_ &w, w.refused);
    w.values = 0;
    copy = sv_newmortal();
    copy_scalar(aTHX_ copy, sv, 0, &w);
    return copy;
}

typedef struct attempt {
    SV *from;
    SV *to;
    int done;
} attempt;

XS_INTERNAL(copy_inside_eval) {
    dXSARGS;
    attempt *a = (attempt *)XSANY.any_ptr;
    walk w = {0, NULL, NULL};
    PERL_UNUSED_VAR(items);
    copy_scalar(aTHX_ a->to, a->from, 0, &w);
    a->done = 1;
    XSRETURN_EMPTY;
}

/* A plain copy that the caller owns, or NULL and an owned exception. Keeps $@. */
SV *pvm_plain_owned(PVM_THX, SV *sv, SV **error) {
    dSP;
    attempt a;
    CV *cv;
    const int container = SvTYPE(sv) == SVt_PVAV || SvTYPE(sv) == SVt_PVHV;
    ENTER;
    SAVETMPS;
    save_scalar(PL_errgv);
    a.from = container ? sv_2mortal(newRV_inc(sv)) : sv;
    a.to = newSV(0);
    a.done = 0;
    cv = newXS(NULL, copy_inside_eval, __FILE__);
    CvXSUBANY(cv).any_ptr = &a;
    PUSHMARK(SP);
    PUTBACK;
    call_sv(sv_2mortal((SV *)cv), G_VOID | G_DISCARD | G_EVAL);
    if (!a.done) {
        *error = newSVsv(ERRSV);
        SvREFCNT_dec(a.to);
        a.to = NULL;
    } else if (container) {
        SV *inner = SvREFCNT_inc_simple_NN(SvRV(a.to));
        SvREFCNT_dec(a.to);
        a.to = inner;
    }
    FREETMPS;
    LEAVE;
    return a.to;
}
