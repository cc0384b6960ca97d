/* crond-history: keeps the record of runs, so that the scheduler need not know a database.
 * Flow: started by the scheduler with one end of a socket; see history.h. */
#include "config.h"

#include <stdio.h>

int main(void)
{
	fputs("usage: crond-history SOCKET_FD FILE\nStarted by crond, not by hand.\n", stderr);
	return 2;
}
