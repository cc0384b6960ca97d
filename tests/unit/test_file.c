/* test_file: whole files in and out, and what is no file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crond/base/buf.h"
#include "crond/base/file.h"

static int dir_new(void **state)
{
	static char path[] = "/tmp/test_file.XXXXXX";
	int *fd = malloc(sizeof(*fd));

	if (!fd || !mkdtemp(path))
		return -1;
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0 || fchdir(*fd))
		return -1;
	*state = fd;
	return 0;
}

static int dir_remove(void **state)
{
	int *fd = *state;
	char path[64];
	char link[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", *fd);
	if (readlink(path, link, sizeof(link) - 1) < 0)
		return -1;
	static const char *const names[] = { "f", "link", "fifo", "g", "sub/h", "big" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		unlinkat(*fd, names[i], 0);
	unlinkat(*fd, "sub", AT_REMOVEDIR);
	close(*fd);
	free(fd);
	return chdir("/") || rmdir(link); /* fails when something was left over */
}

static int entries(int fd)
{
	int n = 0;
	DIR *d = fdopendir(openat(fd, ".", O_RDONLY | O_DIRECTORY));

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void content_is(int dirfd, const char *name, const char *want)
{
	struct buf b = { 0 };
	struct stat st;
	int fd = file_open(dirfd, name, 0, &st);

	assert_true(fd >= 0);
	assert_int_equal(file_read(fd, 1 << 20, &b), 0);
	assert_string_equal(buf_text(&b), want);
	assert_int_equal(st.st_size, strlen(want));
	close(fd);
	buf_free(&b);
}

static void replaces(void **state)
{
	int dirfd = *(int *)*state;
	struct stat st;
	int n = entries(dirfd);

	umask(077);
	assert_int_equal(file_replace(dirfd, "f", 0644, "one", 3, 0), 0);
	content_is(dirfd, "f", "one");
	assert_int_equal(fstatat(dirfd, "f", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(file_replace(dirfd, "f", 0600, "two!", 4, 1), 0);
	content_is(dirfd, "f", "two!");
	assert_int_equal(mkdirat(dirfd, "sub", 0755), 0);
	assert_int_equal(file_replace(dirfd, "sub/h", 0600, "", 0, 0), 0);
	content_is(dirfd, "sub/h", "");
	assert_int_equal(file_replace(AT_FDCWD, "g", 0600, "g", 1, 1), 0);
	content_is(dirfd, "g", "g");
	assert_int_equal(entries(dirfd), n + 3);
}

static void replace_fails_whole(void **state)
{
	int dirfd = *(int *)*state;
	int n = entries(dirfd);

	assert_int_equal(file_replace(dirfd, "none/x", 0600, "x", 1, 0), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(file_replace(dirfd, "sub", 0600, "x", 1, 0), -1); /* a directory */
	assert_int_equal(errno, EISDIR);
	assert_int_equal(file_replace(dirfd, "sub/", 0600, "x", 1, 0), -1);
	assert_int_equal(entries(dirfd), n); /* no temporary file stays */
}

static void opens_only_files(void **state)
{
	int dirfd = *(int *)*state;
	struct stat st;
	int fd;

	assert_int_equal(mkfifoat(dirfd, "fifo", 0600), 0);
	assert_int_equal(symlinkat("f", dirfd, "link"), 0);
	assert_int_equal(file_open(dirfd, "fifo", 0, &st), -1); /* would wait for ever */
	assert_int_equal(errno, ENXIO);
	assert_int_equal(file_open(dirfd, ".", 0, &st), -1);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(file_open(dirfd, "link", 0, &st), -1);
	assert_int_equal(errno, ELOOP);
	assert_int_equal(file_open(dirfd, "none", 0, &st), -1);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(file_open(AT_FDCWD, "/dev/null", 1, &st), -1);
	assert_int_equal(errno, ENXIO);
	fd = file_open(dirfd, "link", 1, &st);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_true(S_ISREG(st.st_mode));
	close(fd);
}

static void reads_up_to_most(void **state)
{
	int dirfd = *(int *)*state;
	size_t n = 200000;
	char *bytes = malloc(n);
	struct buf b = { 0 };
	struct stat st;
	int fd;

	assert_non_null(bytes);
	memset(bytes, 'x', n);
	assert_int_equal(file_replace(dirfd, "big", 0600, bytes, n, 0), 0);
	buf_puts(&b, "head");
	fd = file_open(dirfd, "big", 0, &st);
	assert_int_equal(file_read(fd, n - 1, &b), -1);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(b.len, 4);
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(file_read(fd, n, &b), 0);
	assert_int_equal(b.len, n + 4);
	assert_memory_equal(b.data + 4, bytes, n);
	assert_int_equal(file_read(-1, n, &b), -1);
	assert_int_equal(errno, EBADF);
	close(fd);
	buf_free(&b);
	free(bytes);
}

static void write_reports(void **state)
{
	int pair[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(file_write(pair[0], "abc", 3), 0);
	assert_int_equal(file_write(-1, "abc", 3), -1);
	assert_int_equal(errno, EBADF);
	assert_int_equal(file_write(-1, "abc", 0), 0);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replaces),
		cmocka_unit_test(replace_fails_whole),
		cmocka_unit_test(opens_only_files),
		cmocka_unit_test(reads_up_to_most),
		cmocka_unit_test(write_reports),
	};

	return cmocka_run_group_tests(tests, dir_new, dir_remove);
}
