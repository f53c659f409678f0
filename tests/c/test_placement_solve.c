/* Problems of placement: the document in, the answer out. */
#include "check.h"

static const char problem[] =
    "{\"task\":\"recover\",\"nodes\":[{\"name\":\"n1\",\"capacity\":{\"cpu\":4,\"mem\":100}},"
    "{\"name\":\"n2\",\"capacity\":{\"cpu\":4,\"mem\":%s}}],"
    "\"guests\":[{\"sid\":\"vm:1\",\"node\":\"n1\",\"size\":{\"cpu\":2,\"mem\":60}}],"
    "\"policy\":{\"failed\":[[\"n1\"]]}}";

static int32_t solve(const char *text, char **answer, pven_error **err)
{
    size_t len = 7;
    *answer = GARBAGE(char);
    int32_t code = pven_placement_solve_json(text, text ? strlen(text) : 0, answer, &len, err);
    CHECK(*answer ? len == strlen(*answer) : len == 0);
    return code;
}

static int says(const char *answer, const char *part)
{
    return answer && strstr(answer, part) != NULL;
}

static const char *with_memory(const char *mem)
{
    static char text[512];
    snprintf(text, sizeof text, problem, mem);
    return text;
}

static void who_has_lost_its_node_gets_another(void)
{
    pven_error *err = NULL;
    char *answer;
    CHECK_ERR(solve(with_memory("60"), &answer, &err), err, PVEN_OK);
    CHECK(says(answer, "\"status\":\"optimal\"") && says(answer, "\"placements\":{\"vm:1\":\"n2\"}"));
    CHECK(says(answer, "\"n1\":{\"code\":\"failed\""));
    pven_string_free(answer);
}

static void that_nothing_fits_is_an_answer(void)
{
    pven_error *err = NULL;
    char *answer;
    CHECK_ERR(solve(with_memory("59"), &answer, &err), err, PVEN_OK);
    CHECK(says(answer, "\"status\":\"infeasible\"") && says(answer, "\"unplaced\":[\"vm:1\"]"));
    CHECK(says(answer, "{\"code\":\"capacity\",\"resource\":\"mem\",\"need\":60,\"have\":59,"));
    pven_string_free(answer);
    size_t len;
    const char *text = with_memory("59");
    CHECK_ERR(pven_placement_explain_json(text, strlen(text), &answer, &len, &err), err, PVEN_OK);
    CHECK(says(answer, "\"why\":{\"vm:1\":{\"n1\""));
    pven_string_free(answer);
}

static void what_is_no_problem_is_an_error(void)
{
    static const char *const rubbish[] = { NULL, "", "{", "[]", "{\"task\":\"fly\",\"nodes\":[]}",
                                           "{\"task\":\"place\",\"nodes\":[],\"nodes\":[]}" };
    for (size_t i = 0; i < sizeof rubbish / sizeof *rubbish; i++) {
        pven_error *err = NULL;
        char *answer;
        CHECK_ERR(solve(rubbish[i], &answer, &err), err, PVEN_ERR_ARGUMENT);
        CHECK(answer == NULL);
    }
    CHECK(pven_placement_solve_json(problem, 3, NULL, NULL, NULL) == PVEN_ERR_ARGUMENT);
}

static void tests(void)
{
    who_has_lost_its_node_gets_another();
    that_nothing_fits_is_an_answer();
    what_is_no_problem_is_an_error();
}
