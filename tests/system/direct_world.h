/* What direct_test executes in: files of every bad kind, directories to stand in, and
 * the commands and environments to try there. */
#ifndef DIRECT_WORLD_H
#define DIRECT_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WORLD_CWDS = 5, SAMPLE_ENV_MOST = 24 };

struct world {
	char root[64];
	int cwd[WORLD_CWDS]; /* O_PATH: work, through a symlink, below a shut directory, deleted, /
	                      */
	char **words, **names; /* what the shell's own binary holds, NULL-terminated */
	uint64_t seed;
};

struct sample {
	char command[2048];
	size_t env_count;
	char env[SAMPLE_ENV_MOST][6144];
	int cwd; /* index */
};

/* 0, or -1 with a message on standard error. tool: the program to copy. */
int world_make(struct world *w, const char *tool);
/* Removes the files. */
void world_remove(struct world *w);
/* The environment of a plain job. */
void sample_plain(const struct world *w, struct sample *s);
void sample_env(struct sample *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The environment of a plain job made nasty in the i-th way; false: no more ways. */
bool sample_nasty(const struct world *w, struct sample *s, size_t i);
/* Anything: some plain, some nasty. */
void sample_any(struct world *w, struct sample *s);

#endif
