/* Calls the library on storage that does not answer, inside the virtual machine:
 *
 *     hang PATH NEAR killable|unkillable [questions]
 *
 * PATH hangs; NEAR is an image on a disk that works. The third says whether the kernel lets go of
 * a process that waits for PATH when that is killed. With "questions" it ends after these. Prints
 * a line for each thing that holds or does not, and the times; exit status 1 if one does not. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <pve_native.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STUCK_MAX 16
/* What "at once" means on an emulated machine whose host may be busy. */
#define SOON 2.0

static const char *path, *near;
static int unkillable, failures;
static double late[1024];
static size_t late_count;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pause_ms(long ms)
{
    struct timespec t = { ms / 1000, ms % 1000 * 1000000 };
    nanosleep(&t, NULL);
}

__attribute__((format(printf, 2, 3))) static int check(int holds, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf(holds ? "ok: C, %s: " : "FAILED: C, %s: ", path);
    vprintf(format, args);
    putchar('\n');
    fflush(stdout);
    va_end(args);
    failures += !holds;
    return holds;
}

/* The questions. */

static int32_t ask_info(const char *name, double timeout)
{
    pven_open_opts opts = { .format = "qcow2", .timeout = timeout };
    char *json = NULL;
    size_t len;
    int32_t code = pven_image_info_json(name, &opts, sizeof opts, &json, &len, NULL);
    pven_string_free(json);
    return code;
}

static int32_t ask_chain(const char *name, double timeout)
{
    pven_open_opts opts = { .format = "qcow2", .timeout = timeout };
    pven_chain *chain = NULL;
    int32_t code = pven_chain_open(name, &opts, sizeof opts, &chain, NULL);
    pven_chain_free(chain);
    return code;
}

static int32_t ask_text(const char *name, double timeout)
{
    pven_qemu_img_info_opts opts = { .format = "qcow2", .timeout = timeout, .backing_chain = 1 };
    char *json = NULL;
    size_t len;
    int32_t code = pven_qemu_img_info_json(name, &opts, sizeof opts, &json, &len, NULL);
    pven_string_free(json);
    return code;
}

static int32_t ask_size(const char *name, double timeout)
{
    pven_file_size_opts opts = { .format = "qcow2", .timeout = timeout, .untrusted = 1 };
    pven_file_size_info info;
    int32_t code = pven_file_size(name, &opts, sizeof opts, &info, sizeof info, NULL);
    pven_string_free(info.parent);
    return code;
}

static const struct {
    const char *name;
    int32_t (*ask)(const char *, double);
} questions[] = {
    { "pven_image_info_json", ask_info },
    { "pven_chain_open", ask_chain },
    { "pven_qemu_img_info_json", ask_text },
    { "pven_file_size", ask_size },
};

static int in_time(double start, double timeout)
{
    double over = now() - start - timeout;
    if (late_count < sizeof late / sizeof *late)
        late[late_count++] = over;
    return over >= 0 && over < SOON;
}

static void each_question_comes_back(void)
{
    double timeout = 0.3, start;
    pven_many_opts opts = { .timeout = timeout };
    const char *paths[] = { path, near, path };
    char *json = NULL;
    size_t len;

    for (size_t i = 0; i < sizeof questions / sizeof *questions; i++) {
        int32_t code;
        start = now();
        code = questions[i].ask(path, timeout);
        check(in_time(start, timeout) && code == PVEN_ERR_TIMEOUT, "%s: \"%s\" after %.3f s of %g",
              questions[i].name, pven_error_code_name(code), now() - start, timeout);
    }
    start = now();
    int32_t code = pven_inspect_many_json(paths, 3, &opts, sizeof opts, &json, &len, NULL);
    char *first = json ? strstr(json, "\"timeout\"") : NULL;
    char *answer = first ? strstr(first, "\"virtual-size\"") : NULL;
    check(in_time(start, timeout) && code == PVEN_OK && answer && strstr(answer, "\"timeout\""),
          "pven_inspect_many_json: two in time, the one between them answered");
    pven_string_free(json);
}

/* Helpers. */

/* How many processes are helpers: all, or those that sleep where no signal ends it; of this
 * machine, or of one process. */
static int helpers(int only_stuck, pid_t parent)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    int count = 0;
    while ((entry = readdir(proc))) {
        char name[300], text[400] = "";
        snprintf(name, sizeof name, "/proc/%s/stat", entry->d_name);
        int fd = atoi(entry->d_name) > 0 ? open(name, O_RDONLY | O_CLOEXEC) : -1;
        if (fd < 0)
            continue;
        if (read(fd, text, sizeof text - 1) > 0) {
            char *state = strstr(text, "(pven-io) ");
            if (state && (!parent || atoi(state + 12) == parent))
                count += only_stuck ? state[10] == 'D' : state[10] != 'Z';
        }
        close(fd);
    }
    closedir(proc);
    return count;
}

static long resident_kib(void)
{
    char line[256];
    long kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof line, status))
        sscanf(line, "VmRSS: %ld", &kib);
    fclose(status);
    return kib;
}

static void *ask_for_a_second(void *done)
{
    double start = now();
    int32_t code = ask_info(path, 1);
    int fine = in_time(start, 1) && code == PVEN_ERR_TIMEOUT;
    __atomic_store_n((int *)done, fine ? 1 : -1, __ATOMIC_RELEASE);
    return NULL;
}

static void other_calls_go_on(void)
{
    int done = 0, calls = 0, fine = 1;
    double longest = 0;
    pthread_t thread;
    pthread_create(&thread, NULL, ask_for_a_second, &done);
    while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE)) {
        double start = now();
        fine &= ask_chain(near, 5) == PVEN_OK;
        if (now() - start > longest)
            longest = now() - start;
        calls++;
    }
    pthread_join(thread, NULL);
    check(done == 1 && fine && calls > 10 && longest < 1,
          "while one call hangs, %d others are answered, the slowest in %.3f s", calls, longest);
}

static void no_more_than_sixteen_hang(void)
{
    int32_t code = PVEN_ERR_TIMEOUT;
    int calls;
    long before;
    double longest = 0;

    /* On a busy machine a helper may be killed before it has come as far as to hang, and have a
     * place until it has ended. */
    int stuck = 0;
    for (calls = 0; calls < 300 && (code != PVEN_ERR_BUSY || stuck < STUCK_MAX); calls++) {
        code = ask_info(path, 0.05);
        stuck = helpers(1, getpid());
        if (code == PVEN_ERR_BUSY && stuck < STUCK_MAX)
            pause_ms(20);
    }
    check(code == PVEN_ERR_BUSY && stuck == STUCK_MAX, "after %d more calls %d hang: \"%s\"",
          calls, stuck, pven_error_code_name(code));
    before = resident_kib();
    for (calls = 0; code == PVEN_ERR_BUSY && calls < 200; calls++) {
        double start = now();
        code = ask_info(path, 5);
        if (now() - start > longest)
            longest = now() - start;
    }
    check(code == PVEN_ERR_BUSY && longest < 1, "200 more are refused, the slowest after %.3f s",
          longest);
    check(resident_kib() - before < 1024, "they take %ld KiB", resident_kib() - before);
    check(ask_chain(near, 5) == PVEN_OK, "what is at hand is answered all the same");
}

static void nothing_is_left(void)
{
    int fine = 1;
    long before = 0;
    for (int i = 0; i < 120; i++) {
        double start = now();
        int32_t code = ask_info(path, 0.02);
        fine &= in_time(start, 0.02) && code == PVEN_ERR_TIMEOUT;
        if (i == 20)
            before = resident_kib();
    }
    check(fine, "120 time-outs, each in time");
    check(resident_kib() - before < 1024, "100 of them take %ld KiB", resident_kib() - before);
    for (int i = 0; i < 100 && helpers(0, getpid()) > 0; i++) {
        pause_ms(20);
        ask_info(near, 1);
    }
    check(helpers(0, getpid()) == 0, "no helper is left");
}

/* Leaving. */

static void leave(const char *how)
{
    char *const nothing[] = { "/bin/true", NULL };
    if (strcmp(how, "exec") == 0)
        execv(*nothing, nothing);
    if (strcmp(how, "SIGTERM") == 0)
        raise(SIGTERM);
    if (strcmp(how, "SIGKILL") == 0)
        raise(SIGKILL);
    if (strcmp(how, "setuid") == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
        _exit(9);
    if (strcmp(how, "fork") == 0) {
        int status = -1;
        pid_t pid = fork();
        if (pid == 0)
            _exit(ask_info(path, 0.1) == PVEN_ERR_TIMEOUT ? 0 : 1);
        if (waitpid(pid, &status, 0) != pid || status != 0)
            _exit(9);
    }
    exit(0);
}

/* A process in whose name three calls hang, and that holds a lock, leaves in this way. */
static void leaves_at_once(const char *how, const char *lock)
{
    int ready[2], status = -1, wanted = strncmp(how, "SIG", 3) == 0, stuck = helpers(1, 0);
    char byte;
    if (pipe2(ready, O_CLOEXEC) != 0)
        abort();
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(lock, O_RDONLY | O_CLOEXEC);
        for (int calls = 0; calls < 100 && (calls < 3 || (unkillable && helpers(1, getpid()) < 3));
             calls++)
            if (ask_info(path, 0.05) != PVEN_ERR_TIMEOUT)
                _exit(9);
        if (flock(fd, LOCK_EX) != 0 || write(ready[1], "r", 1) != 1)
            _exit(9);
        leave(how);
    }
    close(ready[1]);
    if (read(ready[0], &byte, 1) != 1)
        byte = 0;
    close(ready[0]);
    double start = now();
    while (now() - start < 10 && waitpid(pid, &status, WNOHANG) == 0)
        pause_ms(2);
    double taken = now() - start;
    int fd = open(lock, O_RDONLY | O_CLOEXEC);
    int locked = flock(fd, LOCK_EX | LOCK_NB) == 0;
    close(fd);
    int left = helpers(1, 0) - stuck;
    check(byte == 'r' && taken < SOON && (wanted ? WIFSIGNALED(status) : status == 0) && locked &&
              (left >= 3) == unkillable,
          "%s: left within %.3f s, the lock is %s; %d helpers still hang", how, taken,
          locked ? "free" : "held", left);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    static const char *const ways[] = { "exit", "exec", "setuid", "fork", "SIGTERM", "SIGKILL" };
    char lock[] = "/tmp/lockXXXXXX";
    if (argc < 4 || argc > 5) {
        fprintf(stderr, "usage: hang PATH NEAR killable|unkillable [questions]\n");
        return 2;
    }
    path = argv[1];
    near = argv[2];
    unkillable = strcmp(argv[3], "unkillable") == 0;
    int fd = mkstemp(lock);
    close(fd);

    each_question_comes_back();
    if (argc == 4) {
        other_calls_go_on();
        for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
            leaves_at_once(ways[i], lock);
        if (unkillable)
            no_more_than_sixteen_hang();
        else
            nothing_is_left();
    }
    qsort(late, late_count, sizeof *late, by_value);
    printf("times: C, %s: %zu time-outs, past the deadline: median %.1f ms, most %.1f ms\n", path,
           late_count, late[late_count / 2] * 1e3, late[late_count - 1] * 1e3);
    unlink(lock);
    return failures ? 1 : 0;
}
