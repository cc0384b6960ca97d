/* stage: what the tests of keepers have in common.
 * Flow: a player and a launcher for each test, their log in a file, questions about both. */
#ifndef TESTS_STAGE_H
#define TESTS_STAGE_H

#include <sys/types.h>

#include "tests/unit/player.h"

enum { SOON_MS = 30000 };

#define LIST(text) ((struct slice){ text, sizeof(text) })
#define STAGE_TEST(f) cmocka_unit_test_setup_teardown(f, stage_setup, stage_teardown)

/* CRONWARD_LAUNCHER, or crond/crond-launcher. */
const char *stage_launcher(void);
int stage_setup(void **state);
int stage_teardown(void **state);
/* What the launcher and keepers logged; does it have this line within ms? */
const char *stage_log(struct player *p);
bool stage_log_says(struct player *p, const char *what, int ms);
/* Sends a run and waits for its end; the outcome is valid until the next one. */
struct outcome stage_run(struct player *p, const struct run *r);
void stage_assert_output(const struct outcome *o, const char *text);
/* A path in the player's directory, valid until the next call. */
char *stage_file(struct player *p, const char *name);
void stage_file_wait(const char *path, off_t size);
/* What jobs of a test wait for, made: one that lives for a while instead may be over too soon. */
void stage_file_make(const char *path);
/* How much longer things may take than on a machine that is ours alone: LAB_SLOWNESS, or 1. */
uint32_t stage_slowness(void);
/* How many processes have this text among their arguments? They get sig, unless it is 0. */
int stage_processes_signal(const char *marker, int sig);
int stage_processes(const char *marker);
/* Writes the program .mailer. */
void stage_mailer(struct player *p, const char *script);

#endif
