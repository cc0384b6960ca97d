/* install: a new table is judged and put in place.
 * Flow: crontab FILE and crontab -e end here. */
#ifndef TOOL_INSTALL_H
#define TOOL_INSTALL_H

#include "crond/base/slice.h"

struct request;
struct spool;

enum install_result { INSTALL_DONE, INSTALL_BAD, INSTALL_FAILED };

/* Judges table as what came from file and, unless it is to be judged only, installs it. BAD: its
 * author can do something about it. What is wrong has been said. The caller's ids are in
 * force before and after. */
enum install_result install_table(
        const struct request *r, const struct spool *s, const char *file, struct slice table);

#endif
