/* For LD_PRELOAD: where the bytes of an event (before.h) hold a mark, the process dies, or lingers to be killed:
 *
 *   x-fault    writes where nothing may be written
 *   x-abort    calls abort()
 *   x-linger   makes the file that CRASH_LINGER names and waits; goes on at once where it names none
 *
 * Only so are there events on which the daemon dies; it has no such switch itself. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "before.h"

static int has(const void *p, size_t n, const char *mark)
{
	return memmem(p, n, mark, strlen(mark)) != NULL;
}

static void look(const void *p, size_t n)
{
	static int *volatile nowhere;
	const char *linger = getenv("CRASH_LINGER");

	if (has(p, n, "x-fault"))
		*nowhere = 1;
	if (has(p, n, "x-abort"))
		abort();
	if (linger && has(p, n, "x-linger")) {
		close(open(linger, O_CREAT | O_WRONLY, 0600));
		for (;;)
			pause();
	}
}
