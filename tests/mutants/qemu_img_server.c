/* Loaded into qemu-img: starts it once and forks it for each question, as starting it takes longer
 * than its answer. What answers is qemu-img itself, each time in a process of its own.
 *
 * A question is a length (u32) and the format's name and the image's, each with its NUL; no format
 * means probing. The answer is the status that wait() tells, the lengths of what came out on
 * stdout and stderr (u32 each), and the two texts.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What one question may take; an image can make QEMU search for ever. It blocks SIGALRM. */
#define CPU_SECONDS 3
#define SECONDS 120
#define ADDRESS_SPACE ((rlim_t)4 << 30)

typedef int main_fn(int, char **, char **);
typedef int start_fn(main_fn *, int, char **, void (*)(void), void (*)(void), void (*)(void), void *);

static main_fn *real_main;
static char question[1 << 16];
static char *arguments[8];

static void read_all(int fd, void *to, size_t length)
{
    for (char *at = to; length > 0;) {
        ssize_t done = read(fd, at, length);
        if (done <= 0)
            _exit(0);
        at += done;
        length -= done;
    }
}

static void write_all(int fd, const void *from, size_t length)
{
    for (const char *at = from; length > 0;) {
        ssize_t done = write(fd, at, length);
        if (done <= 0)
            _exit(1);
        at += done;
        length -= done;
    }
}

/* The image's main(): without what tidies up at the exit, which nobody needs. */
static int answer(int argc, char **argv, char **environment)
{
    (void)argv;
    for (argc = 0; arguments[argc]; argc++)
        ;
    int status = real_main(argc, arguments, environment);
    fflush(NULL);
    _exit(status);
}

static void set_arguments(void)
{
    int count = 0;
    arguments[count++] = "qemu-img";
    arguments[count++] = "info";
    arguments[count++] = "--output=json";
    if (question[0]) {
        arguments[count++] = "-f";
        arguments[count++] = question;
    }
    arguments[count++] = question + strlen(question) + 1;
    arguments[count] = NULL;
}

static void limit(int resource, rlim_t most)
{
    struct rlimit both = { most, most };
    if (setrlimit(resource, &both) != 0)
        _exit(1);
}

static void send_text(int to, int fd, uint32_t length)
{
    if (length == 0)
        return;
    void *text = mmap(NULL, length, PROT_READ, MAP_SHARED, fd, 0);
    if (text == MAP_FAILED)
        _exit(1);
    write_all(to, text, length);
    munmap(text, length);
}

int __libc_start_main(main_fn *main, int argc, char **argv, void (*init)(void), void (*fini)(void),
                      void (*rtld_fini)(void), void *stack_end)
{
    start_fn *start;
    *(void **)&start = dlsym(RTLD_NEXT, "__libc_start_main");
    real_main = main;
    int in = dup(0), out = dup(1);
    int text = memfd_create("stdout", MFD_CLOEXEC), errors = memfd_create("stderr", MFD_CLOEXEC);
    if (!start || in < 0 || out < 0 || dup2(text, 1) < 0 || dup2(errors, 2) < 0)
        _exit(1);
    for (;;) {
        uint32_t length;
        read_all(in, &length, sizeof length);
        if (length >= sizeof question)
            _exit(1);
        read_all(in, question, length);
        question[length] = 0;
        for (int fd = 1; fd <= 2; fd++)
            if (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0)
                _exit(1);
        pid_t child = fork();
        if (child == 0) {
            close(in);
            close(out);
            limit(RLIMIT_CORE, 0);
            limit(RLIMIT_AS, ADDRESS_SPACE);
            limit(RLIMIT_CPU, CPU_SECONDS);
            set_arguments();
            return start(answer, argc, argv, init, fini, rtld_fini, stack_end);
        }
        struct pollfd end = { (int)syscall(SYS_pidfd_open, child, 0), POLLIN, 0 };
        if (child > 0 && end.fd >= 0 && poll(&end, 1, SECONDS * 1000) == 0)
            kill(child, SIGKILL);
        close(end.fd);
        int status;
        if (child < 0 || waitpid(child, &status, 0) != child)
            _exit(1);
        uint32_t head[3] = { (uint32_t)status, (uint32_t)lseek(1, 0, SEEK_END),
                             (uint32_t)lseek(2, 0, SEEK_END) };
        write_all(out, head, sizeof head);
        send_text(out, 1, head[1]);
        send_text(out, 2, head[2]);
    }
}
