/* What samples say a guest uses, and how vectors of resources compare. */
#include "check.h"

#include <math.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static int32_t percentile_of(double p, const double *samples, size_t count, double *out,
                             pven_error **err)
{
    *out = 7;
    return pven_percentile(p, samples, count, out, err);
}

static void a_percentile_is_a_sample_by_nearest_rank(void)
{
    static const double gigabytes[] = { 10, 9.5, 8, 11, 10.5, 9 };
    pven_error *err = NULL;
    double found;
    CHECK_ERR(percentile_of(80, gigabytes, COUNT(gigabytes), &found, &err), err, PVEN_OK);
    CHECK(found == 10.5);
    CHECK_ERR(percentile_of(0, gigabytes, COUNT(gigabytes), &found, &err), err, PVEN_OK);
    CHECK(found == 8);
}

static void unknown_samples_are_left_out_and_idle_ones_count(void)
{
    const double some[] = { NAN, 0, NAN, 0, 4 };
    pven_error *err = NULL;
    double found;
    CHECK_ERR(percentile_of(50, some, COUNT(some), &found, &err), err, PVEN_OK);
    CHECK(found == 0);
    CHECK_ERR(percentile_of(95, some, 1, &found, &err), err, PVEN_OK);
    CHECK(isnan(found));
    CHECK_ERR(percentile_of(95, NULL, 0, &found, &err), err, PVEN_OK);
    CHECK(isnan(found));
}

static void vectors_are_compared(void)
{
    static const double need[] = { 1, 2 }, room[] = { 3, 4 }, none[] = { 0, 0 };
    pven_error *err = NULL;
    double out = 7;
    CHECK_ERR(pven_euclidean_distance(none, 2, room, 2, &out, &err), err, PVEN_OK);
    CHECK(out == 5);
    CHECK_ERR(pven_dotprod(need, 2, room, 2, NULL, &out, &err), err, PVEN_OK);
    CHECK(out == 11);
    CHECK_ERR(pven_dotprod(need, 2, room, 2, "normC", &out, &err), err, PVEN_OK);
    CHECK(fabs(out - 11.0 / 25) < 1e-15);
    CHECK_ERR(pven_dotprod(need, 2, none, 2, "normR", &out, &err), err, PVEN_OK);
    CHECK(out == 0);
}

static void fractions_of_a_capacity_may_take_the_place_of_the_vector(void)
{
    static const double capacity[] = { 16, 8e9, 0 };
    double both[] = { 4, 2e9, 1 };
    pven_error *err = NULL;
    CHECK_ERR(pven_normalised(both, capacity, COUNT(both), both, &err), err, PVEN_OK);
    CHECK(both[0] == 0.25 && both[1] == 0.25 && both[2] == 1);
}

static void what_makes_no_sense_is_refused(void)
{
    static const double some[] = { 1, 2 };
    const double unknown[] = { NAN, 2 };
    pven_error *err = NULL;
    double out = 7;
    CHECK_ERR(percentile_of(100.5, some, 2, &out, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(isnan(out));
    CHECK_ERR(percentile_of(NAN, some, 2, &out, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(percentile_of(50, NULL, 2, &out, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(percentile_of(50, some, PVEN_SAMPLES_MAX + 1, &out, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(pven_percentile(50, some, 2, NULL, NULL) == PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_euclidean_distance(some, 2, some, 1, &out, &err), err, PVEN_ERR_ARGUMENT);
    CHECK(isnan(out));
    CHECK_ERR(pven_euclidean_distance(some, 2, unknown, 2, &out, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_dotprod(some, 1, some, 2, "", &out, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_dotprod(some, 2, some, 2, "normX", &out, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_normalised(some, some, 2, NULL, &err), err, PVEN_ERR_ARGUMENT);
    CHECK_ERR(pven_normalised(some, unknown, 2, &out, &err), err, PVEN_ERR_ARGUMENT);
}

static void tests(void)
{
    a_percentile_is_a_sample_by_nearest_rank();
    unknown_samples_are_left_out_and_idle_ones_count();
    vectors_are_compared();
    fractions_of_a_capacity_may_take_the_place_of_the_vector();
    what_makes_no_sense_is_refused();
}
