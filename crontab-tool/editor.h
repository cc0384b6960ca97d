/* editor: the caller's editor, run on one file.
 * Flow: edit starts it and waits for it. */
#ifndef TOOL_EDITOR_H
#define TOOL_EDITOR_H

struct request;

/* Runs VISUAL, else EDITOR, else otherwise on path, through the shell, as the caller and
 * with default signals. HUP, INT and QUIT are ignored meanwhile; TERM, which is to be
 * blocked, is handed on to it. 0, or -1 after saying how it failed. */
int editor_run(const struct request *r, const char *otherwise, const char *path);

#endif
