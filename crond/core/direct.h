/* direct: can a command be executed without its shell, and nobody could tell?
 * Flow: asked once for each job when its run is written; the keeper executes the
 * words, and falls back to the shell when they cannot be executed. */
#ifndef CORE_DIRECT_H
#define CORE_DIRECT_H

#include <stdbool.h>
#include <stddef.h>

#include "crond/base/slice.h"

/* One thing can be told, and is left so: what a shell executes is its child and leads
 * no session; executed in its place, a command is the keeper's child and leads one. */
enum { DIRECT_WORDS_MOST = 64 };

/* Cuts a command into words where /bin/sh -c would execute exactly these words: no
 * metacharacter, quote, expansion, builtin, function, reserved word, assignment,
 * glob, tilde or comment; an ordinary first word. The words are written NUL-terminated
 * one behind the other into out (command.n + 1 bytes are enough). Their number, or 0: use the shell. */
size_t direct_words(struct slice command, char *out);
/* Is every name in this environment one that the shell hands on untouched, and PATH
 * one that it searches as execvp would (absolute elements only)? env: NULL-terminated
 * "NAME=value". */
bool direct_environment(const char *const *env);
/* dash does not execute a command in its own place: it waits for it, and says what
 * killed it. What is then seen of a command that a signal ended: returns the exit
 * status, and leaves in line (size bytes) what goes to standard error, "" for nothing. */
int direct_death(int sig, bool core_dumped, char *line, size_t size);

#endif
