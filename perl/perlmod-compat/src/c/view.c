/*
 * Reading Perl's values from Rust. Nothing here runs Perl code or changes a value; what could only
 * be read by running code (a tied variable that was not made plain) says so.
 */
#include "glue.h"

enum { KIND_SCALAR, KIND_REFERENCE, KIND_ARRAY, KIND_HASH, KIND_CODE, KIND_OTHER, KIND_MAGICAL };
enum { HAS_TEXT = 1, HAS_INTEGER = 2, IS_UNSIGNED = 4, HAS_FLOAT = 8, IS_UTF8 = 16, IS_BOOL = 32 };

typedef struct pvm_view {
    U32 kind;
    U32 flags;
    IV integer; /* the bits of a UV if IS_UNSIGNED */
    NV number;
    const char *text;
    STRLEN length;
    SV *target; /* the container itself, or what a reference points at */
} pvm_view;

static int is_unread(const SV *sv) {
    const MAGIC *mg;
    if (!SvGMAGICAL(sv))
        return 0;
    for (mg = SvMAGIC(sv); mg; mg = mg->mg_moremagic) {
        if (mg->mg_type != PERL_MAGIC_taint && mg->mg_virtual && mg->mg_virtual->svt_get)
            return 1;
    }
    return 0;
}

static void view_container(SV *sv, pvm_view *view) {
    view->target = sv;
    if (SvRMAGICAL(sv) && mg_find(sv, PERL_MAGIC_tied))
        view->kind = KIND_MAGICAL;
    else
        view->kind = SvTYPE(sv) == SVt_PVAV ? KIND_ARRAY : KIND_HASH;
}

void pvm_look(PVM_THX, SV *sv, pvm_view *view) {
    U32 flags = 0;
    view->flags = 0;
    switch (SvTYPE(sv)) {
    case SVt_PVAV:
    case SVt_PVHV:
        view_container(sv, view);
        return;
    case SVt_PVCV:
        view->kind = KIND_CODE;
        return;
    case SVt_PVGV:
    case SVt_PVIO:
    case SVt_PVFM:
    case SVt_REGEXP:
        view->kind = KIND_OTHER;
        return;
    default:
        break;
    }
    if (is_unread(sv)) {
        view->kind = KIND_MAGICAL;
        return;
    }
    if (SvROK(sv)) {
        SV *target = SvRV(sv);
        if (SvTYPE(target) == SVt_PVAV || SvTYPE(target) == SVt_PVHV) {
            view_container(target, view);
        } else {
            view->kind = KIND_REFERENCE;
            view->target = target;
        }
        return;
    }
    view->kind = KIND_SCALAR;
    if (SvPOK(sv)) {
        flags |= SvUTF8(sv) ? HAS_TEXT | IS_UTF8 : HAS_TEXT;
        view->text = SvPVX_const(sv);
        view->length = SvCUR(sv);
    }
    if (SvIOK(sv)) {
        flags |= SvIsUV(sv) ? HAS_INTEGER | IS_UNSIGNED : HAS_INTEGER;
        view->integer = SvIVX(sv);
    }
    if (SvNOK(sv)) {
        flags |= HAS_FLOAT;
        view->number = SvNVX(sv);
    }
#ifdef SvIsBOOL
    if (SvIsBOOL(sv))
        flags |= IS_BOOL;
#endif
    view->flags = flags;
}

int pvm_is_reference(const SV *sv) {
    return SvTYPE(sv) < SVt_PVAV && SvROK(sv);
}

/* Whether reading sv as a number or text would run Perl code. */
int pvm_runs_code(SV *sv) {
    return is_unread(sv) || (pvm_is_reference(sv) && SvAMAGIC(sv));
}

/* 0 scalar, 1 reference, 2 array, 3 hash */
int pvm_class(const SV *sv) {
    if (SvTYPE(sv) == SVt_PVAV)
        return 2;
    if (SvTYPE(sv) == SVt_PVHV)
        return 3;
    return pvm_is_reference(sv);
}

SV *pvm_target(const SV *sv) {
    return pvm_is_reference(sv) ? SvRV(sv) : NULL;
}

U32 pvm_type_number(const SV *sv) {
    return (U32)SvTYPE(sv);
}

/* What ref() (if `blessed`) or reftype() say of a reference to sv. */
const char *pvm_type_name(PVM_THX, SV *sv, int blessed) {
    return sv_reftype(sv, blessed);
}

SSize_t pvm_array_length(AV *av) {
    return AvFILLp(av) + 1;
}

SV *pvm_array_at(AV *av, SSize_t index) {
    return index <= AvFILLp(av) ? AvARRAY(av)[index] : NULL;
}

size_t pvm_hash_length(PVM_THX, HV *hv) {
    return HvUSEDKEYS(hv);
}

typedef struct pvm_cursor {
    size_t bucket;
    HE *entry;
} pvm_cursor;

/* Walks a hash without touching the iterator that `each` uses. NULL at the end. */
SV *pvm_hash_next(PVM_THX, HV *hv, pvm_cursor *at, const char **key, size_t *length, int *utf8) {
    HE *entry = at->entry ? HeNEXT(at->entry) : NULL;
    if (!HvARRAY(hv))
        return NULL;
    for (;;) {
        while (!entry) {
            if (at->bucket > HvMAX(hv))
                return NULL;
            entry = HvARRAY(hv)[at->bucket++];
        }
        if (HeVAL(entry) != &PL_sv_placeholder)
            break;
        entry = HeNEXT(entry);
    }
    at->entry = entry;
    *key = HeKEY(entry);
    *length = (size_t)HeKLEN(entry);
    *utf8 = HeKUTF8(entry) != 0;
    return HeVAL(entry);
}

/* Borrowed, or NULL. Restricted hashes die when asked for a key they do not allow. */
SV *pvm_hash_get(PVM_THX, HV *hv, const char *key, size_t length, int utf8) {
    SV **slot;
    I32 klen;
    if (length > I32_MAX)
        return NULL;
    klen = utf8 ? -(I32)length : (I32)length;
    if (SvREADONLY(hv) && !hv_exists(hv, key, klen))
        return NULL;
    slot = hv_fetch(hv, key, klen, 0);
    return slot ? *slot : NULL;
}

/* The text of a number as Perl prints it, in a mortal. */
SV *pvm_number_text(PVM_THX, IV integer, NV number, int is_float, int is_unsigned) {
    SV *sv = sv_2mortal(is_float ? newSVnv(number)
                                 : is_unsigned ? newSVuv((UV)integer) : newSViv(integer));
    (void)SvPV_nolen(sv);
    SvPOK_on(sv);
    return sv;
}
