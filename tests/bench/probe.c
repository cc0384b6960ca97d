/* The job that the benchmark starts: notes the nanosecond at which it came to life, as
 * eight bytes at the end of the file that is its only argument. */
#include <fcntl.h>
#include <stdint.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec now;
	int64_t ns;
	int fd;

	clock_gettime(CLOCK_REALTIME, &now);
	ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	fd = argc == 2 ? open(argv[1], O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
	return fd < 0 || write(fd, &ns, sizeof(ns)) != sizeof(ns);
}
