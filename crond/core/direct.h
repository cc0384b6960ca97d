/* direct: can a command be executed without its shell, and nobody could tell?
 * Flow: asked once for each job when its run is written; the keeper executes the
 * words, and falls back to the shell when they cannot be executed. */
#ifndef CORE_DIRECT_H
#define CORE_DIRECT_H

#include <stdbool.h>
#include <stddef.h>

#include "crond/base/slice.h"

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

#endif
