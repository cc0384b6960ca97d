/* A fuzzer's main where there is no fuzzer: runs each file, and each file of each
 * directory, that is named; without a name, the corpus of fuzz_NOUN, found below
 * $srcdir. What a fuzzer once found so stays found in every `make check`. */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MOST = 16 * 1024 * 1024, PATH_ROOM = 4096 };

static long replay(const char *path);

static long replay_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rbe");
	uint8_t *data =
	        malloc(size ? size : 1); /* exactly, so that a sanitizer sees one byte more */
	long done = -1;

	if (f && data && size <= INPUT_MOST && fread(data, 1, size, f) == size) {
		LLVMFuzzerTestOneInput(data, size);
		done = 1;
	} else {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
	}
	free(data);
	if (f)
		fclose(f);
	return done;
}

static long replay_directory(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	char name[PATH_ROOM];
	long done = 0, one = d ? 0 : -1;

	while (one >= 0 && (e = readdir(d)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		one = replay(name);
		done += one;
	}
	if (d)
		closedir(d);
	return one < 0 ? -1 : done;
}

/* How many inputs were run, or -1. */
static long replay(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		fprintf(stderr, "replay: %s: %s\n", path, strerror(errno));
		return -1;
	}
	return S_ISDIR(st.st_mode) ? replay_directory(path) : replay_file(path, (size_t)st.st_size);
}

static long replay_own_corpus(const char *program)
{
	const char *noun = strstr(program, "fuzz_"), *srcdir = getenv("srcdir");
	char path[PATH_ROOM];

	for (const char *later; noun && (later = strstr(noun + 1, "fuzz_"));)
		noun = later;
	if (!noun)
		return -1;
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".",
	        noun + strlen("fuzz_"));
	return replay(path);
}

int main(int argc, char **argv)
{
	long all = argc > 1 ? 0 : replay_own_corpus(argv[0]);

	for (int i = 1; i < argc && all >= 0; i++) {
		long one = replay(argv[i]);

		all = one < 0 ? -1 : all + one;
	}
	printf("%ld inputs\n", all < 0 ? 0 : all);
	return all > 0 ? 0 : 1;
}
