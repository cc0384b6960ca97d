/* editor: the caller's editor, run on one file.
 * Flow: edit starts it and waits for it. */
#ifndef TOOL_EDITOR_H
#define TOOL_EDITOR_H

struct identity;

/* Runs VISUAL, else EDITOR, else the system's editor on path, through the shell, as
 * the caller and with default signals. 0, or -1 after saying how it failed. */
int editor_run(const struct identity *i, const char *path);

#endif
