/* Cuts programs off at one of their calls that change storage. It is loaded into all programs of the
 * machine (/etc/ld.so.preload), and does nothing but in the process group that /run/cut names, which
 * holds five numbers of eight bytes:
 *
 *     group   the process group
 *     seen    calls so far, of all its processes
 *     at      the call at which something happens; 0 for none
 *     how     1: the whole group is killed before the call
 *             2: the same after the first half of it, if it is a write
 *             3: from this call on all fail with EIO
 *             4: the same with ENOSPC
 *     log     whether each call is noted in /run/cut.log: process, program, what
 *
 * Calls that change storage are writes, flushes, and those of device-mapper that change a device. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/dm-ioctl.h>
#include <linux/fs.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

struct cut {
    int64_t group, seen, at, how, log;
};

enum { KILL = 1, TORN, FAIL, FULL };

static struct cut *cut;

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) \
        *(void **)&real = dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void find(void)
{
    int fd = open("/run/cut", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof *cut, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED)
        cut = map;
    close(fd);
}

static void die(void)
{
    kill(0, SIGKILL);
    for (;;)
        pause();
}

/* What is to become of this call: 0 goes on, an errno fails, -1 is done by half. */
static int meet(const char *what)
{
    if (!cut || getpgrp() != cut->group)
        return 0;
    int64_t seen = __atomic_add_fetch(&cut->seen, 1, __ATOMIC_SEQ_CST);
    if (cut->log) {
        char line[100];
        int length = snprintf(line, sizeof line, "%d %s %s\n", (int)getpid(),
                              program_invocation_short_name, what);
        int fd = open("/run/cut.log", O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0) {
            (void)!write(fd, line, (size_t)length);
            close(fd);
        }
    }
    if (!cut->at || seen < cut->at)
        return 0;
    switch (cut->how) {
    case FAIL: return EIO;
    case FULL: return ENOSPC;
    case TORN:
        if (strncmp(what, "pwrite", 6) == 0)
            return -1;
    }
    die();
    return 0;
}

static size_t half(size_t length)
{
    return length > 1024 ? length / 2 / 512 * 512 : 512;
}

#define PWRITE(name, offset_t) \
    ssize_t name(int fd, const void *data, size_t length, offset_t offset) \
    { \
        REAL(name); \
        int answer = meet("pwrite"); \
        if (answer > 0) { \
            errno = answer; \
            return -1; \
        } \
        if (answer < 0) { \
            if (length > 512) \
                (void)!real(fd, data, half(length), offset); \
            die(); \
        } \
        return real(fd, data, length, offset); \
    }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

#define PWRITEV(name, offset_t) \
    ssize_t name(int fd, const struct iovec *parts, int count, offset_t offset) \
    { \
        REAL(name); \
        int answer = meet("pwritev"); \
        if (answer > 0) { \
            errno = answer; \
            return -1; \
        } \
        if (answer < 0) { \
            struct iovec first = parts[0]; \
            if (count == 1) \
                first.iov_len = half(first.iov_len); \
            (void)!real(fd, &first, 1, offset); \
            die(); \
        } \
        return real(fd, parts, count, offset); \
    }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

#define SYNC(name) \
    int name(int fd) \
    { \
        REAL(name); \
        int answer = meet(#name); \
        if (answer) { \
            errno = answer; \
            return -1; \
        } \
        return real(fd); \
    }
SYNC(fsync)
SYNC(fdatasync)

#define FALLOCATE(name, offset_t) \
    int name(int fd, int mode, offset_t offset, offset_t length) \
    { \
        REAL(name); \
        int answer = meet("fallocate"); \
        if (answer) { \
            errno = answer; \
            return -1; \
        } \
        return real(fd, mode, offset, length); \
    }
FALLOCATE(fallocate, off_t)
FALLOCATE(fallocate64, off64_t)

/* libaio's, which LVM reads and writes with; it gives the error back. */
int io_submit(void *context, long count, struct iocb **requests);
int io_submit(void *context, long count, struct iocb **requests)
{
    REAL(io_submit);
    int answer = 0;
    for (long i = 0; i < count && !answer; i++)
        if (requests[i]->aio_lio_opcode == IOCB_CMD_PWRITE)
            answer = meet("io_submit");
    return answer ? -answer : real(context, count, requests);
}

static const char *change(unsigned long request)
{
    if (_IOC_TYPE(request) == DM_IOCTL)
        switch (_IOC_NR(request)) {
        case DM_DEV_CREATE_CMD: return "dm create";
        case DM_DEV_REMOVE_CMD: return "dm remove";
        case DM_DEV_RENAME_CMD: return "dm rename";
        case DM_DEV_SUSPEND_CMD: return "dm suspend or resume";
        case DM_TABLE_LOAD_CMD: return "dm load";
        }
    if (request == BLKZEROOUT)
        return "zeroout";
    if (request == BLKDISCARD)
        return "discard";
    return NULL;
}

int ioctl(int fd, unsigned long request, ...)
{
    REAL(ioctl);
    va_list list;
    va_start(list, request);
    void *argument = va_arg(list, void *);
    va_end(list);
    const char *what = change(request);
    int answer = what ? meet(what) : 0;
    if (answer) {
        errno = answer;
        return -1;
    }
    return real(fd, request, argument);
}
