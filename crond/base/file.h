/* file: whole files in, whole files out.
 * Flow: loaders read configuration, tables and records with it; state is
 * replaced with it. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

struct buf;

/* Opens a regular file for reading without ever waiting for a FIFO or device
 * (O_NONBLOCK|O_CLOEXEC|O_NOCTTY; O_NOFOLLOW too unless follow), and fills *st
 * from the open descriptor. The descriptor, or -1 with errno (ENXIO or EISDIR,
 * ELOOP for what is no regular file). */
int file_open(int dirfd, const char *path, int follow, struct stat *st);
/* Appends the rest of fd to out. 0, or -1 with errno (EFBIG above most bytes,
 * ENOMEM) and nothing appended. */
int file_read(int fd, size_t most, struct buf *out);
/* Writes all n bytes, over short writes and EINTR. 0 or -1 with errno. */
int file_write(int fd, const void *bytes, size_t n);
/* Puts a file in place, whole or not at all: temporary file in the same
 * directory, mode, write, fsync if sync, rename, fsync of the directory if
 * sync. name may have directories in front. 0, or -1 with errno and the old file
 * untouched (but where only the directory's fsync failed: then the new one stands). */
int file_replace(int dirfd, const char *name, mode_t mode, const void *bytes, size_t n, int sync);
/* Is there a file of that name, be it a dangling link? Not by faccessat(), whose flags need
 * a system call that kernels before 5.8 lack and filters refuse. */
bool file_exists(int at, const char *name);

#endif
