/*
 * Building Perl's values from Rust. Values that Rust owns carry one reference; nothing here runs
 * Perl code.
 */
#include "glue.h"

SV *pvm_new_undef(PVM_THX) {
    return newSV(0);
}

SV *pvm_new_iv(PVM_THX, IV value) {
    return newSViv(value);
}

SV *pvm_new_uv(PVM_THX, UV value) {
    return newSVuv(value);
}

SV *pvm_new_nv(PVM_THX, NV value) {
    return newSVnv(value);
}

SV *pvm_new_text(PVM_THX, const char *text, size_t length, int utf8) {
    SV *sv = newSVpvn(text, length);
    if (utf8)
        SvUTF8_on(sv);
    return sv;
}

SV *pvm_new_rv(PVM_THX, SV *target) {
    return newRV_inc(target);
}

SV *pvm_new_rv_owning(PVM_THX, SV *target) {
    return newRV_noinc(target);
}

AV *pvm_new_array(PVM_THX, size_t expected) {
    AV *av = newAV();
    if (expected)
        av_extend(av, (SSize_t)expected - 1);
    return av;
}

HV *pvm_new_hash(PVM_THX, size_t expected) {
    HV *hv = newHV();
    if (expected > PERL_HASH_DEFAULT_HvMAX)
        hv_ksplit(hv, (IV)expected);
    return hv;
}

/* For containers that Rust has just made; takes the value over. */
void pvm_array_push(PVM_THX, AV *av, SV *value) {
    av_push(av, value);
}

int pvm_hash_put(PVM_THX, HV *hv, const char *key, size_t length, int utf8, SV *value) {
    if (length > I32_MAX)
        return 0;
    (void)hv_common(hv, NULL, key, length, utf8 ? HVhek_UTF8 : 0,
                    HV_FETCH_ISSTORE | HV_FETCH_JUST_SV, value, 0);
    return 1;
}

/*
 * For containers that Perl may know as well. False, and the value stays the caller's, where storing
 * would run code or die. What is replaced lives on until the statement ends, as it may be borrowed.
 */
int pvm_array_append(PVM_THX, AV *av, SV *value) {
    if (SvREADONLY(av) || SvRMAGICAL(av))
        return 0;
    av_push(av, value);
    return 1;
}

int pvm_hash_set(PVM_THX, HV *hv, const char *key, size_t length, int utf8, SV *value) {
    const I32 klen = utf8 ? -(I32)length : (I32)length;
    SV **old;
    if (length > I32_MAX || SvREADONLY(hv) || SvRMAGICAL(hv))
        return 0;
    old = hv_fetch(hv, key, klen, 0);
    if (old)
        sv_2mortal(SvREFCNT_inc_simple_NN(*old));
    (void)hv_store(hv, key, klen, value, 0);
    return 1;
}

SV *pvm_array_take_last(PVM_THX, AV *av) {
    return SvREADONLY(av) || SvRMAGICAL(av) || AvFILLp(av) < 0 ? NULL : av_pop(av);
}

void pvm_array_reserve(PVM_THX, AV *av, size_t more) {
    if (!SvREADONLY(av) && !SvRMAGICAL(av) && more)
        av_extend(av, AvFILLp(av) + (SSize_t)more);
}

void pvm_hold(SV *sv) {
    SvREFCNT_inc_simple_void_NN(sv);
}

/*
 * Gives up a reference. The last one becomes mortal, so that a destructor, which is Perl code, runs
 * when the statement ends and not under a Rust frame.
 */
void pvm_release(PVM_THX, SV *sv) {
    if (SvREFCNT(sv) > 1)
        SvREFCNT_dec_NN(sv);
    else
        sv_2mortal(sv);
}

void pvm_mortal(PVM_THX, SV *sv) {
    sv_2mortal(sv);
}
