/* Preloaded into PostgreSQL, or into a node of the torture: what a disk and a clock do when they fail, without a disk or a
 * clock of our own, which would ask for more rights than a test has.
 *
 * PROMETRIC_FAULTS names a folder. While a file `full` is there, no regular file can grow; a file `fsync` makes the next
 * sync fail, and goes with it. PROMETRIC_CLOCK shifts the time of day by so many seconds. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

/* Whether that file is in the folder; its path. */
static int is_armed(const char *fault, char *path, size_t size) {
    const char *folder = getenv("PROMETRIC_FAULTS");
    int before = errno, armed;
    if (folder == NULL) return 0;
    snprintf(path, size, "%s/%s", folder, fault);
    armed = access(path, F_OK) == 0;
    errno = before;
    return armed;
}

/* On a full disk, what is there can still be written over. */
static int has_no_room(int file, off_t end) {
    char path[4096];
    struct stat at;
    if (!is_armed("full", path, sizeof path)) return 0;
    if (fstat(file, &at) != 0 || !S_ISREG(at.st_mode) || end <= at.st_size) return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t pwrite(int file, const void *bytes, size_t count, off_t at) {
    return has_no_room(file, at + (off_t)count) ? -1 : NEXT(pwrite)(file, bytes, count, at);
}

ssize_t pwrite64(int file, const void *bytes, size_t count, off_t at) __attribute__((alias("pwrite")));

ssize_t pwritev(int file, const struct iovec *parts, int count, off_t at) {
    off_t end = at;
    for (int part = 0; part < count; part++) end += (off_t)parts[part].iov_len;
    return has_no_room(file, end) ? -1 : NEXT(pwritev)(file, parts, count, at);
}

ssize_t pwritev64(int file, const struct iovec *parts, int count, off_t at) __attribute__((alias("pwritev")));

int posix_fallocate(int file, off_t at, off_t count) {
    return has_no_room(file, at + count) ? ENOSPC : NEXT(posix_fallocate)(file, at, count);
}

int posix_fallocate64(int file, off_t at, off_t count) __attribute__((alias("posix_fallocate")));

/* Only one of those who come at the same time can remove the file. */
static int sync_fails(void) {
    char path[4096];
    if (!is_armed("fsync", path, sizeof path) || unlink(path) != 0) return 0;
    errno = EIO;
    return 1;
}

int fsync(int file) { return sync_fails() ? -1 : NEXT(fsync)(file); }

int fdatasync(int file) { return sync_fails() ? -1 : NEXT(fdatasync)(file); }

int clock_gettime(clockid_t clock, struct timespec *now) {
    int answer = NEXT(clock_gettime)(clock, now);
    const char *shift = getenv("PROMETRIC_CLOCK");
    if (answer == 0 && shift != NULL && clock == CLOCK_REALTIME) now->tv_sec += atol(shift);
    return answer;
}
